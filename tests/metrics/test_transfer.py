"""The transfer ratio on tables whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from spikeproof.base import InputError
from spikeproof.metrics import Bootstrap, Floats, competitiveness, transfer_ratio

BOOT = Bootstrap(2, 100)


def survival(first: int, second: int) -> Floats:
    """Two networks that keep the given number of 100 items, the easy ones first."""
    return np.stack([(np.arange(100) < count).astype(float) for count in (first, second)])


@pytest.mark.parametrize(
    ("trained", "tau"), [((30, 30), 0.0), ((70, 70), 1.0), ((50, 50), 0.5), ((10, 10), -0.5)]
)
def test_tau_is_the_share_of_the_dedicated_gain(trained: tuple[int, int], tau: float) -> None:
    found = transfer_ratio(survival(*trained), survival(70, 70), survival(30, 30), BOOT)
    assert found.defined
    assert found.tau == pytest.approx(tau)
    assert found.low <= found.tau <= found.high


def test_dedicated_training_is_exactly_one_and_no_defence_exactly_zero() -> None:
    best, base = survival(72, 68), survival(25, 35)
    one = transfer_ratio(best, best, base, BOOT)
    zero = transfer_ratio(base, best, base, BOOT)
    assert (one.low, one.tau, one.high) == (1.0, 1.0, 1.0)
    assert (zero.low, zero.tau, zero.high) == (0.0, 0.0, 0.0)


def test_tau_is_undefined_where_dedicated_training_gains_less_than_two_points() -> None:
    found = transfer_ratio(survival(50, 50), survival(31, 32), survival(30, 30), BOOT)
    assert not found.defined
    assert found.tau is found.low is found.high is None
    assert "1.5 points" in found.reason


def test_tau_is_undefined_where_the_gain_may_be_zero() -> None:
    """A gain of 4 points on 100 items of which 46 get worse and 50 better."""
    base = np.zeros((2, 100))
    base[:, :46] = 1.0
    best = np.zeros((2, 100))
    best[:, 50:] = 1.0
    found = transfer_ratio(base, best, base, BOOT)
    assert not found.defined
    assert "may be zero" in found.reason


def test_a_dedicated_training_that_hurts_leaves_tau_undefined() -> None:
    found = transfer_ratio(survival(50, 50), survival(10, 10), survival(30, 30), BOOT)
    assert not found.defined
    assert "-20.0 points" in found.reason


def test_the_interval_of_tau_is_paired_over_the_three_tables() -> None:
    """tau is 0.5 in every resample that has a gain when half of the gained items are kept."""
    base, best = np.zeros((2, 100)), np.zeros((2, 100))
    best[:] = 1.0
    found = transfer_ratio(np.full((2, 100), 0.5), best, base, BOOT)
    assert (found.low, found.tau, found.high) == (0.5, 0.5, 0.5)


def test_competitiveness_is_mean_and_minimum_of_the_ratios() -> None:
    found = competitiveness({"linf": 0.3, "l2": 0.6, "l0": 0.1}, {"linf": 0.6, "l2": 0.6, "l1": 1})
    assert (found.average, found.worst, found.threats) == (0.75, 0.5, 2)
    assert competitiveness({"linf": 0.3}, {"linf": 0.0}) is None
    with pytest.raises(InputError, match="in common"):
        competitiveness({"linf": 0.3}, {"l2": 0.6})
