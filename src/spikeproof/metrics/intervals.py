"""Intervals: Wilson for one share, a paired bootstrap over seeds and items for everything else.

Numbers per (seed, item) form a table ``(S, N)``. Every model of a study meets the same items, so a
resample draws seeds and items once and applies them to every table: differences are paired. Both
axes are drawn with replacement and independently (the pigeonhole bootstrap, which is conservative);
with one seed the interval covers the choice of items only, with few seeds it knows little of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spikeproof.base import InputError, SettingError
from spikeproof.metrics.accuracy import Floats

__all__ = [
    "LEVEL",
    "Bootstrap",
    "Estimate",
    "bootstrap_p",
    "holm",
    "percentile_interval",
    "wilson",
]

LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval.

    Args:
        value: The number itself, from all seeds and items.
        low: Lower end of the interval.
        high: Upper end.
        n: Items.
        seeds: Independently trained networks; with one, the interval covers items only.
    """

    value: float
    low: float
    high: float
    n: int
    seeds: int


def wilson(successes: int, n: int) -> tuple[float, float]:
    """Return the 95 % Wilson interval of a share.

    Args:
        successes: How many of n.
        n: Independent trials, at least 1.
    Raises:
        SettingError: counts that make no share.
    Example:
        >>> [round(end, 5) for end in wilson(873, 1000)]
        [0.85093, 0.89222]

    References:
        wilson1927
    """
    if not 0 <= successes <= n or n < 1:
        raise SettingError(f"wilson: need 0 <= successes <= n and n >= 1; got {successes} of {n}.")
    from scipy.stats import binomtest  # 0.7 s to import, so only where it is needed

    ends = binomtest(successes, n).proportion_ci(LEVEL, method="wilson")
    return float(ends.low), float(ends.high)


