"""Intervals that hold every value a network computes, and how they cross a layer of neurons.

Everything here is float64 and widened outwards: by what the network's own arithmetic may round, in
any order of its sums, and by what these bounds round themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from spikeproof.neurons import Dynamics

__all__ = ["Box", "rounding", "spikes_of"]

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


def rounding(terms: int, unit: float) -> float:
    """What a sum of ``terms`` products and a bias may be off, relative to the sum of magnitudes."""
    return (terms + 4) * unit


def spikes_of(currents: Box, dynamics: Dynamics, leak: float, gain: float, unit: float) -> Box:
    """Spikes of a layer of neurons, 0 or 1 at each end, ``(T, N, ...)``.

    Args:
        currents: ``(T, N, ...)``.
        dynamics: Threshold, synapse and reset.
        leak: The factor the membrane keeps.
        gain: The factor of the current.
        unit: Twice what one operation of the network may round, relatively.
    """
    theta, past = dynamics.threshold, dynamics.synapse
    # The threshold is itself rounded to the type of the network.
    least, most = theta * (1 - 2 * unit), theta * (1 + 2 * unit)
    regular = currents.constant and not dynamics.soft and not past
    zero = torch.zeros_like(currents.low[0])
    drive, kept = Box(zero, zero), Box(zero, zero)
    never, may = [], []
    for current in map(Box, currents.low, currents.high):
        if past:
            sums = Box(past * drive.low + current.low, past * drive.high + current.high)
            drive = sums.wider(rounding(2, unit) * (past * drive.size + current.size))
        else:
            drive = current
        charged = Box(leak * kept.low + gain * drive.low, leak * kept.high + gain * drive.high)
        charged = charged.wider(rounding(4, unit) * (leak * kept.size + gain * drive.size))
        never.append(charged.low < most)
        may.append(charged.high >= least)
        kept = charged if regular else _after(charged, ~never[-1], may[-1], dynamics, unit)
    fires, may_fire = ~torch.stack(never), torch.stack(may)
    if regular:
        fires, may_fire = _periodic(fires, may_fire)
    return Box(fires.to(zero), may_fire.to(zero))


def _after(charged: Box, fires: Tensor, may_fire: Tensor, dynamics: Dynamics, unit: float) -> Box:
    """What a step leaves behind.

    The reset is no rising map: just below the threshold a membrane keeps almost all of it, just
    above nothing. So there are three cases: it fires in any case, it does not in any case, or
    either, where what is left is the union of both.
    """
    theta = dynamics.threshold
    if dynamics.soft:
        over = Box(charged.low - theta, charged.high - theta)
        over = over.wider(rounding(2, unit) * (charged.size + theta))
    else:
        over = charged.mapped(torch.zeros_like)
    # Where it may do either, only a membrane that reached the threshold was reset.
    rest = -8 * unit * theta if dynamics.soft else 0.0
    low = torch.where(may_fire, charged.low.clamp(max=rest), charged.low)
    stayed = charged.high.clamp(max=theta * (1 + 2 * unit))
    high = torch.where(may_fire, torch.maximum(stayed, over.high), charged.high)
    return Box(torch.where(fires, over.low, low), torch.where(fires, over.high, high))


def _periodic(fires: Tensor, may_fire: Tensor) -> tuple[Tensor, Tensor]:
    """Spikes of hard resets under a constant current, from membranes that were never reset.

    After a spike the membrane starts from zero and runs through the very numbers it ran through
    before: it fires every p steps, p the first step at which it reaches the threshold. That step
    is none before it may, and none after it must.
    """
    steps = len(fires)
    # Step p can be the first spike if no step before it must be one.
    first = may_fire & (fires.cumsum(0) - fires.to(torch.int64) == 0)
    silent = ~fires.any(0)
    every, some = [], []
    for t in range(1, steps + 1):
        hits = torch.tensor([t % p == 0 for p in range(1, steps + 1)], device=fires.device)
        hits = hits.view(-1, *[1] * (fires.ndim - 1))
        some.append((first & hits).any(0))
        every.append(~silent & ~(first & ~hits).any(0))
    return torch.stack(every), torch.stack(some)
