"""Intervals against published values, against theory, and by their coverage on simulated data."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spikeproof.base import InputError, SettingError
from spikeproof.metrics import (
    Bootstrap,
    Floats,
    bootstrap_p,
    holm,
    percentile_interval,
    wilson,
)


def test_wilson_has_its_published_values_and_never_leaves_the_unit_interval() -> None:
    assert wilson(873, 1000) == pytest.approx((0.85093, 0.89222), abs=5e-6)
    assert wilson(0, 10)[0] == 0.0
    assert wilson(10, 10) == pytest.approx((1 - wilson(0, 10)[1], 1.0))
    with pytest.raises(SettingError, match="3 of 2"):
        wilson(3, 2)


def test_the_same_call_gives_the_same_interval() -> None:
    table = np.random.default_rng(0).random((3, 40))
    assert Bootstrap(3, 40).mean(table) == Bootstrap(3, 40).mean(table)
    assert Bootstrap(3, 40).mean(table) != Bootstrap(3, 40, seed=1).mean(table)


def test_one_seed_gives_the_interval_of_the_mean_over_items() -> None:
    table = np.random.default_rng(1).random((1, 400))
    found = Bootstrap(1, 400).mean(table)
    half = 1.96 * table.std(ddof=1) / 20
    assert found.value == pytest.approx(table.mean())
    assert found.low == pytest.approx(table.mean() - half, abs=0.15 * half)
    assert found.high == pytest.approx(table.mean() + half, abs=0.15 * half)
    assert (found.n, found.seeds) == (400, 1)


def test_seeds_that_differ_widen_the_interval() -> None:
    same = np.tile(np.repeat([0.0, 1.0], 50), (4, 1))
    apart = same.copy()
    apart[0], apart[1] = 0.0, 1.0
    boot = Bootstrap(4, 100)
    widths = [boot.mean(one).high - boot.mean(one).low for one in (same, apart)]
    assert widths[1] > 1.5 * widths[0]


def test_a_difference_is_paired() -> None:
    """Two models that fail on the same items differ reliably, however hard the items are."""
    draws = np.random.default_rng(2)
    hard = draws.random((3, 200))
    left, right = (hard < 0.6).astype(float), (hard < 0.5).astype(float)
    boot = Bootstrap(3, 200)
    paired = boot.difference(left, right)
    apart = boot.mean(left).high - boot.mean(left).low
    assert paired.low > 0
    assert paired.high - paired.low < 0.75 * apart
    nothing = boot.difference(left, left)
    assert (nothing.low, nothing.value, nothing.high) == (0.0, 0.0, 0.0)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """200 simulated studies of 6 networks and 60 items with effects of both; nominal 95 %."""
    draws = np.random.default_rng(3)
    # Truncating the rates to [0, 1] moves their mean a little; this is the true one.
    wide = 0.6 + math.hypot(0.1, 0.2) * np.random.default_rng(9).standard_normal(400_000)
    truth, hits = wide.clip(0, 1).mean(), 0
    for study in range(200):
        rates = 0.6 + 0.1 * draws.standard_normal((6, 1)) + 0.2 * draws.standard_normal((1, 60))
        found = Bootstrap(6, 60, draws=400, seed=study).mean(draws.random((6, 60)) < rates)
        hits += found.low <= truth <= found.high
    assert 0.88 <= hits / 200 <= 0.995


def drawn_one_by_one(boot: Bootstrap, *tables: Floats) -> list[list[Floats]]:
    """The resamples spelt out, without NaN: slow, and plain to see."""
    flat = np.stack([table.ravel() for table in tables])
    kept = ~np.isnan(flat).any(0)
    out = []
    for rows, columns in zip(boot._rows, boot._columns, strict=True):
        times = np.outer(rows, columns).ravel().astype(int) * kept
        out.append(list(np.repeat(flat, times, axis=1)))
    return out


def test_means_medians_and_correlations_are_those_of_the_resamples_spelt_out() -> None:
    draws = np.random.default_rng(4)
    left, right = draws.integers(0, 9, (3, 15)).astype(float), draws.random((3, 15))
    left[1, 4] = right[0, 2] = np.nan
    boot = Bootstrap(3, 15, draws=60)
    from scipy.stats import spearmanr

    alone = [sample for (sample,) in drawn_one_by_one(boot, left)]
    pairs = [spearmanr(*pair).statistic for pair in drawn_one_by_one(boot, left, right)]
    both = ~np.isnan(left) & ~np.isnan(right)
    cases = [
        (boot.mean(left), np.nanmean(left), [np.mean(one) for one in alone]),
        (boot.median(left), np.nanmedian(left), [np.median(one) for one in alone]),
        (boot.rank_correlation(left, right), spearmanr(left[both], right[both]).statistic, pairs),
    ]
    for found, value, spelt in cases:
        assert found.value == pytest.approx(value)
        assert (found.low, found.high) == pytest.approx(percentile_interval(np.array(spelt)))


def test_the_mean_of_a_table_without_nan_is_the_plain_one() -> None:
    table = np.random.default_rng(4).random((2, 30))
    boot = Bootstrap(2, 30, draws=300)
    (values,), weights = boot._weighted(table)
    assert boot.means(table) == pytest.approx(weights @ values / 60)


def test_a_median_ignores_nan_and_keeps_infinity() -> None:
    table = np.array([[1.0, 2.0, 3.0, np.inf, np.nan]])
    found = Bootstrap(1, 5, draws=500).median(table)
    assert found.value == 2.5
    assert found.high == math.inf
    assert found.low == 1.0
    boot, empty = Bootstrap(1, 2, draws=50), np.full((1, 2), np.nan)
    for nothing in (boot.mean(empty), boot.median(empty), boot.rank_correlation(empty, empty)):
        assert math.isnan(nothing.value)
        assert math.isnan(nothing.low)


def test_a_constant_series_has_no_rank_correlation() -> None:
    found = Bootstrap(1, 5, draws=50).rank_correlation(np.ones((1, 5)), np.arange(5.0)[None])
    assert math.isnan(found.value)


def test_the_percentiles_are_nan_where_too_many_resamples_have_no_value() -> None:
    draws = np.arange(1000.0)
    assert percentile_interval(draws) == (24.0, 975.0)
    draws[:60] = np.nan
    assert all(map(math.isnan, percentile_interval(draws)))


def test_the_p_value_counts_the_resamples_beyond_zero() -> None:
    assert bootstrap_p(np.array([-1.0, 1.0, 2.0])) == 1.0
    assert bootstrap_p(np.linspace(-1, 9, 999)) == pytest.approx(2 * 101 / 1000)
    assert bootstrap_p(np.zeros(99)) == 1.0


def test_holm_is_the_step_down_rule() -> None:
    assert holm([0.01, 0.02, 0.03]) == pytest.approx([0.03, 0.04, 0.04])
    assert holm([0.6, 0.5]) == [1.0, 1.0]
    assert holm([]) == []
    with pytest.raises(SettingError, match=r"\[0, 1\]"):
        holm([1.2])


def test_tables_of_another_shape_are_refused() -> None:
    with pytest.raises(InputError, match=r"\(2, 5\), seeds first; got \(5, 2\)"):
        Bootstrap(2, 5).mean(np.zeros((5, 2)))
    with pytest.raises(SettingError, match="at least one"):
        Bootstrap(0, 5)
