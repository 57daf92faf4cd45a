"""The transfer ratio on tables whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from spikeproof.base import InputError
from spikeproof.metrics import Floats, Intervals, competitiveness, transfer_ratio

TWO = Intervals(2, 100)


def survival(first: int, second: int) -> Floats:
    """Two networks that keep the given number of 100 items, the easy ones first."""
    return np.stack([(np.arange(100) < count).astype(float) for count in (first, second)])


@pytest.mark.parametrize(
    ("trained", "tau"), [((30, 30), 0.0), ((70, 70), 1.0), ((50, 50), 0.5), ((10, 10), -0.5)]
)
def test_tau_is_the_share_of_the_dedicated_gain(trained: tuple[int, int], tau: float) -> None:
    found = transfer_ratio(survival(*trained), survival(70, 70), survival(30, 30), TWO)
    assert found.defined
    assert found.tau == pytest.approx(tau)
    assert found.low <= found.tau <= found.high


def test_dedicated_training_is_exactly_one_and_no_defence_exactly_zero() -> None:
    best, base = survival(72, 68), survival(25, 35)
    one = transfer_ratio(best, best, base, TWO)
    zero = transfer_ratio(base, best, base, TWO)
    assert (one.low, one.tau, one.high) == (1.0, 1.0, 1.0)
    assert (zero.low, zero.tau, zero.high) == (0.0, 0.0, 0.0)


def test_tau_is_undefined_where_dedicated_training_gains_less_than_two_points() -> None:
    found = transfer_ratio(survival(50, 50), survival(31, 32), survival(30, 30), TWO)
    assert not found.defined
    assert found.tau is found.low is found.high is None
    assert "1.5 points" in found.reason


def test_tau_is_undefined_where_the_gain_may_be_zero() -> None:
    """A gain of 4 points on 100 items of which 46 get worse and 50 better."""
    base = np.zeros((2, 100))
    base[:, :46] = 1.0
    best = np.zeros((2, 100))
    best[:, 50:] = 1.0
    found = transfer_ratio(base, best, base, TWO)
    assert not found.defined
    assert "may be zero" in found.reason


def test_a_dedicated_training_that_hurts_leaves_tau_undefined() -> None:
    found = transfer_ratio(survival(50, 50), survival(10, 10), survival(30, 30), TWO)
    assert not found.defined
    assert "-20.0 points" in found.reason


def test_the_interval_of_tau_is_paired_over_the_three_tables() -> None:
    """Every item keeps half of what it may gain: items differ in nothing, whatever their gain."""
    base, best = np.zeros((2, 100)), np.zeros((2, 100))
    best[:, :60] = 1.0
    found = transfer_ratio(best / 2, best, base, TWO)
    assert found.tau == 0.5
    # What is left is two items more, the floor of a difference; 60 of 100 items gain.
    assert found.high - found.low < 2.2 * 1.96 / 102 / 0.6
    unpaired = transfer_ratio(best[:, ::-1] / 2, best, base, TWO)
    assert unpaired.high - unpaired.low > 3 * (found.high - found.low)


@pytest.mark.parametrize("networks", [2, 3, 5])
def test_the_ends_of_tau_are_where_the_interval_of_the_gain_that_is_left_meets_zero(
    networks: int,
) -> None:
    """Fieller: at r = low and high the mean of (trained - base) - r (dedicated - base) is just
    as far from 0 as its interval reaches, here in closed form for a single variance."""
    draws = np.random.default_rng(0)
    easy = draws.random((1, 200))
    base, best, ours = (
        (draws.random((networks, 200)) * 0.2 + easy < edge).astype(float)
        for edge in (0.3, 0.9, 0.7)
    )
    intervals = Intervals(networks, 200, over="items")
    found = transfer_ratio(ours, best, base, intervals)
    assert found.low is not None
    assert found.high is not None
    for end in (found.low, found.high):
        left = (ours - base - end * (best - base)).mean(0)
        half = 1.9719565 * left.std(ddof=1) / np.sqrt(200)
        floor = (1.959964 / 202) ** 2 * (1 - end + end**2)
        assert abs(left.mean()) == pytest.approx(np.sqrt(half**2 + floor), rel=1e-6)
    assert found.over == "items"


def test_competitiveness_is_mean_and_minimum_of_the_ratios() -> None:
    found = competitiveness({"linf": 0.3, "l2": 0.6, "l0": 0.1}, {"linf": 0.6, "l2": 0.6, "l1": 1})
    assert (found.average, found.worst, found.threats) == (0.75, 0.5, 2)
    assert competitiveness({"linf": 0.3}, {"linf": 0.0}) is None
    with pytest.raises(InputError, match="in common"):
        competitiveness({"linf": 0.3}, {"l2": 0.6})
