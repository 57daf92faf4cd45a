"""Intervals of means over networks and items: shares, differences, ratios, p values.

Numbers per (network, item) form a table ``(S, N)``; networks are rows, and every one meets the same
items. With three networks or more an interval allows for other networks and other items, with fewer
for other items only: two networks say too little of a third (a t quantile of 12.7).
``Estimate.over`` says which it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from spikeproof.base import SettingError
from spikeproof.metrics.accuracy import Floats
from spikeproof.metrics.crossed import (
    Spread,
    difference_ends,
    least,
    mean_ends,
    share_ends,
    spread_of,
)
from spikeproof.metrics.estimate import LEVEL, Estimate, Over
from spikeproof.metrics.resampling import Bootstrap, checked_table

__all__ = ["FEWEST_NETWORKS", "TAIL", "Intervals", "independent_difference"]

# With fewer networks an interval takes them as given, unless it is asked for otherwise.
FEWEST_NETWORKS = 3
# A ratio is chosen to be shown where its lower gain is clear, which costs coverage with fewer.
FEWEST_FOR_RATIO = 5
TAIL = (1 - LEVEL) / 2


class Intervals:
    """Estimates from tables of S networks and N items, each with its 95 % interval.

    Args:
        seeds: S, rows of the tables.
        items: N, columns of the tables.
        over: ``"networks"`` for intervals over networks and items, ``"items"`` for such given
            these networks; None takes the former from three networks on.
        draws: Resamples behind medians and rank correlations.
        seed: Seed of these resamples.
    Raises:
        SettingError: a count below 1, or intervals over networks from a single one.
    Cost:
        A pass over the table; medians and correlations take the resamples.
    Example:
        >>> intervals = Intervals(3, 50)
        >>> table = np.zeros((3, 50)); table[:, :25] = 1.0
        >>> estimate = intervals.share(table)
        >>> estimate.value, 0.3 < estimate.low < 0.45, 0.55 < estimate.high < 0.7, estimate.over
        (0.5, True, True, 'networks')

    References:
        wilson1927, fieller1954
    """

    def __init__(
        self,
        seeds: int,
        items: int,
        *,
        over: Over | None = None,
        draws: int = 2000,
        seed: int = 0,
    ) -> None:
        if min(seeds, items, draws) < 1:
            raise SettingError(
                f"Intervals need at least one seed, item and draw; got {seeds}, {items}, {draws}."
            )
        if over == "networks" and seeds < 2:
            raise SettingError("Intervals over networks need two networks or more; got 1.")
        self.seeds, self.items, self.draws, self.seed = seeds, items, draws, seed
        self._asked = over is not None
        self.over: Over = over or ("networks" if seeds >= FEWEST_NETWORKS else "items")

    def share(self, table: Floats) -> Estimate:
        """The mean of shares, values in [0, 1]; entries that are NaN are left out."""
        return self._estimate(table, share_ends)

    def mean(self, table: Floats) -> Estimate:
        """The mean of a table of any other numbers; entries that are NaN are left out."""
        return self._estimate(table, mean_ends)

    def difference(self, table: Floats, other: Floats) -> Estimate:
        """How much larger the first share is, ``table - other``, paired by seed and item.

        Both hold values in [0, 1]: survival, or its mean over several threats.
        """
        gap, first, second = self._three(table, other)
        low, high = (float(end) for end in difference_ends(gap, first, second, TAIL))
        return Estimate(float(gap.value), low, high, self.items, self.seeds, self.over)

    def p_value(self, table: Floats, other: Floats) -> float:
        """The two-sided p value of "these shares are equal".

        The smallest p for which the interval of level ``1 - p`` leaves out 0, at least 1e-4.
        """
        three = self._three(table, other)
        low, high = 1e-4, 1.0
        for _ in range(40):
            middle = math.sqrt(low * high)
            ends = difference_ends(*three, middle / 2)
            low, high = (low, middle) if ends[0] > 0 or ends[1] < 0 else (middle, high)
        return high

    def ratio(self, above: Floats, below: Floats, base: Floats) -> Estimate:
        """The ratio of two gains, ``(above - base) / (below - base)``, paired.

        Fieller's interval: all r for which the interval of the mean of ``above - base - r (below
        - base)`` holds 0; NaN where the lower gain may be 0. With fewer than five networks it is
        given these networks, unless asked for otherwise.
        """
        if self.over == "networks" and self.seeds < FEWEST_FOR_RATIO and not self._asked:
            return Intervals(self.seeds, self.items, over="items").ratio(above, below, base)
        base = checked_table(base, self.seeds, self.items)
        pair = np.stack(
            [
                checked_table(above, self.seeds, self.items) - base,
                checked_table(below, self.seeds, self.items) - base,
            ]
        )
        one, two = pair.mean((1, 2))
        squares = self._squares(pair)
        low = high = math.nan
        # r^2 a - 2 r b + c <= 0, a bounded set where a > 0.
        a, b, c = two**2 - squares[1, 1], one * two - squares[0, 1], one**2 - squares[0, 0]
        if a > 0:
            root = math.sqrt(max(b * b - a * c, 0.0))
            low, high = float((b - root) / a), float((b + root) / a)
        value = float(one / two) if two else math.nan
        return Estimate(value, low, high, self.items, self.seeds, self.over)

    def median(self, table: Floats) -> Estimate:
        """The median of a table given these networks; NaN is left out, infinite entries count."""
        return self._bootstrap.median(table)

    def rank_correlation(self, table: Floats, other: Floats) -> Estimate:
        """Spearman's correlation of two tables given these networks; NaN where one is constant."""
        return self._bootstrap.rank_correlation(table, other)

    @cached_property
    def _bootstrap(self) -> Bootstrap:
        """Resamples of the items, made where a median or a correlation is asked for."""
        return Bootstrap(self.seeds, self.items, draws=self.draws, seed=self.seed)

    def _estimate(
        self, table: Floats, ends: Callable[[Spread, float], tuple[Any, Any]]
    ) -> Estimate:
        """The mean with its interval; NaN where there is nothing, or a single item."""
        table = checked_table(table, self.seeds, self.items)
        if ends is mean_ends and self.items == 1:
            return Estimate(math.nan, math.nan, math.nan, self.items, self.seeds, self.over)
        spread, over = self._spread(table)
        low, high = (float(end) for end in ends(spread, TAIL))
        return Estimate(float(spread.value), low, high, self.items, self.seeds, over)

    def _spread(self, table: Floats) -> tuple[Spread, Over]:
        """The spread of a mean without the entries that are NaN, and what it is over."""
        kept = ~np.isnan(table)
        table = table[kept.any(1)][:, kept.any(0)]
        # Rows without any entry may leave a single network.
        over: Over = self.over if table.shape[0] > 1 else "items"
        if not kept.any():
            width = max(self.items, 2)
            return Spread(math.nan, math.nan, math.nan, 2, width, over_networks=False), over
        if not kept.all():
            # The mean of what is there is a ratio; its spread is that of what each entry adds.
            there = ~np.isnan(table)
            value = float(table[there].mean())
            table = np.where(there, (table - value) * (there.size / there.sum()), 0.0) + value
        if table.shape[1] == 1:  # one item tells nothing of others
            return Spread(table.mean(), 0.0, 1e12, len(table), 2, over_networks=False), over
        return spread_of(table, over_networks=over == "networks"), over

    def _three(self, table: Floats, other: Floats) -> tuple[Spread, Spread, Spread]:
        """The spreads of a difference and of its two sides."""
        table, other = (
            checked_table(table, self.seeds, self.items),
            checked_table(other, self.seeds, self.items),
        )
        gap, first, second = (self._spread(one)[0] for one in (table - other, table, other))
        return gap, first, second

    def _squares(self, pair: Floats) -> Floats:
        """The squares of half the width of both gains, and their product, ``(2, 2)``."""
        sum_, first, second = (
            np.stack(self._gain(table)) for table in (pair[0] + pair[1], pair[0], pair[1])
        )
        mixed = (sum_ - first - second) / 2
        # Neither part may be negative in any direction.
        parts = [_positive(np.array([[first[k], mixed[k]], [mixed[k], second[k]]])) for k in (0, 1)]
        # Both gains are taken from the same base, hence half of the floor is shared.
        floor = least(self.items, TAIL) * np.array([[1.0, 0.5], [0.5, 1.0]])
        return np.asarray(parts[0] + parts[1] + floor)

    def _gain(self, table: Floats) -> tuple[float, float]:
        """The two squares of a table without NaN."""
        spread, _ = self._spread(table)
        networks, items = spread.squared(TAIL)
        return float(networks), float(items)


def independent_difference(first: Estimate, second: Estimate) -> tuple[float, float]:
    """Return the interval of ``second - first`` of two shares from other items and networks.

    Each end is as far from the difference as the ends of both shares are from theirs, squared and
    added.

    Args:
        first: A share.
        second: Another, independent of it.
    Example:
        >>> a, b = Estimate(0.2, 0.1, 0.4, 50, 1), Estimate(0.6, 0.4, 0.7, 50, 1)
        >>> [round(end, 3) for end in independent_difference(a, b)]
        [0.117, 0.541]

    References:
        newcombe1998
    """
    gap = second.value - first.value
    low = gap - math.hypot(second.value - second.low, first.high - first.value)
    high = gap + math.hypot(second.high - second.value, first.value - first.low)
    return max(low, -1.0), min(high, 1.0)


def _positive(matrix: Floats) -> Floats:
    """The nearest matrix without negative eigenvalues."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.maximum(values, 0.0)) @ vectors.T)
