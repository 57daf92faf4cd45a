"""The names of the rules."""

from __future__ import annotations

from spikeproof.base import Registry
from spikeproof.train.moment import Rule
from spikeproof.train.rules.epoch_fusion import EpochFusion
from spikeproof.train.rules.fusion import NaturalFusion
from spikeproof.train.rules.overfitting import OverfittingWatch
from spikeproof.train.rules.retraction import Retraction
from spikeproof.train.rules.ssdp import SSDP

__all__ = ["RULES"]

RULES: Registry[Rule] = Registry(
    "rule",
    {
        "epoch_fusion": EpochFusion,
        "natural_fusion": NaturalFusion,
        "overfitting_watch": OverfittingWatch,
        "retraction": Retraction,
        "ssdp": SSDP,
    },
)
