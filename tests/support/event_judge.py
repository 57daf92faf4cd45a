"""A judge of flips and retimings, written from their definitions: event by event, in their order."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["event_lengths", "line_times"]


def event_lengths(name: str, shape: tuple[int, ...], z: Any, x: Any) -> Any:
    """How far items moved, flat ``(N, D)``; inf where something happened that may not."""
    z, x = z.reshape(-1, *shape), x.reshape(-1, *shape)
    if name.startswith("flips"):
        return _flips(name, z, x)
    out = np.full(len(x), np.inf)
    for item, (after, before) in enumerate(zip(z, x, strict=True)):
        if (after.sum(0) != before.sum(0)).any() or after.min() < 0:
            continue
        if name == "retiming-l0":  # of every cell, the events that are no longer there
            out[item] = (before - np.minimum(before, after)).sum()
            continue
        moved = np.abs(line_times(after) - line_times(before))
        out[item] = moved.sum() if name == "retiming-l1" else moved.max(initial=0)
    return out


def line_times(x: Any) -> Any:
    """The steps of the events of an item, line by line and in order."""
    lines = x.reshape(len(x), -1).T
    return np.repeat(np.tile(np.arange(len(x)), len(lines)), lines.ravel().round().astype(int))


def _flips(name: str, z: Any, x: Any) -> Any:
    """How many cells differ."""
    flat_z, flat_x = z.reshape(len(z), -1), x.reshape(len(x), -1)
    wrong = np.zeros(len(x), dtype=bool)
    if "insert" in name:
        wrong |= (flat_z < flat_x).any(1)
    if "delete" in name:
        wrong |= (flat_z > flat_x).any(1)
    if "exclusive" in name:
        on, off = np.moveaxis(z, -3, 0) > 0
        was_on, was_off = np.moveaxis(x, -3, 0) > 0
        wrong |= (on & off & ~(was_on & was_off)).reshape(len(x), -1).any(1)
    return np.where(wrong, np.inf, (flat_z != flat_x).sum(1))
