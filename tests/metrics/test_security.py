"""Security curves from distances, against counts by hand."""

from __future__ import annotations

import numpy as np
import pytest

from spikeproof.base import InputError
from spikeproof.metrics import attack_optimality, security_area, security_curve

DISTANCE = np.array([0.0, 0.25, 0.25, 1.5, np.inf])


def test_a_curve_counts_the_items_farther_than_each_radius() -> None:
    assert security_curve(DISTANCE, [0.0, 0.2, 0.25, 1.0, 2.0]).tolist() == [
        0.8,
        0.8,
        0.4,
        0.4,
        0.2,
    ]


def test_the_area_is_the_integral_of_the_curve() -> None:
    radii = np.linspace(0, 2, 20001)
    middle = (radii[1:] + radii[:-1]) / 2
    assert security_area(DISTANCE, 2.0) == pytest.approx(
        security_curve(DISTANCE, middle).mean() * 2
    )


def test_optimality_is_one_for_the_best_zero_for_none_and_absent_without_successes() -> None:
    nothing = np.where(DISTANCE > 0, np.inf, 0.0)
    assert attack_optimality(DISTANCE, DISTANCE, 2.0) == 1
    assert attack_optimality(nothing, DISTANCE, 2.0) == 0
    assert attack_optimality(nothing, nothing, 2.0) is None


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: security_curve(np.array([]), [0.0]),
        lambda: security_curve(np.array([np.nan]), [0.0]),
        lambda: security_curve(DISTANCE, [-1.0]),
        lambda: security_area(DISTANCE, 0.0),
        lambda: attack_optimality(DISTANCE, DISTANCE[:2], 1.0),
    ],
)
def test_what_is_no_distance_is_refused(wrong: object) -> None:
    with pytest.raises(InputError):
        wrong()  # type: ignore[operator]
