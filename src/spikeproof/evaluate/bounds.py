"""Intervals that hold every value a network computes, and how they cross a layer of neurons.

Everything here is float64 and widened outwards: by what the network's own arithmetic may round, in
any order of its sums, and by what these bounds round themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor

from spikeproof.neurons import Dynamics

__all__ = ["Box", "Place", "rounding", "spikes_of"]

# Absolute, for what underflows; spikes and thresholds are of the order of 1.
_TINY = 1e-30


@dataclass(frozen=True, eq=False)
class Box:
    """Lowest and highest values, float64, of one shape.

    Args:
        low: Nothing is lower.
        high: Nothing is higher.
        constant: Whether the values are the same at every step of the first axis, whatever they
            are: a repeated image.
    """

    low: Tensor
    high: Tensor
    constant: bool = False

    @property
    def size(self) -> Tensor:
        """Largest magnitude."""
        return torch.maximum(self.low.abs(), self.high.abs())

    def mapped(self, change: Callable[[Tensor], Tensor]) -> Box:
        """The image under a map that never falls where its input rises, and does not round."""
        return Box(change(self.low), change(self.high))

    def wider(self, slack: Tensor) -> Box:
        """Wider by ``slack`` at both ends."""
        slack = slack + _TINY
        return Box(self.low - slack, self.high + slack)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where in a network one is, and how finely it is bounded.

    Args:
        unit: Twice what one operation of the network may round, relatively.
        pieces: Into how many the range of a constant current is cut.
        where: Name of the layer, for errors.
    """

    unit: float
    pieces: int
    where: str = ""

    def inside(self, name: str) -> Place:
        """A layer inside."""
        return replace(self, where=f"{self.where}.{name}")


def rounding(terms: int, unit: float) -> float:
    """What a sum of ``terms`` products and a bias may be off, relative to the sum of magnitudes."""
    return (terms + 4) * unit


def spikes_of(currents: Box, dynamics: Dynamics, leak: float, gain: float, at: Place) -> Box:
    """Spikes of a layer of neurons, 0 or 1 at each end, ``(T, N, ...)``.

    One number drives all steps of a repeated image. Every piece of its range is walked alone, and
    the results are put together: the less a piece holds, the better its membranes remember which
    current it was. One piece is the published bound.

    Args:
        currents: ``(T, N, ...)``.
        dynamics: Threshold, synapse and reset.
        leak: The factor the membrane keeps.
        gain: The factor of the current.
        at: Where.
    """
    if not currents.constant:
        return _walk(currents, dynamics, leak, gain, at.unit)
    steps, low, high = len(currents.low), currents.low[:1], currents.high[:1]
    cuts = [low + (high - low) * k / at.pieces for k in range(at.pieces)] + [high]
    over = [Box(*(end.expand(steps, *end.shape[1:]) for end in ends)) for ends in pairwise(cuts)]
    walked = [_walk(piece, dynamics, leak, gain, at.unit) for piece in over]
    return Box(
        torch.stack([one.low for one in walked]).amin(0),
        torch.stack([one.high for one in walked]).amax(0),
    )


def _walk(currents: Box, dynamics: Dynamics, leak: float, gain: float, unit: float) -> Box:
    """The recursion of one layer, step by step."""
    zero = torch.zeros_like(currents.low[0])
    kept, drive, spikes = Box(zero, zero), Box(zero, zero), []
    for low, high in zip(currents.low, currents.high, strict=True):
        past = dynamics.synapse
        drive = Box(past * drive.low + low, past * drive.high + high).wider(
            rounding(2, unit) * (past * drive.size + Box(low, high).size) * (past > 0)
        )
        charged = Box(leak * kept.low + gain * drive.low, leak * kept.high + gain * drive.high)
        charged = charged.wider(rounding(4, unit) * (leak * kept.size + gain * drive.size))
        # The threshold itself is rounded to the type of the network.
        least, most = (dynamics.threshold * (1 + sign * 2 * unit) for sign in (-1, 1))
        fired, may = charged.low >= most, charged.high >= least
        spikes.append((fired.to(zero), may.to(zero)))
        kept = _after(charged, fired, may, dynamics, most, unit)
    return Box(*(torch.stack(ends) for ends in zip(*spikes, strict=True)))


def _after(
    charged: Box, fired: Tensor, may: Tensor, dynamics: Dynamics, most: float, unit: float
) -> Box:
    """What a step leaves behind.

    The reset is no rising map: just below the threshold a membrane keeps almost all of it, just
    above nothing. So there are three cases: it fired in any case, it did not in any case, or
    either, where what is left is the union of both.
    """
    silent = charged
    if dynamics.soft:
        slack = rounding(2, unit) * (charged.size + most)
        lower = charged.mapped(lambda u: u - dynamics.threshold).wider(slack)
    else:
        lower = charged.mapped(torch.zeros_like)
    # Only a membrane below the threshold stays, only one above it is reset.
    stays = silent.high.clamp(max=most)
    reset = lower.low.clamp(min=-most * 8 * unit) if dynamics.soft else lower.low
    either = Box(torch.minimum(silent.low, reset), torch.maximum(stays, lower.high))
    low = torch.where(fired, lower.low, torch.where(may, either.low, silent.low))
    high = torch.where(fired, lower.high, torch.where(may, either.high, silent.high))
    return Box(low, high)
