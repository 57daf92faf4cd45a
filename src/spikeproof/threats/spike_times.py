"""The best times for the spikes of a line that holds one per step, spike by spike."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["best_spikes"]


def best_spikes(aims: Tensor, x: Tensor, reach: int, *, nearest: bool) -> Tensor:
    """The spikes per step that are worth most, each at most ``reach`` steps from where it was.

    The best of the first j spikes with the last one at step t adds the worth of t to the best of
    the first j - 1 with the last one before t. Lines have few spikes, so this is less work than
    the walk over all steps that counts above one need (``timing.best_lines``).

    Args:
        aims: What a spike is worth at every step, ``(T, R)``; or the point to come near to.
        x: Bits of every line, ``(T, R)``.
        reach: Steps, at least 1.
        nearest: Whether ``aims`` is a point: a spike at z is worth ``2 z - 1`` then.
    Returns:
        Bits, ``(T, R)``, as many in every line as in ``x``; ``x`` where nothing is gained.
    Example:
        >>> worth, x = torch.tensor([[0.0], [1.0], [3.0]]), torch.tensor([[1.0], [1.0], [0.0]])
        >>> best_spikes(worth, x, 1, nearest=False).flatten().tolist()
        [0.0, 1.0, 1.0]
    """
    number, step = x.T.nonzero().unbind(1)
    if not len(number):
        return x.clone()
    # Lines with most spikes first: those that have a j-th one are then the first so many.
    count, order = torch.bincount(number, minlength=x.shape[1]).sort(descending=True, stable=True)
    count = count[count > 0]
    order = order[: len(count)]
    rank = torch.empty(x.shape[1], dtype=torch.long, device=x.device)
    rank[order] = torch.arange(len(order), device=x.device)
    begun = torch.ones_like(number, dtype=torch.bool)
    begun[1:] = number[1:] != number[:-1]
    here = torch.arange(len(number), device=x.device)
    place = here - here[begun].repeat_interleave(torch.bincount(number)[number[begun]])
    time = torch.zeros(int(count[0]), len(order), dtype=torch.long, device=x.device)
    time[place, rank[number]] = step
    moved, gained = _shifted(aims, order, count, time, (reach, len(x) - 1), nearest)
    out, lines, held = x.clone(), order.expand_as(time), gained & (_ranks(time) < count)
    out[time[held], lines[held]] = 0
    out[moved[held], lines[held]] = 1
    return out


def _ranks(time: Tensor) -> Tensor:
    """The number of each spike within its line, ``(most, 1)``."""
    return torch.arange(len(time), device=time.device)[:, None]


def _shifted(
    aims: Tensor,
    order: Tensor,
    count: Tensor,
    time: Tensor,
    ends: tuple[int, int],
    nearest: bool,
) -> tuple[Tensor, Tensor]:
    """Where every spike goes, ``(most, R)``, and which lines gain by it."""
    reach, last = ends
    shift = torch.arange(-reach, reach + 1, device=time.device)[:, None]
    flat, width = aims.reshape(-1), aims.shape[1]

    def worth(step: Tensor, lines: int) -> Tensor:
        """Of spikes at some steps of the first lines, in double precision."""
        own = flat[step.clamp(0, last) * width + order[:lines]].double()
        return 2 * own - 1 if nearest else own

    value = torch.full(
        (len(shift), len(order)), -torch.inf, dtype=torch.float64, device=time.device
    )
    stayed, came = torch.zeros_like(value[0]), []
    for j in range(len(time)):
        lines = int((count > j).sum())
        target = time[j, :lines] + shift
        gain = worth(target, lines).masked_fill((target < 0) | (target > last), -torch.inf)
        if j:
            # The spike before stands earlier: at one of the first shifts, so many more as there
            # are steps between the two.
            best, which = value[:, :lines].cummax(0)
            until = (shift + (reach - 1) + time[j, :lines] - time[j - 1, :lines]).clamp(
                max=2 * reach
            )
            gain = best.gather(0, until) + gain
            came.append(which.gather(0, until))
        value[:, :lines] = gain
        stayed[:lines] += worth(time[j, None, :lines], lines)[0]
    total, at = value.max(0)
    moved = time.clone()
    for j in range(len(time) - 1, -1, -1):
        lines = int((count > j).sum())
        moved[j, :lines] += at[:lines] - reach
        if j:
            at[:lines] = came[j - 1].gather(0, at[None, :lines])[0]
    return moved, total > stayed
