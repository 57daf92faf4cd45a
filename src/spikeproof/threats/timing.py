"""The best times for the events of a line, exactly: a walk over the steps of time.

Events of one line cannot be told apart, so a line is retimed by saying how many of them there are
at every step. With ``A_t`` events up to step t, ``F_t`` of them at first, the shifts of the events
in order are at most D exactly where ``F_{t-D} <= A_t <= F_{t+D}`` at every t, and add up to
``Σ_t |A_t - F_t|``. Both are sums or bounds over t, so the best line is found step by step.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Worth", "best_lines", "largest_shift", "total_shift", "window"]


@dataclass(frozen=True)
class Worth:
    """What ``v`` events at a step gain over the ``x`` there: ``(v - x) (slope - curve v)``.

    ``slope = g, curve = 0`` is linear in v; ``slope = 2 z - x, curve = 1`` is how much nearer ``v``
    is to ``z`` than ``x``, squared.

    Args:
        slope: ``(R, T)``, float64.
        curve: 0 or 1.
    """

    slope: Tensor
    curve: float

    def of(self, v: Tensor, x: Tensor) -> Tensor:
        """Gain of every line, ``(R,)``; exactly 0 for ``v = x``."""
        return ((v - x) * (self.slope - self.curve * v)).sum(1)

    def marginal(self, x: Tensor, v: Tensor) -> Tensor:
        """Gain of the ``v``-th event of a step over ``v - 1`` of them, ``(R, T, m)``."""
        # The difference of (v - x) (slope - curve v) at v and v - 1.
        return self.slope[..., None] - self.curve * (2 * v - 1 - x[..., None])

    def __getitem__(self, rows: Tensor) -> Worth:
        return Worth(self.slope[rows], self.curve)


def window(x: Tensor, reach: int | None) -> tuple[Tensor, Tensor]:
    """Fewest and most events up to every step where each may move ``reach`` steps, ``(R, T)``.

    Args:
        x: Whole events, ``(R, T)``.
        reach: Steps; None for any number.
    """
    before, steps = x.cumsum(1), x.shape[1]
    reach = steps if reach is None else min(reach, steps)
    total = before[:, -1:]
    low = torch.cat([torch.zeros_like(before[:, :reach]), before[:, : steps - reach]], 1)
    high = torch.cat([before[:, reach:], total.expand(-1, reach)], 1)
    low[:, -1:] = total
    return low, high


def total_shift(v: Tensor, x: Tensor) -> Tensor:
    """Steps that the events of a line moved in all, over the last axis."""
    return (v.cumsum(-1) - x.cumsum(-1)).abs().sum(-1)


def largest_shift(v: Tensor, x: Tensor) -> Tensor:
    """Steps that the event moved that moved farthest, over the last axis, in double precision.

    With ``A`` and ``F`` the events up to each step, event number n was at the first step with
    ``F >= n``. It is enough to look at the n that ``A`` and ``F`` take.
    """
    after, before = v.double().cumsum(-1), x.double().cumsum(-1)
    step = torch.arange(v.shape[-1], device=v.device)
    early = torch.searchsorted(before, after) - step
    late = torch.searchsorted(after, before) - step
    return torch.maximum(early, late).amax(-1).clamp(min=0).double()


def best_lines(
    worth: Worth, x: Tensor, most: float, *, reach: int | None = None, price: Tensor | None = None
) -> Tensor:
    """The events per step that gain most, less a price per step moved; ``x`` where nothing gains.

    Args:
        worth: What is gained.
        x: Whole events of every line, float64 ``(R, T)``.
        most: Events that fit into one step.
        reach: Steps that an event may move at most; None for any number.
        price: What a step of one event costs, ``(R,)``; 0 where absent.
    Returns:
        Whole events, ``(R, T)``, as many in every line as in ``x``.
    Cost:
        With ``w + 1`` numbers of events that may have come by a step and ``m`` events at most in
        one: ``R T (w + 1) (m + 1)`` additions.
    """
    low, high = window(x, reach)
    width = (high - low).amax(1) if len(x) else x.new_zeros(0)
    out = x.clone()
    top = torch.minimum(x.sum(1), torch.full_like(width, most))
    # Lines of about one width and number of events go together: most have few of them.
    size = width.clamp(min=1).log2().ceil() * 64 + top.clamp(min=1).log2().ceil()
    for kind in size.unique().tolist():
        rows = ((size == kind) & (width > 0)).nonzero().flatten()
        if len(rows):
            own = None if price is None else price[rows]
            bounds = low[rows], high[rows]
            out[rows] = _walk(worth[rows], x[rows], int(top[rows].max()), bounds, own)
    gained = worth.of(out, x)
    if price is not None:
        gained = gained - price * total_shift(out, x)
    return torch.where(gained[:, None] > 0, out, x)


def _walk(
    worth: Worth, x: Tensor, top: int, bounds: tuple[Tensor, Tensor], price: Tensor | None
) -> Tensor:
    """The best line, step by step."""
    # Time comes first from here on, so that one step of all lines lies in one piece.
    x, slope = x.T.contiguous(), worth.slope.T.contiguous()
    low, high = (bound.T.long() for bound in bounds)
    before = x.cumsum(0)
    # State s of step t: low_t + s events have come up to it. ``value`` is the most that can have
    # been gained by then, and ``taken`` how many of them come at t itself on the way there.
    state = torch.arange(int((high - low).max()) + 1, device=x.device)[:, None]
    value = torch.where(state == 0, 0.0, -torch.inf).to(x).expand(-1, x.shape[1])
    taken = x.new_zeros((len(x), *value.shape), dtype=torch.int16 if top < 2**15 else torch.int)
    last = torch.zeros_like(low[0])
    for t in range(len(x)):
        best = torch.full_like(value, -torch.inf)
        for v in range(top + 1):
            source = state + (low[t] - last - v)
            inside = (source >= 0) & (source < len(state))
            came = value.gather(0, source.clamp(0, len(state) - 1))
            came = came + (v - x[t]) * (slope[t] - worth.curve * v)
            better = inside & (came > best)
            best = torch.where(better, came, best)
            taken[t].masked_fill_(better, v)
        there = low[t] + state
        best = torch.where(there <= high[t], best, -torch.inf)
        value = best if price is None else best - price * (there - before[t]).abs()
        last = low[t]
    out = torch.zeros_like(x)
    at = torch.zeros_like(last)  # the last step has one state: all events have come
    for t in range(len(x) - 1, -1, -1):
        here = taken[t].gather(0, at[None])[0]
        out[t] = here
        at = low[t] + at - here - (low[t - 1] if t else 0)
    return out.T
