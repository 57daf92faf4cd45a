"""The best times for the spikes of a line that holds one per step, spike by spike."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["best_spikes"]


def best_spikes(worth: Tensor, x: Tensor, reach: int) -> Tensor:
    """The spikes per step that are worth most, each at most ``reach`` steps from where it was.

    The best of the first j spikes with the last one at step t adds the worth of t to the best of
    the first j - 1 with the last one before t. Lines have few spikes, so this is less work than
    the walk over all steps that counts above one need (``timing.best_lines``).

    Args:
        worth: Of a spike at every step, float64 ``(T, R)``.
        x: Bits of every line, float64 ``(T, R)``, one at least.
        reach: Steps, at least 1.
    Returns:
        Bits, ``(T, R)``, as many in every line as in ``x``; ``x`` where nothing is gained.
    Example:
        >>> worth, x = torch.tensor([[0.0], [1.0], [3.0]]), torch.tensor([[1.0], [1.0], [0.0]])
        >>> best_spikes(worth, x, 1).flatten().tolist()
        [0.0, 1.0, 1.0]
    """
    # Lines with most spikes first: those that have a j-th one are then the first so many.
    count, order = x.sum(0).long().sort(descending=True, stable=True)
    value_of, line = worth[:, order], x[:, order].T.nonzero()
    most = int(count[0])
    place = torch.arange(len(line), device=x.device) - (count.cumsum(0) - count)[line[:, 0]]
    time = torch.zeros(most, len(count), dtype=torch.long, device=x.device)
    time[place, line[:, 0]] = line[:, 1]
    shift = torch.arange(-reach, reach + 1, device=x.device)[:, None]
    value = worth.new_zeros(len(shift), len(count))
    stayed, came, last = torch.zeros_like(value[0]), [], len(x) - 1
    for j in range(most):
        lines = int((count > j).sum())
        target = time[j, :lines] + shift
        gain = value_of[:, :lines].gather(0, target.clamp(0, last))
        gain = gain.masked_fill((target < 0) | (target > last), -torch.inf)
        if j == 0:
            value, before = gain, gain.new_zeros(0)
        else:
            # The spike before stands earlier: at one of the first shifts, so many more as there
            # are steps between the two.
            best, which = value[:, :lines].cummax(0)
            gap = time[j, :lines] - time[j - 1, :lines]
            until = (shift + (reach + gap - 1)).clamp(max=2 * reach)
            value[:, :lines] = best.gather(0, until) + gain
            before = which.gather(0, until)
        came.append(before)
        stayed[:lines] += value_of[:, :lines].gather(0, time[j, None, :lines])[0]
    total, at = value.max(0)
    moved = torch.zeros_like(value_of)
    for j in range(most - 1, -1, -1):
        lines = int((count > j).sum())
        moved.scatter_(0, (time[j, :lines] + at[:lines] - reach)[None], 1.0)
        if j:
            at[:lines] = came[j].gather(0, at[None, :lines])[0]
    out = x.clone()
    gained = (total > stayed).nonzero().flatten()
    out[:, order[gained]] = moved[:, gained]
    return out
