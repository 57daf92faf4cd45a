"""Random shifts of events in time: noise to hold retiming attacks against."""

from __future__ import annotations

import torch
from torch import Tensor

from spikeproof.base import Seeds

__all__ = ["jittered"]


def jittered(x: Tensor, seeds: Seeds, measure: str, radius: int) -> Tensor:
    """Events shifted by chance along their lines, cut at the first and the last step.

    Args:
        x: Whole events, ``(N, T, ...)``.
        seeds: One key per item.
        measure: ``"inf"`` shifts every event by a uniform number of steps of at most ``radius``;
            ``"l1"`` spreads ``radius`` single steps over all events alike, in random directions;
            ``"l0"`` moves ``radius`` random events to uniform steps.
        radius: Steps or events.
    Returns:
        Whole events, ``(N, T, ...)``; a cell may hold more of them than it should.
    """
    steps, size = x.shape[1], x[0].numel()
    deep = int(x.max()) if x.numel() else 0
    # Event number k of a cell has draws of its own, however many events other cells have.
    keys = [
        seeds.child("event", k).uniform((2, size), torch.float64, device=x.device)
        for k in range(deep)
    ]
    if not deep or radius == 0:
        return x.clone()
    u, order = torch.stack(keys, 2).unbind(1)  # (N, deep, size) each
    there = x.flatten(1)[:, None] > torch.arange(deep, device=x.device)[:, None]
    time = (torch.arange(size, device=x.device) // (size // steps)).expand_as(u)
    target = _targets(u, order, there, time, steps=steps, measure=measure, radius=radius)
    cell = target * (size // steps) + torch.arange(size, device=x.device) % (size // steps)
    out = torch.zeros_like(x).flatten(1)
    return out.scatter_add(1, cell.flatten(1), there.flatten(1).to(x)).view_as(x)


def _targets(
    u: Tensor,
    order: Tensor,
    there: Tensor,
    time: Tensor,
    *,
    steps: int,
    measure: str,
    radius: int,
) -> Tensor:
    """The step that every event goes to, int64 ``(N, deep, size)``."""
    if measure == "inf":
        return (time + (u * (2 * radius + 1)).floor().long() - radius).clamp(0, steps - 1)
    # Places of the events in a random order, those that are not there last.
    rank = torch.where(there, order, 2.0).flatten(1).argsort(dim=1, stable=True).argsort(1)
    rank = rank.view_as(order)
    if measure == "l0":
        return torch.where(rank < radius, (u * steps).floor().long(), time)
    events = there.flatten(1).sum(1).clamp(min=1)[:, None, None]
    far = radius // events + (rank < radius % events).long()
    later = torch.where(time == 0, True, torch.where(time == steps - 1, False, u > 0.5))
    return torch.where(later, time + far, time - far).clamp(0, steps - 1)
