"""Shares of items against counts by hand."""

from __future__ import annotations

import numpy as np
import pytest

from spikeproof.base import InputError
from spikeproof.metrics import curve_area, curve_weights, robust_accuracy, success_rate, union

RIGHT = np.array([True, True, True, False])
BROKEN = np.array([True, False, False, False])


def test_a_wrong_item_is_never_robust_even_if_no_attack_touched_it() -> None:
    assert robust_accuracy(RIGHT, BROKEN) == 0.5
    assert success_rate(RIGHT, BROKEN) == pytest.approx(1 / 3)


def test_there_is_no_success_rate_without_a_right_item() -> None:
    assert success_rate(np.array([False]), np.array([True])) is None


def test_the_union_is_taken_item_by_item_not_from_the_means() -> None:
    first = np.array([True, False, False, False])
    second = np.array([False, True, False, False])
    assert union(RIGHT, [first, second]).mean() == 0.25
    assert min(robust_accuracy(RIGHT, one) for one in (first, second)) == 0.5
    assert union(RIGHT, []).tolist() == RIGHT.tolist()


def test_the_area_is_that_of_the_trapezoids_over_the_range() -> None:
    by_hand = (0.5 * (1.0 + 0.6) * 1 + 0.5 * (0.6 + 0.2) * 3) / 4
    assert curve_area([0.0, 1.0, 4.0], [1.0, 0.6, 0.2]) == pytest.approx(by_hand)
    assert curve_area([0.0, 0.3, 0.7], [0.8, 0.8, 0.8]) == pytest.approx(0.8)
    assert curve_weights([0.0, 0.1, 0.2, 0.9]).sum() == pytest.approx(1.0)


def test_arrays_and_curves_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="one length"):
        robust_accuracy(RIGHT, BROKEN[:2])
    with pytest.raises(InputError, match="one length"):
        success_rate(RIGHT[:0], BROKEN[:0])
    with pytest.raises(InputError, match="start at 0"):
        curve_area([0.1, 0.2], [1.0, 1.0])
    with pytest.raises(InputError, match="ascending"):
        curve_weights([0.0, 0.2, 0.2])
    with pytest.raises(InputError, match="2 radii"):
        curve_area([0.0, 1.0], [1.0, 1.0, 1.0])
