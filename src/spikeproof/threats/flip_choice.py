"""Which flips gain most within a budget, also where two polarities exclude each other."""

from __future__ import annotations

import torch
from torch import Tensor

from spikeproof.threats.geometry import Radius

__all__ = ["best_flips"]


def best_flips(gain: Tensor, x: Tensor, budget: Radius, *, exclusive: bool) -> Tensor:
    """Return which cells to flip so that the gains of so many flips at most add up to the most.

    Args:
        gain: What each flip gains, ``(N, *shape)``, float64; -inf where none may be.
        x: Bits, ``(N, *shape)``.
        budget: Flips at most, one number or one per item ``(N, 1)``.
        exclusive: Of the two polarities of a place, on the third axis from the end, only one may be
            1, or as many as in ``x``. The last flip of the budget may then be the second best.
    Returns:
        bool ``(N, *shape)``; no flip that gains nothing.
    Example:
        >>> best_flips(torch.tensor([[1.0, 3.0, -2.0]]), torch.zeros(1, 3), 1, exclusive=False)
        tensor([[False,  True, False]])
    """
    if not isinstance(budget, Tensor):
        budget = torch.full((len(gain), 1), budget, dtype=torch.float64, device=gain.device)
    if not exclusive:
        return _most(gain.flatten(1), budget).view_as(gain)
    by_place = gain.movedim(-3, -1)
    events = (x != 0).movedim(-3, -1)
    chosen = _exclusive(by_place.flatten(1, -2), events.flatten(1, -2), budget)
    return chosen.view(by_place.shape).movedim(-1, -3)


def _most(gain: Tensor, budget: Tensor) -> Tensor:
    """The largest positive gains of each row, ties to the first; bool."""
    best, where = gain.sort(dim=1, descending=True, stable=True)
    kept = (torch.arange(gain.shape[1], device=gain.device) < budget) & (best > 0)
    return torch.zeros_like(gain, dtype=torch.bool).scatter(1, where, kept)


def _exclusive(gain: Tensor, events: Tensor, budget: Tensor) -> Tensor:
    """The best flips of places with two polarities, ``(N, P, 2)``."""
    count = events.sum(2)
    gone = torch.where(events, gain, -torch.inf).amax(2)
    come = torch.where(events, -torch.inf, gain).amax(2)
    # A place has a first flip and a second one, worth less. Into an empty place only the better
    # polarity can come. Where one event is, the other can come once it has gone; if it is the
    # coming that gains more, each of the two flips counts for half of what they gain together.
    turn = (count == 1) & (come > gone)
    first = torch.where(count == 0, come, torch.where(turn, (gone + come) / 2, gone))
    second = torch.where(count == 0, -torch.inf, torch.where(turn, (gone + come) / 2, come))
    second = torch.where(count == 2, gain.amin(2), second)
    flips = torch.stack([first, second], 2)
    chosen = _most(flips.flatten(1), budget).view_as(flips)
    # At the end of the budget one turn may be cut in half: its first flip alone is worth less.
    half = turn & (chosen[..., 0] != chosen[..., 1])
    chosen &= ~half[..., None]
    left = torch.where(chosen | turn[..., None], -torch.inf, flips)
    # A second flip comes only after the first, and the last unit is a single flip.
    left[..., 1] = torch.where(chosen[..., 0], left[..., 1], -torch.inf)
    left[..., 0] = torch.where(half, gone, left[..., 0])
    chosen |= _most(left.flatten(1), half.any(1, keepdim=True).to(budget)).view_as(left)
    one, two = chosen.unbind(2)
    better = torch.nn.functional.one_hot(gain.argmax(2), 2).bool()
    first_flip = torch.where((count == 1)[..., None], events, better)
    return (one[..., None] & first_flip) | (two[..., None] & ~first_flip)
