"""Kinds of training inputs, and their plain records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spikeproof.base import Registry, SettingError
from spikeproof.data import Domain, Views
from spikeproof.threats import Threat
from spikeproof.train.inputs.adversarial import Adversarial
from spikeproof.train.inputs.average import Average
from spikeproof.train.inputs.base import Inputs
from spikeproof.train.inputs.corruption import CorruptionNoise
from spikeproof.train.inputs.eat import EAT
from spikeproof.train.inputs.gaussian import GaussianNoise
from spikeproof.train.inputs.msd import MSD
from spikeproof.train.inputs.sat import SAT
from spikeproof.train.inputs.worst import Worst

__all__ = ["INPUTS", "inputs_from"]

_CLASSES: tuple[type[Inputs], ...] = (
    Adversarial,
    Average,
    CorruptionNoise,
    EAT,
    GaussianNoise,
    MSD,
    SAT,
    Worst,
)

INPUTS: Registry[Inputs] = Registry(
    "kind of inputs",
    {cls.kind: cls for cls in _CLASSES},
    group="spikeproof.inputs",
    of=Inputs,
    given=Domain | Views,  # belongs to the data set
    bare=Adversarial.kind,
)


def inputs_from(record: Mapping[str, Any], given: Domain | Views | Threat | None) -> Inputs:
    """Rebuild training inputs from plain data.

    Args:
        record: What ``record()`` of the inputs returned.
        given: The domain of the data set; for adversarial inputs under one threat, that threat
            will do.
    Raises:
        SettingError: an unknown kind or setting, or no domain to build on.
    """
    cls = INPUTS[str(record.get("kind", Adversarial.kind))]
    if issubclass(cls, Adversarial):
        return cls.from_record(record, given)
    if given is None or isinstance(given, Threat):
        raise SettingError(
            f"Inputs of kind {cls.kind!r} need the domain of the data; pass "
            "Objective.from_record(record, domain=data.domain)."
        )
    return cls.from_record(record, given)
