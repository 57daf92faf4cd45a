"""Quantiles against scipy.special."""

from __future__ import annotations

import pytest
from scipy.special import ndtri, stdtrit

from spikeproof.metrics.quantiles import normal_quantile, student_quantile


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 9, 10, 29, 59, 99, 399, 1000])
@pytest.mark.parametrize("p", [0.01, 0.3, 0.5, 0.9, 0.95, 0.975, 0.995])
def test_student_against_scipy(freedom: int, p: float) -> None:
    assert student_quantile(freedom, p) == pytest.approx(stdtrit(freedom, p), rel=1e-11, abs=1e-12)


@pytest.mark.parametrize("p", [0.001, 0.025, 0.2, 0.5, 0.9, 0.975])
def test_normal_against_scipy(p: float) -> None:
    assert normal_quantile(p) == pytest.approx(ndtri(p), rel=1e-13, abs=1e-13)


def test_student_of_two_degrees_in_closed_form() -> None:
    # t^2 = 2 a^2 / (1 - a^2) with a = 2 p - 1.
    assert student_quantile(2, 0.975) == pytest.approx((2 * 0.95**2 / (1 - 0.95**2)) ** 0.5)
