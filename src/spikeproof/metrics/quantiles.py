"""Quantiles that intervals need, without ``scipy.special``, whose import takes 0.24 s.

Every command that prints an interval would pay that. Tests hold both functions against it.
"""

from __future__ import annotations

import math
from functools import cache
from statistics import NormalDist

__all__ = ["normal_quantile", "student_quantile"]

_HALVINGS = 60  # of [0, π/2], to the last digit


def normal_quantile(p: float) -> float:
    """Return the quantile of the standard normal distribution.

    Args:
        p: Probability below it, in (0, 1).
    Example:
        >>> round(normal_quantile(0.975), 6)
        1.959964
    """
    return NormalDist().inv_cdf(p)


@cache
def student_quantile(freedom: int, p: float) -> float:
    """Return the quantile of Student's t distribution.

    Args:
        freedom: Degrees of freedom, a whole number, at least 1.
        p: Probability below it, in (0, 1).
    Cost:
        About ``30 * freedom`` multiplications at the first call; then it is remembered.
    Example:
        >>> round(student_quantile(1, 0.975), 4), round(student_quantile(30, 0.975), 4)
        (12.7062, 2.0423)

    References:
        abramowitz1964
    """
    if p < 0.5:
        return -student_quantile(freedom, 1 - p)
    low, high = 0.0, math.pi / 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _within(freedom, middle) < 2 * p - 1:
            low = middle
        else:
            high = middle
    return math.sqrt(freedom) * math.tan((low + high) / 2)


def _within(freedom: int, angle: float) -> float:
    """The probability of ``abs(t) <= sqrt(freedom) tan(angle)``: equations 26.7.3 and 26.7.4."""
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    term = total = (cosine if odd else 1.0) if freedom > 1 else 0.0
    for k in range(2 + odd, freedom - 1, 2):
        term *= cosine * cosine * (k - 1) / k
        total += term
    return (angle + sine * total) * 2 / math.pi if odd else sine * total
