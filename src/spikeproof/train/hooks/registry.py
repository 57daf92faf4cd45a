"""The names of the hooks."""

from __future__ import annotations

from spikeproof.base import Registry
from spikeproof.train.hooks.epoch_fusion import EpochFusion
from spikeproof.train.hooks.fusion import NaturalFusion
from spikeproof.train.hooks.hook import Hook
from spikeproof.train.hooks.overfitting import OverfittingWatch
from spikeproof.train.hooks.retraction import Retraction
from spikeproof.train.hooks.ssdp import SSDP

__all__ = ["HOOKS"]

HOOKS: Registry[Hook] = Registry(
    "hook",
    {
        "epoch_fusion": EpochFusion,
        "natural_fusion": NaturalFusion,
        "overfitting_watch": OverfittingWatch,
        "retraction": Retraction,
        "ssdp": SSDP,
    },
    group="spikeproof.hooks",
    of=Hook,
)
