"""How far events moved, came and went, from the numbers of a record and two inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spikeproof.rescore.layers import Array

__all__ = ["EVENT_KINDS", "event_length"]

# Kinds of geometries whose lengths are measured here.
EVENT_KINDS = ("flips", "retiming", "relative", "within", "channels", "timestamps")


def event_length(
    geometry: Mapping[str, Any], shape: Sequence[int], x_adv: Array, x: Array
) -> Array:
    """Return how far each flat input moved, in the unit of the radius; inf where it may not.

    Args:
        geometry: Record of the geometry.
        shape: Shape of one input, time first.
        x_adv: The inputs, ``(N, D)``.
        x: The clean ones.
    """
    kind = geometry["kind"]
    if kind == "relative":
        units = event_length(geometry["geometry"], shape, x_adv, x)
        events = x.sum(1)
        share = units / np.where(events > 0, events, 1.0)
        return np.where((events > 0) | (units == 0), share, np.inf)
    if kind == "within":
        units = event_length(geometry["geometry"], shape, x_adv, x)
        outside = (x_adv != x).reshape(len(x), -1, *shape[-2:]) & ~_region(geometry, shape)
        outside = outside.reshape(len(x), -1)
        return np.where(outside.any(1), np.inf, units)
    if kind == "counts":
        return np.abs(x_adv - x).sum(1)
    if kind == "timestamps":
        return _shifts({}, shape, x_adv, x) * int(geometry.get("step_ms", 1))
    if kind == "channels":  # what steps are to a shift in time are channels here
        far, near = (v.reshape(len(v), *shape).swapaxes(1, 2) for v in (x_adv, x))
        turned = far.reshape(len(x), -1), near.reshape(len(x), -1)
        return _shifts(geometry, (shape[1], shape[0]), *turned)
    return (_flips if kind == "flips" else _shifts)(geometry, shape, x_adv, x)


def _flips(geometry: Mapping[str, Any], shape: Sequence[int], x_adv: Array, x: Array) -> Array:
    """How many bits differ; inf where one does that may not."""
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


def _shifts(geometry: Mapping[str, Any], shape: Sequence[int], x_adv: Array, x: Array) -> Array:
    """How far the events moved in time; inf where some came or went."""
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


def _region(geometry: Mapping[str, Any], shape: Sequence[int]) -> Array:
    """Which pixels of a sensor may change, bool ``(H, W)``."""
    height, width, size = shape[-2], shape[-1], int(geometry.get("size", 1))
    inside = np.zeros((height, width), bool)
    if geometry.get("region") == "frame":
        inside[:size], inside[-size:], inside[:, :size], inside[:, -size:] = (True,) * 4
        return inside
    high = 1 if geometry.get("region") == "dash" else size
    top, left = geometry.get("top"), geometry.get("left")
    top = (height - high) // 2 if top is None else top
    left = (width - size) // 2 if left is None else left
    inside[top : top + high, left : left + size] = True
    return inside
