"""Kinds of training inputs, and their plain records."""

from __future__ import annotations

from spikeproof.base import Registry
from spikeproof.data import Domain, Views
from spikeproof.train.inputs.adversarial import Adversarial
from spikeproof.train.inputs.average import AVG
from spikeproof.train.inputs.base import Inputs
from spikeproof.train.inputs.corruption import CorruptionNoise
from spikeproof.train.inputs.eat import EAT
from spikeproof.train.inputs.gaussian import GaussianNoise
from spikeproof.train.inputs.msd import MSD
from spikeproof.train.inputs.sat import SAT
from spikeproof.train.inputs.worst import MAX

__all__ = ["INPUTS"]

_CLASSES: tuple[type[Inputs], ...] = (
    Adversarial,
    AVG,
    CorruptionNoise,
    EAT,
    GaussianNoise,
    MSD,
    SAT,
    MAX,
)

INPUTS: Registry[Inputs] = Registry(
    "kind of inputs",
    {cls.kind: cls for cls in _CLASSES},
    group="spikeproof.inputs",
    of=Inputs,
    given=Domain | Views,  # belongs to the data set
    bare=Adversarial.kind,
)
