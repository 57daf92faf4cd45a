"""Medians and rank correlations with intervals: items drawn again and again, networks as given."""

from __future__ import annotations

import math

import numpy as np

from spikeproof.base import InputError, SettingError
from spikeproof.metrics.accuracy import Floats
from spikeproof.metrics.estimate import LEVEL, Estimate

__all__ = ["Bootstrap", "checked_table", "percentile_interval"]


class Bootstrap:
    """Resamples of N items, drawn once; the S networks are taken as given.

    Args:
        seeds: S, rows of the tables.
        items: N, columns of the tables.
        draws: How many resamples.
        seed: Seed of the resampling.
    Raises:
        SettingError: a count below 1.
    Cost:
        One multinomial draw of ``draws * N`` counts.
    Example:
        >>> boot = Bootstrap(3, 50)
        >>> estimate = boot.median(np.tile(np.arange(50.0), (3, 1)))
        >>> estimate.value, 14 < estimate.low < 22, 28 < estimate.high < 36, estimate.over
        (24.5, True, True, 'items')

    References:
        efron1979bootstrap
    """

    def __init__(self, seeds: int, items: int, *, draws: int = 2000, seed: int = 0) -> None:
        if min(seeds, items, draws) < 1:
            raise SettingError(
                f"Bootstrap needs at least one seed, item and draw; got {seeds}, {items}, {draws}."
            )
        self.seeds, self.items, self.draws = seeds, items, draws
        rng = np.random.default_rng(seed)
        self._columns = rng.multinomial(items, [1 / items] * items, draws).astype(np.float64)

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
        flat = np.stack([checked_table(table, self.seeds, self.items).ravel() for table in tables])
        kept = ~np.isnan(flat).any(0)
        weights = np.tile(self._columns, self.seeds)
        return list(flat[:, kept]), weights[:, kept]


def checked_table(table: Floats, seeds: int, items: int) -> Floats:
    """The table as float64, or a sentence that says which shape it should have."""
    table = np.asarray(table, dtype=np.float64)
    if table.shape != (seeds, items):
        raise InputError(
            f"The table must have shape ({seeds}, {items}), seeds first; got {table.shape}."
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
