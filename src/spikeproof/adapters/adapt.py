"""The way in: from a network of anybody to one that attacks, audits and other libraries can ask."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from spikeproof.adapters.adapted import Adapted
from spikeproof.adapters.copies import copy_of, tensor_type, unwrapped
from spikeproof.adapters.feeding import Entrance, Exit
from spikeproof.adapters.norse import Norse
from spikeproof.adapters.probing import Wanted, learn
from spikeproof.adapters.protocol import TIMES, Library
from spikeproof.adapters.snntorch import SnnTorch
from spikeproof.adapters.spikingjelly import SpikingJelly
from spikeproof.base import SettingError, check_one_of

__all__ = ["adapt"]

LIBRARIES: tuple[Library, ...] = (SpikingJelly(), SnnTorch(), Norse(), Library())


def adapt(
    model: nn.Module,
    *,
    library: str | None = None,
    time: str | None = None,
    reduce: str | None = None,
    steps: int | None = None,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    example: Tensor | None = None,
) -> Adapted:
    """Return a network of anybody as a function of items, ready to be attacked.
    """
    inside, notes = unwrapped(model)
    if time is not None:
        check_one_of(time, TIMES, "time")
    Exit.parse(reduce)
    if steps is not None and (isinstance(steps, bool) or int(steps) != steps or steps < 1):
        raise SettingError(f"adapt: steps must be a whole number of at least 1; got {steps!r}.")
    network, more = copy_of(inside)
    chosen = _library(inside, library)
    chosen.prepare(network)
    adapted = Adapted(network, chosen, Entrance(mean, std, tensor_type(network)))
    wanted = Wanted(time=time, reduce=reduce, steps=steps, notes=(*notes, *more))
    adapted._learn = partial(learn, wanted=wanted)
    if example is not None:
        learn(adapted, example, wanted)
    return adapted


def _library(model: nn.Module, name: str | None) -> Library:
    """The library of a name, or the first whose layers a network holds."""
    if name is None:
        return next(one for one in LIBRARIES if one.name == "torch" or one.claims(model))
    known = {one.name: one for one in LIBRARIES}
    return known[check_one_of(name, known, "library")]
