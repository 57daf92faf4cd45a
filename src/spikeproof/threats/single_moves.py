"""Moves of one event alone, for the last steps of a budget; and lines by the item they are of."""

from __future__ import annotations

import torch
from torch import Tensor

from spikeproof.threats.timing import Worth, total_shift

__all__ = ["Items", "spent_alone"]

# Rows of pairs of steps that are looked at together.
_CELLS = 1 << 22


class Items:
    """Which item each of some lines belongs to.

    Args:
        rows: Numbers of the lines among all lines of all items.
        items: How many items.
        lines: How many lines each of them has.
    """

    def __init__(self, rows: Tensor, items: int, lines: int) -> None:
        self.rows, self.items, self.lines = rows, items, lines
        self.owner = rows // lines

    def of(self, which: Tensor) -> Tensor:
        """Positions of the lines of some items, a mask ``(N,)``."""
        return which[self.owner].nonzero().flatten()

    def dense(self, values: Tensor, part: Tensor | None = None) -> Tensor:
        """Values of lines, ``(R, ...)``, among zeros for all the others, ``(N, L * ...)``."""
        out = values.new_zeros(self.items * self.lines, *values.shape[1:])
        out[self.rows if part is None else self.rows[part]] = values
        return out.view(self.items, -1)

    def sums(self, values: Tensor, part: Tensor | None = None) -> Tensor:
        """Sums over the lines of each item, ``(N,)``; the other items change no bit of them."""
        return self.dense(values, part).sum(1)


def spent_alone(
    worth: Worth, x: Tensor, v: Tensor, most: float, items: Items, budget: Tensor
) -> Tensor:
    """Spend what is left of the budgets on events that move alone, each time the one that pays most.

    Args:
        worth: What is gained.
        x: Whole events of the lines, ``(R, T)``.
        v: The same, retimed within the budgets.
        most: Events that fit into one step.
        items: Which item each line belongs to.
        budget: Steps per item, ``(N,)``; 0 leaves an item alone.
    Returns:
        Whole events, ``(R, T)``.
    """
    v = v.clone()
    left = budget - items.sums(total_shift(v, x))
    unsolved = left > 0
    while unsolved.any():
        part = items.of(unsolved)
        gain, source, target = _best_move(
            worth[part], x[part], v[part], most, left[items.owner[part]]
        )
        best, line = items.dense(gain, part).max(1)
        unsolved &= best > 0
        row = torch.full((items.items * items.lines,), -1, device=x.device)
        row[items.rows[part]] = torch.arange(len(part), device=x.device)
        own = row.view(items.items, -1).gather(1, line[:, None])[:, 0][unsolved]
        where = part[own]
        v[where, source[own]] -= 1
        v[where, target[own]] += 1
        left = torch.where(unsolved, budget - items.sums(total_shift(v, x)), left)
    return v


def _best_move(
    worth: Worth, x: Tensor, v: Tensor, most: float, left: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The most that one event of each line gains with the steps left, from where, and to where."""
    found = [
        _pairs(worth[rows], x[rows], v[rows], most, left[rows])
        for rows in torch.arange(len(x), device=x.device).split(max(1, _CELLS // x.shape[1] ** 2))
    ]
    gain, source, target = (torch.cat(each) for each in zip(*found, strict=True))
    return gain, source, target


def _pairs(
    worth: Worth, x: Tensor, v: Tensor, most: float, left: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The same for lines whose pairs of steps fit into memory together."""
    lose = torch.where(v > 0, worth.marginal(x, v[..., None])[..., 0], torch.inf)
    add = torch.where(v < most, worth.marginal(x, v[..., None] + 1)[..., 0], -torch.inf)
    ahead = v.cumsum(1) - x.cumsum(1)
    # An event that moves from s to t > s lowers what has come by s, ..., t - 1 by one; one that
    # moves to t < s raises it. What that adds to the steps moved is a difference of sums.
    later = torch.cat([0 * ahead[:, :1], ((ahead - 1).abs() - ahead.abs()).cumsum(1)], 1)[:, :-1]
    sooner = torch.cat([0 * ahead[:, :1], ((ahead + 1).abs() - ahead.abs()).cumsum(1)], 1)[:, :-1]
    after = torch.ones(x.shape[1], x.shape[1], device=x.device).triu() > 0  # [s, t], t >= s
    steps = torch.where(
        after, later[:, None] - later[..., None], sooner[..., None] - sooner[:, None]
    )
    gain = torch.where(steps <= left[:, None, None], add[:, None] - lose[..., None], -torch.inf)
    best, pair = gain.flatten(1).max(1)
    return best, pair // x.shape[1], pair % x.shape[1]
