"""Gradient rules on layers that are not ours: what a rule sees of them, and the slopes it gives."""

from __future__ import annotations

from typing import Any, Never

import torch
from torch import Tensor

from spikeproof.adapters.spikes import Recorder
from spikeproof.neurons import Dynamics, Firing, Rule, Slope

__all__ = ["Replay", "Uniform", "slopes_of"]


class Uniform:
    """One slope at every spike, as a surrogate has it."""

    def __init__(self, slope: Slope) -> None:
        self.slope = slope

    def meet(self, u: Tensor) -> Slope:
        """The slope."""
        return self.slope


class Replay:
    """The slopes that a rule has given for a pass seen before, one a call."""

    def __init__(self, slopes: list[Slope]) -> None:
        self.slopes = iter(slopes)

    def meet(self, u: Tensor) -> Slope | None:
        """The next slope."""
        return next(self.slopes, None)


class _Unserved(Exception):
    """A rule asked for what a layer of others does not show."""


class _Seen(Firing):
    """A call of a layer of others: its membranes and spikes, and nothing of how they came about."""

    def __init__(self, membranes: Tensor) -> None:
        self._membranes = membranes
        self.given: Slope | None = None
        self.answer: Tensor | None = None

    @property
    def membranes(self) -> Tensor:
        """Membranes before the reset, counted from the threshold, without a gradient."""
        return self._membranes

    @property
    def spikes(self) -> Tensor:
        """The spikes, ``(T, N, ...)``."""
        return (self._membranes >= 0).to(self._membranes.dtype)

    def through(self, slope: Slope) -> Tensor:
        """Remember the slope; the layer's own kernel comes later."""
        if self.given is not None:
            raise _Unserved
        self.given, self.answer = slope, self.spikes
        return self.answer

    def straight(self, slope: Tensor | float) -> Never:
        """Nobody knows what drives the layer."""
        raise _Unserved

    @property
    def currents(self) -> Tensor:  # type: ignore[override]
        """Nobody knows them."""
        raise _Unserved

    @property
    def dynamics(self) -> Dynamics:  # type: ignore[override]
        """Nobody knows them."""
        raise _Unserved

    @property
    def drive(self) -> Tensor:
        """Nobody knows it."""
        raise _Unserved


def slopes_of(rule: Rule, seen: Recorder, n: int) -> list[Slope] | None:
    """The slope of every call of a pass that was recorded, or None where the rule wants more.

    A rule is served that looks at membranes and answers with one slope for its layer, like ASSG,
    PDSG and LayerSharpness. One that looks at what drives a neuron cannot be.

    Args:
        rule: What is in force.
        seen: The pass.
        n: How many items it was of.
    """
    slopes: list[Any] = [None] * len(seen.calls)
    try:
        for numbers in seen.layers.values():
            calls = [_steps(seen.calls[number][1], n) for number in numbers]
            firing = _Seen(torch.cat(calls))
            if rule(firing) is not firing.answer or firing.given is None:
                return None
            done = 0
            for number, steps in zip(numbers, calls, strict=True):
                slopes[number] = _cut(firing.given, done, len(steps), seen.calls[number][1])
                done += len(steps)
    except _Unserved:
        return None
    return slopes


def _steps(u: Tensor, n: int) -> Tensor:
    """The membranes of one call as ``(T, N, ...)``, of one step or of several."""
    if u.ndim and len(u) == n:
        return u[None]
    if u.ndim > 1 and u.shape[1] == n:
        return u
    raise _Unserved  # time and items in one axis: which row is whose, nobody says


def _cut(slope: Slope, start: int, length: int, like: Tensor) -> Slope:
    """The slope of one call, of the shape of its membranes."""
    if not isinstance(slope.sharpness, Tensor):
        return slope
    part = slope.sharpness[start : start + length]
    return Slope(slope.shape, part.reshape(like.shape), slope.height)
