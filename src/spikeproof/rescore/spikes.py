"""How far events moved, came and went, from the numbers of a record and two inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from spikeproof.rescore.layers import Array

__all__ = ["RASTERS", "flips", "shifts"]


def flips(geometry: Mapping[str, Any], shape: Sequence[int], x_adv: Array, x: Array) -> Array:
    """Return how many bits of each flat input differ, inf where one does that may not.

    Args:
        geometry: Record of the geometry.
        shape: Shape of one input.
        x_adv: The inputs, ``(N, D)``.
        x: The clean ones.
    """
    differ = x_adv != x
    direction = geometry.get("direction", "both")
    bad = np.zeros(len(x), bool)
    if direction == "insert":
        bad |= (differ & (x != 0)).any(1)
    if direction == "delete":
        bad |= (differ & (x == 0)).any(1)
    if geometry.get("exclusive", False):
        height, width = shape[-2:]
        places = (len(x), -1, 2, height * width)
        now, then = (v.reshape(places).astype(bool).sum(2) for v in (x_adv, x))
        bad |= ((now == 2) & (then < 2)).reshape(len(x), -1).any(1)
    return np.where(bad, np.inf, differ.sum(1).astype(np.float64))


def shifts(geometry: Mapping[str, Any], shape: Sequence[int], x_adv: Array, x: Array) -> Array:
    """Return how far the events of each flat input moved in time, inf where some came or went.

    Args:
        geometry: Record of the geometry.
        shape: Shape of one input, time first.
        x_adv: The inputs, ``(N, D)``.
        x: The clean ones.
    """
    out = np.full(len(x), np.inf)
    for item, (after, before) in enumerate(zip(x_adv, x, strict=True)):
        now, then = (v.reshape(shape[0], -1) for v in (after, before))
        whole = np.array_equal(now, np.rint(now)) and now.min() >= 0
        if not whole or (now.sum(0) != then.sum(0)).any():
            continue
        if geometry.get("measure", "inf") == "l0":
            out[item] = np.maximum(then - now, 0).sum()
            continue
        far = np.abs(_times(now) - _times(then))
        out[item] = far.sum() if geometry.get("measure") == "l1" else far.max(initial=0)
    return out


def _times(counts: Array) -> Array:
    """The steps of all events, line by line and in order, as whole numbers."""
    lines = counts.T.astype(np.int64)
    steps = np.tile(np.arange(lines.shape[1]), (len(lines), 1))
    return np.repeat(steps.ravel(), lines.ravel())


def _over_channels(
    geometry: Mapping[str, Any], shape: Sequence[int], x_adv: Array, x: Array
) -> Array:
    """How far spikes of flat rasters ``(T, channels)`` moved from channel to channel."""
    steps, channels = shape
    turned = (v.reshape(-1, steps, channels).swapaxes(1, 2).reshape(len(v), -1) for v in (x_adv, x))
    return shifts(geometry, (channels, steps), *turned)


def _in_milliseconds(
    geometry: Mapping[str, Any], shape: Sequence[int], x_adv: Array, x: Array
) -> Array:
    """How far spikes of flat rasters moved in time."""
    return shifts({"measure": "inf"}, shape, x_adv, x) * int(geometry.get("step_ms", 1))


RASTERS: Mapping[str, Callable[[Mapping[str, Any], Sequence[int], Array, Array], Array]] = {
    "channels": _over_channels,
    "timestamps": _in_milliseconds,
}
"""Kind of a geometry of rasters → lengths of flat inputs, ``(N,)``."""
