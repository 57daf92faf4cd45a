"""The best retiming of lines as loops over plain numbers, for numba to compile.

They add up what ``timing.py`` and ``spike_times.py`` add up, in the same order, and choose alike
among equals, so that the bits are the same; these stay the way for other devices.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor

__all__ = ["compiles", "spikes", "walk"]

Array = np.ndarray[Any, Any]


def compiles(x: Tensor, aims: Tensor) -> bool:
    """Whether the loops serve: numbers of the processor, and finite, which compare alike."""
    return x.device.type == "cpu" and bool(aims.isfinite().all())


@functools.cache
def _compiled(loop: Callable[..., None]) -> Callable[..., None]:
    """A loop that numba keeps on disk."""
    import numba  # takes half a second, which only retimings pay

    built: Callable[..., None] = numba.njit(nogil=True, cache=True, error_model="numpy")(loop)
    return built


def walk(slope: Tensor, x: Tensor, *, most: float, reach: int | None, curve: float, price: Tensor
         ) -> Tensor:  # fmt: skip
    """What ``timing.best_lines`` returns.

    Args:
        slope: ``(T, R)``, float64, as are all.
        x: Whole events, ``(T, R)``.
        most: Events that fit into one step.
        reach: Steps that an event may move; None for any number.
        curve: Of :class:`Worth`.
        price: Of a step of one event, ``(R,)``.
    """
    out = x.contiguous().clone()
    far = len(x) if reach is None else min(reach, len(x))
    largest = int(x.sum(0).max()) if x.numel() else 0
    cap = largest if most > largest else int(most)
    numbers = (slope.contiguous().numpy(), x.contiguous().numpy(), price.contiguous().numpy())
    _compiled(_walk)(*numbers, far, cap, largest, curve, out.numpy())
    return out


def spikes(aims: Tensor, x: Tensor, reach: int, *, nearest: bool) -> Tensor:
    """What ``spike_times.best_spikes`` returns, of items ``(N, T, L)`` as they lie.

    Args:
        aims: What a spike is worth at every step, or the point to come near to.
        x: Bits.
        reach: Steps, at least 1.
        nearest: Whether ``aims`` is a point.
    """
    out = x.contiguous().clone()
    _compiled(_spikes)(aims.contiguous().numpy(), out.numpy(), reach, nearest)
    return out


def _walk(
    slope: Array, x: Array, price: Array, reach: int, cap: int, largest: int, curve: float,
    out: Array,
) -> None:  # fmt: skip
    """Line by line: the most that can be gained with c events up to step t, for every c."""
    steps, lines = x.shape
    before, lows = np.zeros(steps, np.int64), np.zeros(steps, np.int64)
    old, new = np.zeros(largest + 1), np.zeros(largest + 1)
    taken = np.zeros((steps, largest + 1), np.int64)
    for line in range(lines):
        total = 0
        for t in range(steps):
            total += int(x[t, line])
            before[t] = total
        if total == 0 or total == cap * steps:
            continue
        low_was, high_was = 0, 0
        old[0] = 0.0
        for t in range(steps):
            low = before[t - reach] if t >= reach else 0
            high = before[t + reach] if t + reach < steps else total
            if t == steps - 1:
                low = total
            lows[t] = low
            here, worth = x[t, line], slope[t, line]
            for c in range(low, high + 1):
                best, chosen = -np.inf, 0
                if c <= high_was:
                    best = old[c - low_was] - here * worth
                for v in range(max(1, c - high_was), min(cap, c - low_was) + 1):
                    came = old[c - v - low_was] + (v - here) * (worth - curve * v)
                    if came > best:
                        best, chosen = came, v
                new[c - low] = best - price[line] * abs(c - before[t])
                taken[t, c - low] = chosen
            low_was, high_was = low, high
            old, new = new, old
        if not old[0] > 0:
            continue
        c = total
        for t in range(steps - 1, -1, -1):
            out[t, line] = taken[t, c - lows[t]]
            c -= taken[t, c - lows[t]]


def _spikes(aims: Array, out: Array, reach: int, nearest: bool) -> None:
    """Line by line: the most that the first spikes gain, by the shift of the last one."""
    items, steps, lines = out.shape
    wide = 2 * reach + 1
    scale, less = (2.0, 1.0) if nearest else (1.0, 0.0)
    time, came = np.zeros(steps, np.int64), np.zeros((steps, wide), np.int64)
    value, most, which = np.zeros(wide), np.zeros(wide), np.zeros(wide, np.int64)
    for item in range(items):
        for line in range(lines):
            count = 0
            for t in range(steps):
                if out[item, t, line] > 0:
                    time[count] = t
                    count += 1
            # Before the first spike nothing is gained, and nothing stands in its way.
            value[:] = 0.0
            last, stayed = -2 * wide - 1, 0.0
            for j in range(count):
                best, at = -np.inf, 0
                for k in range(wide):
                    if value[k] >= best:  # the last of equals, as torch.cummax has it
                        best, at = value[k], k
                    most[k], which[k] = best, at
                for k in range(wide):
                    step = time[j] + k - reach
                    value[k], came[j, k] = -np.inf, 0
                    if 0 <= step < steps:
                        until = min(k - 1 + time[j] - last, wide - 1)
                        worth = scale * np.float64(aims[item, step, line]) - less
                        value[k], came[j, k] = most[until] + worth, which[until]
                stayed += scale * np.float64(aims[item, time[j], line]) - less
                last = time[j]
            at = 0
            for k in range(wide):
                if value[k] > value[at]:
                    at = k
            if value[at] > stayed:
                for j in range(count):
                    out[item, time[j], line] = 0
                for j in range(count - 1, -1, -1):
                    out[item, time[j] + at - reach, line] = 1
                    at = came[j, at]
