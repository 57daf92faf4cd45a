"""Shares of items that stay right: robust accuracy, success rate, union, area under a curve."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from spikeproof.base import InputError

__all__ = [
    "Bools",
    "Floats",
    "curve_area",
    "curve_weights",
    "robust_accuracy",
    "success_rate",
    "union",
]

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


def robust_accuracy(correct: Bools, broken: Bools) -> float:
    """Return the share of items that are right on clean inputs and not broken.

    Args:
        correct: Right on the clean input, bool ``(N,)``.
        broken: Some attack succeeded, bool ``(N,)``.
    Raises:
        InputError: arrays of different length, or empty.
    Example:
        >>> robust_accuracy(np.array([True, True, False]), np.array([True, False, False])) * 3
        1.0
    """
    correct, broken = _pair(correct, broken)
    return float((correct & ~broken).mean())


def success_rate(correct: Bools, broken: Bools) -> float | None:
    """Return the share of initially correct items that are broken; None if there are none.

    Example:
        >>> success_rate(np.array([True, True, False]), np.array([True, False, True]))
        0.5
    """
    correct, broken = _pair(correct, broken)
    return float(broken[correct].mean()) if correct.any() else None


def union(correct: Bools, broken: Sequence[Bools]) -> Bools:
    """Return which items survive everything: right when clean and under every threat.

    The union accuracy is its mean; it is never above the smallest single robust accuracy, and in
    general below it.

    Args:
        correct: Right on the clean input, bool ``(N,)``.
        broken: One bool ``(N,)`` array per threat.
    Example:
        >>> a, b = np.array([True, False, False]), np.array([False, True, False])
        >>> union(np.ones(3, dtype=bool), [a, b]).tolist()
        [False, False, True]
    """
    alive = np.asarray(correct, dtype=bool).copy()
    for one in broken:
        alive &= ~_pair(alive, one)[1]
    return alive


def curve_weights(radii: Sequence[float]) -> Floats:
    """Return the weights of the trapezoid rule, normalised by the range; they add up to one.

    Args:
        radii: Ascending, at least two, the first is 0.
    Raises:
        InputError: fewer than two radii, not ascending, or not starting at 0.
    Example:
        >>> curve_weights([0.0, 1.0, 3.0]).round(4).tolist()
        [0.1667, 0.5, 0.3333]
    """
    where = np.asarray(radii, dtype=np.float64)
    steps = np.diff(where)
    if where.ndim != 1 or len(where) < 2 or where[0] != 0 or not (steps > 0).all():
        raise InputError(
            f"A curve needs ascending radii that start at 0 (the clean point); got {list(radii)}."
        )
    weights = np.zeros_like(where)
    weights[:-1] += steps / 2
    weights[1:] += steps / 2
    return np.asarray(weights / where[-1])


def curve_area(radii: Sequence[float], accuracy: Sequence[float] | Floats) -> float:
    """Return the mean height of an accuracy curve, by trapezoids, in the unit of the accuracy.

    Args:
        radii: Ascending, the first is 0.
        accuracy: Clean accuracy, then robust accuracy at each further radius.
    Raises:
        InputError: curves of unequal length or without a clean point.
    Example:
        >>> curve_area([0.0, 1.0, 2.0], [1.0, 0.5, 0.0])
        0.5
    """
    weights = curve_weights(radii)
    heights = np.asarray(accuracy, dtype=np.float64)
    if heights.shape != weights.shape:
        raise InputError(f"Got {len(weights)} radii and {heights.shape} accuracies; one each.")
    return float(weights @ heights)


def _pair(correct: Bools, broken: Bools) -> tuple[Bools, Bools]:
    """Two non-empty bool arrays of one length, or a sentence that says what is wrong."""
    left, right = np.asarray(correct, dtype=bool), np.asarray(broken, dtype=bool)
    if left.shape != right.shape or left.ndim != 1 or not left.size:
        raise InputError(
            f"Need two bool arrays of one length (N,), N >= 1; got {left.shape} and {right.shape}."
        )
    return left, right
