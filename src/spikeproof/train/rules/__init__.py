"""What happens to weights beside the optimiser's step."""

from spikeproof.train.rules.epoch_fusion import EpochFusion
from spikeproof.train.rules.fusion import NaturalFusion
from spikeproof.train.rules.overfitting import OverfittingWatch
from spikeproof.train.rules.registry import RULES
from spikeproof.train.rules.retraction import Retraction
from spikeproof.train.rules.ssdp import SSDP

__all__ = ["RULES", "SSDP", "EpochFusion", "NaturalFusion", "OverfittingWatch", "Retraction"]
