"""The best times for the events of a line, exactly: a walk over the steps of time.

Events of one line are not distinguishable, so a line is retimed by saying how many of them there
are at every step. With ``A_t`` events up to step t, ``F_t`` of them at first, the shifts of the
events in order are at most D exactly where ``F_{t-D} <= A_t <= F_{t+D}`` at every t, and add up to
``Σ_t |A_t - F_t|``. Both are sums or bounds over t, so the best line is found step by step. Time is
the first axis everywhere here.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from spikeproof.threats.line_loops import compiles, walk

__all__ = ["TOGETHER", "Worth", "best_lines", "largest_shift", "total_shift", "window"]

# Lines that are walked together: so many that what is remembered of them stays in a fast cache.
TOGETHER = 1 << 12


@dataclass(frozen=True)
class Worth:
    """What ``v`` events at a step gain over the ``x`` there: ``(v - x) (slope - curve v)``.

    ``slope = g, curve = 0`` is linear in v; ``slope = 2 z - x, curve = 1`` is how much nearer ``v``
    is to ``z`` than ``x``, squared.

    Args:
        slope: ``(T, R)``, float64.
        curve: 0 or 1.
    """

    slope: Tensor
    curve: float

    def of(self, v: Tensor, x: Tensor) -> Tensor:
        """Gain of every line, ``(R,)``; exactly 0 for ``v = x``."""
        return ((v - x) * (self.slope - self.curve * v)).sum(0)

    def marginal(self, x: Tensor, v: Tensor) -> Tensor:
        """Gain of the ``v``-th event of a step over ``v - 1`` of them, ``(T, R, m)``."""
        # The difference of (v - x) (slope - curve v) at v and v - 1.
        return self.slope[..., None] - self.curve * (2 * v - 1 - x[..., None])

    def __getitem__(self, rows: Tensor | slice) -> Worth:
        return Worth(self.slope[:, rows], self.curve)


def window(x: Tensor, reach: int | None) -> tuple[Tensor, Tensor]:
    """Fewest and most events up to every step where each may move ``reach`` steps, ``(T, R)``.

    Args:
        x: Whole events, ``(T, R)``.
        reach: Steps; None for any number.
    """
    before, steps = x.cumsum(0), len(x)
    reach = steps if reach is None else min(reach, steps)
    total = before[-1:]
    low = torch.cat([torch.zeros_like(before[:reach]), before[: steps - reach]])
    high = torch.cat([before[reach:], total.expand(reach, -1)])
    low[-1:] = total
    return low, high


def total_shift(v: Tensor, x: Tensor) -> Tensor:
    """Steps that the events of every line moved in all, ``(R,)``."""
    return (v.cumsum(0) - x.cumsum(0)).abs().sum(0)


def largest_shift(v: Tensor, x: Tensor) -> Tensor:
    """Steps that the event moved that moved farthest, of lines with as many events, ``(R,)``."""
    after, far = v.cumsum(0), torch.zeros_like(x[0])
    for reach in range(len(x)):
        low, high = window(x, reach)
        beyond = ((after < low) | (after > high)).any(0)
        if not beyond.any():
            break
        far = torch.where(beyond, reach + 1.0, far)
    return far


def best_lines(
    worth: Worth, x: Tensor, most: float, *, reach: int | None = None, price: Tensor | None = None
) -> Tensor:
    """The events per step that gain most, less a price per step moved; ``x`` where nothing gains.

    Args:
        worth: What is gained.
        x: Whole events of every line, float64 ``(T, R)``.
        most: Events that fit into one step.
        reach: Steps that an event may move at most; None for any number.
        price: What a step of one event costs, ``(R,)``; 0 where absent.
    Returns:
        Whole events, ``(T, R)``, as many in every line as in ``x``.
    Cost:
        With ``w + 1`` numbers of events that may have come by a step and ``m`` events at most in
        one: ``R T (w + 1) (m + 1)`` additions.
    """
    if compiles(x, worth.slope):
        free = x.new_zeros(x.shape[1]) if price is None else price
        return walk(worth.slope, x, most=most, reach=reach, curve=worth.curve, price=free)
    if x.shape[1] > TOGETHER:
        parts = [slice(i, i + TOGETHER) for i in range(0, x.shape[1], TOGETHER)]
        each = ((worth[p], x[:, p], None if price is None else price[p]) for p in parts)
        return torch.cat([best_lines(w, v, most, reach=reach, price=c) for w, v, c in each], 1)
    low, high = window(x.long(), reach)
    width, top = (high - low).amax(0), x.sum(0).clamp(max=most)
    # Lines of about one width and number of events go together; most have few of them.
    size = width.clamp(min=4).log2().ceil() * 64 + top.clamp(min=1).log2().ceil()
    if not x.shape[1] or bool((size == size[0]).all()):
        return _walk(worth, x, top, (low, high), price)
    out = x.clone()
    for kind in torch.unique(size).cpu().tolist():
        rows = (size == kind).nonzero().flatten()
        own = None if price is None else price[rows]
        bounds = low[:, rows], high[:, rows]
        out[:, rows] = _walk(worth[rows], x[:, rows], top[rows], bounds, own)
    return out


def _walk(
    worth: Worth, x: Tensor, top: Tensor, bounds: tuple[Tensor, Tensor], price: Tensor | None
) -> Tensor:
    """The best line, step by step; ``x`` where nothing gains."""
    if not x.numel():
        return x.clone()
    (low, high), slope, most = bounds, worth.slope, int(top.max())
    before, rise = x.cumsum(0), low.diff(dim=0, prepend=torch.zeros_like(low[:1]))
    # State s of step t: low_t + s events have come up to it. ``value`` is the most that can have
    # been gained by then, and ``taken`` how many of them come at t itself on the way there. With v
    # of them the state before was s + rise - v; around all states lie some that cannot be.
    width, beyond = int((high - low).max()) + 1, int(rise.max())
    state = torch.arange(width, device=x.device)[:, None]
    value = x.new_full((most + width + beyond, x.shape[1]), -torch.inf)
    value[most] = 0.0
    kind = torch.uint8 if most < 256 else torch.int
    taken = torch.zeros(len(x), width, x.shape[1], dtype=kind, device=x.device)
    for t in range(len(x)):
        source = state + (rise[t] + most)
        best = value.gather(0, source) - x[t] * slope[t]
        for v in range(1, most + 1):
            gain = (v - x[t]) * (slope[t] - worth.curve * v)
            came = value.gather(0, source - v) + gain
            taken[t].masked_fill_(came > best, v)
            best = torch.maximum(best, came)
        if price is not None:
            best = best - price * (low[t] + state - before[t]).abs()
        value[most : most + width] = best.masked_fill_(state > high[t] - low[t], -torch.inf)
    out = torch.empty_like(x)
    at = torch.zeros_like(low[:1])  # the last step has one state: all events have come
    for t in range(len(x) - 1, -1, -1):
        here = taken[t].gather(0, at).long()
        out[t] = here[0]
        at = at + rise[t] - here
    return torch.where(value[most] > 0, out, x)
