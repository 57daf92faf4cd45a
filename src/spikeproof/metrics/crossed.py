"""The spread of a mean over networks and items, each network meeting every item."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikeproof.metrics.accuracy import Floats
from spikeproof.metrics.quantiles import normal_quantile, student_quantile

__all__ = ["Spread", "difference_ends", "least", "mean_ends", "share_ends", "spread_of"]


@dataclass(frozen=True)
class Spread:
    """A mean of a table over networks and items, and the variance each of them gives it.

    Every field may have leading axes, for many tables of one size at once.

    Args:
        value: The mean.
        networks: Variance of the mean through the choice of networks, with what networks and
            items do together; 0 where the networks are taken as given.
        items: Variance of the mean through the choice of items.
        seeds: Networks, S.
        n: Items, N.
        over_networks: Whether the networks count as drawn.
    """

    value: Any
    networks: Any
    items: Any
    seeds: int
    n: int
    over_networks: bool

    def squared(self, tail: float) -> tuple[Any, Any]:
        """The squares of half an interval's width through networks and through items.

        Each part has the t quantile of its own degrees of freedom, S - 1 and N - 1.
        """
        through_items = student_quantile(self.n - 1, 1 - tail) ** 2 * self.items
        if not self.over_networks:
            return np.zeros_like(through_items), through_items
        return student_quantile(self.seeds - 1, 1 - tail) ** 2 * self.networks, through_items


def spread_of(table: Floats, *, over_networks: bool) -> Spread:
    """Split the spread of a mean between networks and items.

    With the mean squares of networks, items and the rest of a two-way table, the variance of its
    mean is ``(MS_networks + MS_items - MS_rest) / (S N)``. The rest is left with the networks,
    and what remains of the items is at least 0.

    Args:
        table: ``(..., S, N)`` without NaN, N at least 2; S at least 2 for a spread over networks.
        over_networks: Whether the networks count as drawn; else their mean is the only row.
    """
    seeds, n = table.shape[-2:]
    columns = table.mean(-2)
    value = columns.mean(-1)
    items = columns.var(-1, ddof=1) / n
    if not over_networks:
        return Spread(value, np.zeros_like(items), items, seeds, n, over_networks=False)
    networks = table.mean(-1).var(-1, ddof=1) / seeds
    both = (seeds - 1) * (n - 1)
    total = table.var((-1, -2))  # times S N: the sum of squares
    rest = (total - networks * (seeds - 1) - items * (n - 1)) / both
    items = np.maximum(items - np.maximum(rest, 0.0), 0.0)
    return Spread(value, networks, items, seeds, n, over_networks=True)


def share_ends(spread: Spread, tail: float) -> tuple[Any, Any]:
    """The ends of a share's interval, inside [0, 1].

    Wilson's interval with the measured variance in place of the binomial one: all p with
    ``(value - p)^2 <= K p (1 - p)``, ``K`` the square of half the width over ``value (1 - value)``.
    Near 0 and 1 the variance of n independent items is mixed in, so that 0 of n gives Wilson's
    interval. The end towards 1/2 is moved on, as networks differ more there.
    """
    through_networks, through_items = spread.squared(tail)
    value, few = spread.value, 1 / spread.n
    variance = value * (1 - value) + few
    k = (through_networks + through_items + few * _normal(tail) ** 2 / spread.n) / variance
    middle = (value + k / 2) / (1 + k)
    half = np.sqrt(k * value * (1 - value) + k * k / 4) / (1 + k)
    lean = _lean(spread, tail)
    low, high = middle - half + np.minimum(lean, 0), middle + half + np.maximum(lean, 0)
    # Rounding must not move an end past the share itself.
    low, high = np.minimum(low, value), np.maximum(high, value)
    return np.clip(low, 0, 1), np.clip(high, 0, 1)


def difference_ends(gap: Spread, first: Spread, second: Spread, tail: float) -> tuple[Any, Any]:
    """The ends of the interval of a difference of two shares, inside [-1, 1].

    Args:
        gap: Spread of the difference, pair by pair.
        first: Spread of the first share.
        second: Spread of the other.
        tail: Probability beyond each end.
    """
    through_networks, through_items = gap.squared(tail)
    half = np.sqrt(through_networks + through_items + least(gap.n, tail))
    low, high = gap.value - half, gap.value + half
    for spread, sign in ((first, 1), (second, -1)):
        # Skewness adds up in proportion to the variances; what networks have in common cancels.
        own = np.maximum(spread.squared(tail)[0], 1e-12)
        gap_own = np.maximum(through_networks, 1e-12)
        weight = np.minimum(own, gap_own) / np.maximum(own, gap_own)
        lean = sign * weight * _lean(spread, tail)
        low, high = low + np.minimum(lean, 0), high + np.maximum(lean, 0)
    return np.clip(low, -1, 1), np.clip(high, -1, 1)


def mean_ends(spread: Spread, tail: float) -> tuple[Any, Any]:
    """The ends of the interval of a mean without bounds."""
    half = np.sqrt(sum(spread.squared(tail)))
    return spread.value - half, spread.value + half


def least(n: int, tail: float) -> float:
    """The least square of half the width of a difference, that of two more items that differ."""
    return (_normal(tail) / (n + 2)) ** 2


def _lean(spread: Spread, tail: float) -> Any:
    """How far an end is moved on towards 1/2.

    Where networks differ by a factor of the odds, shares near 0 or 1 are skewed over networks:
    a few networks hardly show the one that is far better, and Wilson's interval, made for
    a variance that grows with ``p (1 - p)`` and not its square, moves half as far as it takes.
    """
    through_networks, through_items = spread.squared(tail)
    variance = spread.value * (1 - spread.value) + 1 / spread.n
    k = (through_networks + through_items) / variance
    return through_networks / variance / 2 * (1 - 2 * spread.value) / (1 + k) ** 2


def _normal(tail: float) -> float:
    """The quantile of the normal distribution."""
    return math.fabs(normal_quantile(tail))
