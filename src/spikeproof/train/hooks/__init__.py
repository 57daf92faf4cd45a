"""What happens to weights beside the optimiser's step."""

from spikeproof.train.hooks.epoch_fusion import EpochFusion
from spikeproof.train.hooks.fusion import NaturalFusion
from spikeproof.train.hooks.overfitting import OverfittingWatch
from spikeproof.train.hooks.registry import HOOKS
from spikeproof.train.hooks.retraction import Retraction
from spikeproof.train.hooks.ssdp import SSDP

__all__ = ["HOOKS", "SSDP", "EpochFusion", "NaturalFusion", "OverfittingWatch", "Retraction"]
