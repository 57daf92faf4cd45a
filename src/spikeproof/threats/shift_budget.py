"""The best retiming of a whole item when all its events share one budget."""

from __future__ import annotations

import torch
from torch import Tensor

from spikeproof.threats.single_moves import Items, spent_alone
from spikeproof.threats.timing import Worth, best_lines, total_shift

__all__ = ["most_moves", "most_steps"]

# Prices that are tried at most; what is open after so many is legal, and best but for rounding.
_ROUNDS = 60


def most_steps(worth: Worth, x: Tensor, most: float, budget: Tensor) -> Tensor:
    """The events per step that gain most where the steps of an item add up to a budget.

    Args:
        worth: What is gained, of ``(N * L, T)``.
        x: Whole events, float64 ``(N, L, T)``.
        most: Events that fit into one step.
        budget: Steps that the events of an item may move in all, whole, ``(N,)``.
    Returns:
        Whole events, ``(N, L, T)``: the best of all that move so far or less, but for the last
        steps of the budget, fewer than the next change of a line takes. These go to the events
        that gain most alone.
    """
    flat = x.flatten(0, 1)
    rows = _movable(worth, flat, most)
    own, worth = flat[rows], worth[rows]
    items = Items(rows, len(x), x.shape[1])
    # λ is the price of a step. What is best at a price is best for the steps that it takes, and
    # these fall as λ rises. Two answers, ``near`` within the budget and ``far`` beyond it, give
    # the price at which they are worth the same; a third one that is better replaces one of them.
    near, far = own.clone(), best_lines(worth, own, most)
    open_ = items.sums(total_shift(far, own)) > budget
    near = torch.where(open_[items.owner][:, None], near, far)
    unsolved = open_.clone()
    for _ in range(_ROUNDS):
        if not unsolved.any():
            break
        price = _price(items, worth, own, near, far)
        part = items.of(unsolved)
        theirs, line = worth[part], own[part]
        found = best_lines(theirs, line, most, price=price[items.owner[part]])
        spent = items.sums(total_shift(found, line), part)
        value = items.sums(theirs.of(found, line), part) - price * spent
        before = items.sums(worth.of(near, own)) - price * items.sums(total_shift(near, own))
        unsolved &= value > before + 1e-9 * before.abs()
        inside = (unsolved & (spent <= budget))[items.owner[part]]
        beyond = (unsolved & (spent > budget))[items.owner[part]]
        near[part[inside]], far[part[beyond]] = found[inside], found[beyond]
    spare = torch.where(open_, budget - items.sums(total_shift(near, own)), 0.0)
    near = _filled(items, near, far, own, spare)
    near = spent_alone(worth, own, near, most, items, torch.where(open_, budget, 0.0))
    return flat.index_copy(0, rows, near).view_as(x)


def most_moves(worth: Worth, x: Tensor, most: float, budget: Tensor) -> Tensor:
    """The events per step that gain most where at most so many events of an item move.

    Args:
        worth: What is gained, of ``(N * L, T)``.
        x: Whole events, float64 ``(N, L, T)``.
        most: Events that fit into one step.
        budget: Events of an item that may move, whole, ``(N,)``.
    Returns:
        Whole events, ``(N, L, T)``.
    """
    flat = x.flatten(0, 1)
    rows = _movable(worth, flat, most)
    if not len(rows):
        return x.clone()
    own, worth = flat[rows], worth[rows]
    items = Items(rows, len(x), x.shape[1])
    # Within a line the events that are cheapest to lose go to the steps that pay most, so the
    # i-th move gains add_i - lose_i, less and less: the best moves of all lines are a sorted list.
    number = torch.arange(int(min(most, float(own.sum(1).max()))), device=x.device)
    low, high = own[..., None] - number, own[..., None] + number + 1
    lose = torch.where(low > 0, worth.marginal(own, low), torch.inf)
    add = torch.where(high <= most, worth.marginal(own, high), -torch.inf)
    lose, cheapest = lose.flatten(1).sort(dim=1, stable=True)
    add, dearest = add.flatten(1).sort(dim=1, descending=True, stable=True)
    gain = items.dense(add - lose)
    order = gain.sort(dim=1, descending=True, stable=True).indices
    place = torch.arange(gain.shape[1], device=x.device)
    chosen = torch.zeros_like(gain, dtype=torch.bool)
    chosen = chosen.scatter(1, order, place < budget[:, None]) & (gain > 0)
    moved = chosen.view(-1, add.shape[1])[rows].to(own)
    change = torch.zeros_like(moved).scatter(1, dearest, moved)
    change = change.scatter_add(1, cheapest, -moved)
    near = own + change.view(*own.shape, len(number)).sum(2)
    return flat.index_copy(0, rows, near).view_as(x)


def _movable(worth: Worth, x: Tensor, most: float) -> Tensor:
    """The lines that have events, room for them elsewhere, and something to gain."""
    total = x.sum(1)
    free = (total > 0) & (total < most * x.shape[1])
    # Where every event gains alike, at every step, it can as well stay.
    return (free & ((worth.slope - worth.curve * x) != 0).any(1)).nonzero().flatten()


def _price(items: Items, worth: Worth, x: Tensor, near: Tensor, far: Tensor) -> Tensor:
    """The price per step at which two answers are worth the same, ``(N,)``."""
    gain = items.sums(worth.of(far, x)) - items.sums(worth.of(near, x))
    steps = items.sums(total_shift(far, x)) - items.sums(total_shift(near, x))
    return torch.where(steps > 0, gain / steps.clamp(min=1), 0.0)


def _filled(items: Items, near: Tensor, far: Tensor, x: Tensor, spare: Tensor) -> Tensor:
    """``near`` with the lines of ``far`` that the rest of the budget pays, the shortest first."""
    # All of these lines are worth their price, so that any of them is as good as another.
    more = items.dense(total_shift(far, x) - total_shift(near, x))
    more = torch.where(more > 0, more, torch.inf)
    shortest, order = more.sort(dim=1, stable=True)
    paid = torch.zeros_like(more, dtype=torch.bool)
    paid = paid.scatter(1, order, shortest.cumsum(1) <= spare[:, None])
    return torch.where(paid.flatten()[items.rows][:, None], far, near)
