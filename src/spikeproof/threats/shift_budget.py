"""The best retiming of a whole item when all its events share one budget."""

from __future__ import annotations

import torch
from torch import Tensor

from spikeproof.threats.single_moves import Items, spent_alone
from spikeproof.threats.timing import Worth, best_lines, total_shift

__all__ = ["most_moves", "most_steps"]

# Prices that are tried at most; what is open after so many is legal, and best but for rounding.
_ROUNDS = 60


def most_steps(worth: Worth, x: Tensor, most: float, budget: Tensor, items: Items) -> Tensor:
    """The events per step that gain most where the steps of an item add up to a budget.

    Args:
        worth: What is gained, of ``(T, R)``.
        x: Whole events of some lines, float64 ``(T, R)``.
        most: Events that fit into one step.
        budget: Steps that the events of an item may move in all, whole, ``(N,)``.
        items: Which item each line belongs to.
    Returns:
        Whole events, ``(T, R)``: the best of all that move so far or less, but for the last
        steps of the budget, fewer than the next change of a line takes. These go to the events
        that gain most alone.
    """
    rows = _movable(worth, x, most)
    own, worth = x[:, rows], worth[rows]
    items = items.narrowed(rows)
    # λ is the price of a step. What is best at a price is best for the steps that it takes, and
    # these fall as λ rises. Two answers, ``near`` within the budget and ``far`` beyond it, give
    # the price at which they are worth the same; a third one that is better replaces one of them.
    # What each line gains and moves by is kept beside them: a round changes few lines.
    near, far = own.clone(), best_lines(worth, own, most)
    far_gain, far_moved = worth.of(far, own), total_shift(far, own)
    open_ = items.sums(far_moved) > budget
    near = torch.where(open_[items.owner], near, far)
    near_gain, near_moved = (
        torch.where(open_[items.owner], torch.zeros_like(each), each)
        for each in (far_gain, far_moved)
    )
    unsolved = open_.clone()
    for _ in range(_ROUNDS):
        if not unsolved.any():
            break
        price = _price(items, (near_gain, far_gain), (near_moved, far_moved))
        part = items.of(unsolved)
        theirs, line = worth[part], own[:, part]
        found = best_lines(theirs, line, most, price=price[items.owner[part]])
        gain, moved = theirs.of(found, line), total_shift(found, line)
        spent = items.sums(moved, part)
        value = items.sums(gain, part) - price * spent
        before = items.sums(near_gain) - price * items.sums(near_moved)
        unsolved &= value > before + 1e-9 * before.abs()
        inside = (unsolved & (spent <= budget))[items.owner[part]]
        beyond = (unsolved & (spent > budget))[items.owner[part]]
        for which, lines, gains, moves in (
            (inside, near, near_gain, near_moved),
            (beyond, far, far_gain, far_moved),
        ):
            lines[:, part[which]] = found[:, which]
            gains[part[which]], moves[part[which]] = gain[which], moved[which]
    spare = torch.where(open_, budget - items.sums(near_moved), 0.0)
    near = _filled(items, near, far, far_moved - near_moved, spare)
    near = spent_alone(worth, own, near, most, items=items, budget=torch.where(open_, budget, 0.0))
    return x.index_copy(1, rows, near)


def most_moves(worth: Worth, x: Tensor, most: float, budget: Tensor, items: Items) -> Tensor:
    """The events per step that gain most where at most so many events of an item move.

    Args:
        worth: What is gained, of ``(T, R)``.
        x: Whole events of some lines, float64 ``(T, R)``.
        most: Events that fit into one step.
        budget: Events of an item that may move, whole, ``(N,)``.
        items: Which item each line belongs to.
    Returns:
        Whole events, ``(T, R)``.
    """
    rows = _movable(worth, x, most)
    if not len(rows):
        return x.clone()
    own, worth = x[:, rows], worth[rows]
    items = items.narrowed(rows)
    # Within a line the events that are cheapest to lose go to the steps that pay most, so the
    # i-th move gains add_i - lose_i, less and less: the best moves of all lines are a sorted list.
    number = torch.arange(int(min(most, float(own.sum(0).max()))), device=x.device)
    low, high = own[..., None] - number, own[..., None] + number + 1
    lose = torch.where(low > 0, worth.marginal(own, low), torch.inf)
    add = torch.where(high <= most, worth.marginal(own, high), -torch.inf)
    # Line by line from here on, with every step as often as it can lose or take an event.
    lose, cheapest = lose.transpose(0, 1).flatten(1).sort(dim=1, stable=True)
    add, dearest = add.transpose(0, 1).flatten(1).sort(dim=1, descending=True, stable=True)
    gain = items.dense(add - lose)
    order = gain.sort(dim=1, descending=True, stable=True).indices
    place = torch.arange(gain.shape[1], device=x.device)
    chosen = torch.zeros_like(gain, dtype=torch.bool)
    chosen = chosen.scatter(1, order, place < budget[:, None]) & (gain > 0)
    moved = chosen.view(-1, add.shape[1])[items.rows].to(own)
    change = torch.zeros_like(moved).scatter(1, dearest, moved)
    change = change.scatter_add(1, cheapest, -moved)
    near = own + change.view(len(rows), len(x), -1).sum(2).T
    return x.index_copy(1, rows, near)


def _movable(worth: Worth, x: Tensor, most: float) -> Tensor:
    """The lines that have events, room for them elsewhere, and something to gain."""
    total = x.sum(0)
    free = (total > 0) & (total < most * len(x))
    # Where every event gains alike, at every step, it can as well stay.
    return (free & ((worth.slope - worth.curve * x) != 0).any(0)).nonzero().flatten()


def _price(items: Items, gains: tuple[Tensor, Tensor], moves: tuple[Tensor, Tensor]) -> Tensor:
    """The price per step at which two answers are worth the same, ``(N,)``."""
    gain, steps = (items.sums(far) - items.sums(near) for near, far in (gains, moves))
    return torch.where(steps > 0, gain / steps.clamp(min=1), 0.0)


def _filled(items: Items, near: Tensor, far: Tensor, moves: Tensor, spare: Tensor) -> Tensor:
    """``near`` with the lines of ``far`` that the rest of the budget pays, the shortest first."""
    # All of these lines are worth their price, so that any of them is as good as another.
    more = items.dense(moves)
    more = torch.where(more > 0, more, torch.inf)
    shortest, order = more.sort(dim=1, stable=True)
    paid = torch.zeros_like(more, dtype=torch.bool)
    paid = paid.scatter(1, order, shortest.cumsum(1) <= spare[:, None])
    return torch.where(paid.flatten()[items.rows], far, near)