class Bootstrap:
    """Resamples of S seeds and N items, drawn once and shared by every table of that size.

    Args:
        seeds: S, rows of the tables.
        items: N, columns of the tables.
        draws: How many resamples.
        seed: Seed of the resampling.
    Raises:
        SettingError: a count below 1.
    Cost:
        One multinomial draw of ``draws * N`` counts, then a matrix product per table.
    Example:
        >>> boot = Bootstrap(3, 50)
        >>> table = np.zeros((3, 50)); table[:, :25] = 1.0
        >>> estimate = boot.mean(table)
        >>> estimate.value, 0.3 < estimate.low < 0.45, 0.55 < estimate.high < 0.7
        (0.5, True, True)

    References:
        owen2007pigeonhole
    """

    def __init__(self, seeds: int, items: int, *, draws: int = 2000, seed: int = 0) -> None:
        if min(seeds, items, draws) < 1:
            raise SettingError(
                f"Bootstrap needs at least one seed, item and draw; got {seeds}, {items}, {draws}."
            )
        self.seeds, self.items, self.draws = seeds, items, draws
        rng = np.random.default_rng(seed)
        self._rows = rng.multinomial(seeds, [1 / seeds] * seeds, draws).astype(np.float64)
        self._columns = rng.multinomial(items, [1 / items] * items, draws).astype(np.float64)

    def means(self, table: Floats) -> Floats:
        """The mean of a table in each resample, ``(draws,)``."""
        table = self._checked(table)
        weighted = self._rows @ table
        total = np.einsum("bn,bn->b", weighted, self._columns)
        return np.asarray(total / (self.seeds * self.items))

    def mean(self, table: Floats) -> Estimate:
        """The mean of a table ``(S, N)``; entries that are NaN are left out."""
        table = self._checked(table)
        if not np.isnan(table).any():
            return self.estimate(float(table.mean()), self.means(table))
        (values,), weights = self._weighted(table)
        if not values.size:
            return self.estimate(math.nan, np.full(self.draws, math.nan))
        return self.estimate(float(values.mean()), _quotients(weights @ values, weights.sum(1)))

    def difference(self, table: Floats, other: Floats) -> Estimate:
        """The mean of ``table - other``, paired by seed and item."""
        gap = self._checked(table) - self._checked(other)
        return self.mean(gap)

    def median(self, table: Floats) -> Estimate:
        """The median of a table; entries that are NaN are left out, infinite ones count."""
        (values,), weights = self._weighted(table)
        if not values.size:
            return self.estimate(math.nan, np.full(self.draws, math.nan))
        order = np.argsort(values, kind="stable")
        values, upto = values[order], weights[:, order].cumsum(1)
        total = upto[:, -1:]
        # The two middle entries of a resample, one and the same where their number is odd.
        lower = (upto <= (total - 1) // 2).sum(1)
        upper = (upto <= total // 2).sum(1)
        last = len(values) - 1
        middle = (values[lower.clip(max=last)] + values[upper.clip(max=last)]) / 2
        draws = np.where(total[:, 0] > 0, middle, math.nan)
        return self.estimate(float(np.median(values)), draws)

    def rank_correlation(self, table: Floats, other: Floats) -> Estimate:
        """Spearman's correlation of two tables, entry by entry; NaN where one is constant."""
        (left, right), weights = self._weighted(table, other)
        if not left.size:
            return self.estimate(math.nan, np.full(self.draws, math.nan))
        once = _correlations(left, right, np.ones((1, left.size)))
        return self.estimate(float(once[0]), _correlations(left, right, weights))

    def estimate(self, value: float, draws: Floats) -> Estimate:
        """The percentile interval of resampled values; resamples without a value are left out."""
        low, high = percentile_interval(draws)
        return Estimate(value, low, high, self.items, self.seeds)

    def _weighted(self, *tables: Floats) -> tuple[list[Floats], Floats]:
        """The flattened tables without entries that are NaN in any, and how often each is drawn."""
        flat = np.stack([self._checked(table).ravel() for table in tables])
        kept = ~np.isnan(flat).any(0)
        weights = (self._rows[:, :, None] * self._columns[:, None, :]).reshape(self.draws, -1)
        return list(flat[:, kept]), weights[:, kept]

    def _checked(self, table: Floats) -> Floats:
        """The table as float64, or a sentence that says which shape it should have."""
        table = np.asarray(table, dtype=np.float64)
        if table.shape != (self.seeds, self.items):
            raise InputError(
                f"The table must have shape ({self.seeds}, {self.items}), seeds first; "
                f"got {table.shape}."
            )
        return table


def percentile_interval(draws: Floats) -> tuple[float, float]:
    """Return the central 95 % of resampled values, as two of these values.

    NaN where more than one resample in twenty has no value; infinite values count.

    Example:
        >>> percentile_interval(np.arange(1001.0))
        (25.0, 975.0)
    """
    kept = np.sort(draws[~np.isnan(draws)])
    if len(kept) < LEVEL * len(draws):
        return math.nan, math.nan
    tail = (1 - LEVEL) / 2 * (len(kept) - 1)
    first = math.floor(round(tail, 9))
    return float(kept[first]), float(kept[len(kept) - 1 - first])


def bootstrap_p(draws: Floats) -> float:
    """Return the two-sided bootstrap p value of "the number is zero".

    ``2 min(#{<= 0} + 1, #{>= 0} + 1) / (draws + 1)``, at most 1.

    Example:
        >>> bootstrap_p(np.full(1999, 0.3))
        0.001
    """
    below, above = int((draws <= 0).sum()), int((draws >= 0).sum())
    return min(1.0, 2 * (min(below, above) + 1) / (len(draws) + 1))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values adjusted for having asked several questions (Holm's step-down rule).

    Args:
        p_values: One per question, in [0, 1].
    Raises:
        SettingError: a value outside [0, 1].
    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]

    References:
        holm1979
    """
    if any(not 0 <= p <= 1 for p in p_values):
        raise SettingError(f"holm: p values must lie in [0, 1]; got {list(p_values)}.")
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, worst = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        worst = max(worst, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = worst
    return adjusted


def _quotients(above: Floats, below: Floats) -> Floats:
    """``above / below``, NaN where below is zero."""
    out = np.full(below.shape, math.nan)
    np.divide(above, below, out=out, where=below > 0)
    return out


def _correlations(left: Floats, right: Floats, weights: Floats) -> Floats:
    """Spearman's correlation under each row of weights, which count repetitions."""
    total = weights.sum(1, keepdims=True)
    a, b = (_mean_ranks(series, weights) - (total + 1) / 2 for series in (left, right))
    size = np.sqrt((weights * a * a).sum(1) * (weights * b * b).sum(1))
    return _quotients((weights * a * b).sum(1), size)


def _mean_ranks(series: Floats, weights: Floats) -> Floats:
    """Rank of each entry among all repetitions, ties at their mean rank, ``(draws, N)``."""
    order = np.argsort(series, kind="stable")
    _, first, place = np.unique(series[order], return_index=True, return_inverse=True)
    times = np.add.reduceat(weights[:, order], first, axis=1)
    ranks = times.cumsum(1) - times + (times + 1) / 2
    out = np.empty_like(weights)
    out[:, order] = ranks[:, place.ravel()]
    return out
