"""Kinds of training inputs; each registers itself, and the room's ``__init__`` imports them."""

from __future__ import annotations

from spikeproof.base import Registry
from spikeproof.data import Domain, Views
from spikeproof.train.inputs.base import Inputs

__all__ = ["INPUTS"]

INPUTS: Registry[Inputs] = Registry(
    "kind of inputs",
    group="spikeproof.inputs",
    of=Inputs,
    given=Domain | Views,  # belongs to the data set
    bare="adversarial",  # older records name no kind
)
