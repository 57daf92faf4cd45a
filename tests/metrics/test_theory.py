"""First-order predictions against closed values and against each other."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from spikeproof.base import InputError, SettingError
from spikeproof.data import Domain, Views
from spikeproof.metrics import (
    FirstOrder,
    ball_moment,
    dual_exponent,
    dual_norm,
    first_order,
    first_order_l0,
    first_order_lp,
)
from spikeproof.threats import L0, L1, L2, Counts, Linf, Threat

EXPONENTS = (1.0, 1.5, 2.0, 3.0, 7.0, math.inf)


def sparse_gradient(n: int, nonzero: int, seed: int = 0) -> Tensor:
    """One gradient with the given number of non-zeros, ``(1, n)``, float64."""
    values = torch.randn(n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    values[nonzero:] = 0
    return values[None]


@pytest.mark.parametrize("n", [1, 2, 20, 3072, 50_000])
def test_the_moment_has_its_closed_values(n: int) -> None:
    assert ball_moment(n, 2.0) == pytest.approx(1 / (n + 2), rel=1e-8)
    assert ball_moment(n, 1.0) == pytest.approx(2 / ((n + 1) * (n + 2)), rel=1e-8)
    assert ball_moment(n, math.inf) == pytest.approx(1 / 3)
    assert ball_moment(1, 2.7) == pytest.approx(1 / 3)  # every ball of the line is an interval


def test_the_moment_of_a_large_p_approaches_the_cube() -> None:
    assert ball_moment(5, 1e6) == pytest.approx(1 / 3, rel=1e-4)


def test_the_moment_of_a_general_p_matches_rejection_sampling() -> None:
    points = 2 * torch.rand(400_000, 3, dtype=torch.float64) - 1
    inside = points[points.abs().pow(3.0).sum(1) <= 1]
    assert float(inside.square().mean()) == pytest.approx(ball_moment(3, 3.0), rel=5e-3)


@pytest.mark.parametrize(
    ("nonzero", "linf", "l1"), [(1, 3.0, 231.0), (5, 15.0, 46.2), (20, 60.0, 11.55)]
)
def test_equal_entries_give_the_ratios_of_the_table(nonzero: int, linf: float, l1: float) -> None:
    grad = torch.zeros(1, 20)
    grad[:, :nonzero] = -0.7
    assert first_order_lp(grad, math.inf).ratio.item() == pytest.approx(linf)
    assert first_order_lp(grad, 2.0).ratio.item() == pytest.approx(22.0)
    assert first_order_lp(grad, 1.0).ratio.item() == pytest.approx(l1)


def test_the_radius_scales_both_vulnerabilities_and_not_the_ratio() -> None:
    grad = sparse_gradient(12, 7)
    one, three = first_order_lp(grad, 1.0), first_order_lp(grad, 1.0, radius=3.0)
    torch.testing.assert_close(three.adversarial, 9 * one.adversarial)
    torch.testing.assert_close(three.random, 9 * one.random)
    torch.testing.assert_close(three.ratio, one.ratio)


def inside(found: FirstOrder) -> bool:
    """Whether every ratio respects its bounds, up to rounding."""
    low, high = found.lower * (1 - 1e-9), found.upper * (1 + 1e-9)
    return bool(((low <= found.ratio) & (found.ratio <= high)).all())


@given(
    n=st.integers(1, 30),
    share=st.floats(0.01, 1.0),
    p=st.sampled_from(EXPONENTS),
    seed=st.integers(0, 999),
)
def test_the_ratio_lies_within_its_sparsity_bounds(
    n: int, share: float, p: float, seed: int
) -> None:
    assert inside(first_order_lp(sparse_gradient(n, max(1, int(share * n)), seed), p))


@given(
    n=st.integers(1, 12), nonzero=st.integers(1, 12), k=st.integers(1, 12), seed=st.integers(0, 999)
)
def test_the_l0_ratio_lies_within_its_bounds(n: int, nonzero: int, k: int, seed: int) -> None:
    grad = sparse_gradient(2 * n, min(nonzero, 2 * n), seed)
    assert inside(first_order_l0(grad, min(k, 2 * n)))
    pixels = torch.arange(n).repeat(2)
    assert inside(first_order_l0(grad, min(k, n), pixels=pixels))


@pytest.mark.parametrize("p", EXPONENTS)
def test_the_bounds_are_reached(p: float) -> None:
    one_hot, flat = sparse_gradient(9, 1), torch.ones(1, 9)
    reached = first_order_lp(torch.cat([one_hot, flat.double()]), p)
    ends = torch.stack([reached.lower, reached.upper])
    assert bool((ends - reached.ratio).abs().min(0).values.lt(1e-9).all())


def test_a_sparser_gradient_narrows_linf_and_widens_l1_and_l0() -> None:
    dense, sparse = torch.ones(1, 16), sparse_gradient(16, 1)
    assert first_order_lp(sparse, math.inf).ratio < first_order_lp(dense, math.inf).ratio
    assert first_order_lp(sparse, 1.0).ratio > first_order_lp(dense, 1.0).ratio
    assert first_order_l0(sparse, 1).ratio > first_order_l0(dense, 1).ratio


def test_l0_over_pixels_adds_the_channels_of_a_pixel() -> None:
    grad = torch.tensor([[1.0, -2.0, 4.0, 3.0]])
    pixels = torch.tensor([0, 1, 0, 1])  # pixel 0 weighs 5, pixel 1 weighs 5
    found = first_order_l0(grad, 1, pixels=pixels)
    assert found.adversarial.item() == pytest.approx(25.0)
    assert found.random.item() == pytest.approx(30 / 6)


def test_a_zero_gradient_has_no_ratio_but_zero_vulnerability() -> None:
    for found in (first_order_lp(torch.zeros(1, 4), 1.0), first_order_l0(torch.zeros(1, 4), 2)):
        assert found.adversarial.item() == found.random.item() == 0.0
        assert all(math.isnan(one) for one in (found.ratio, found.lower, found.upper))


def test_a_threat_selects_its_theory_radius_pixels_and_reach() -> None:
    domain = Domain(kind="events", shape=(1, 2, 1, 2), high=3.0)
    grad = torch.tensor([[1.0, -2.0, 4.0, 3.0]]).view(1, 1, 2, 1, 2)
    flat = grad.flatten(1)
    for geometry, radius, p in ((Linf(), 0.2, math.inf), (L2(), 0.5, 2.0), (L1(), 1.5, 1.0)):
        found = first_order(grad, Threat(geometry, radius, domain))
        torch.testing.assert_close(found.random, first_order_lp(flat, p, radius).random)
        torch.testing.assert_close(found.adversarial, first_order_lp(flat, p, radius).adversarial)
    pixels = first_order(grad, Threat(L0(), 1, domain))
    assert pixels.adversarial.item() == pytest.approx((3 * 5) ** 2)
    features = first_order(grad, Threat(L0(pixels=False), 1, domain))
    assert features.adversarial.item() == pytest.approx((3 * 4) ** 2)


def test_an_unbounded_domain_and_views_have_a_reach_too() -> None:
    grad = torch.tensor([[1.0, -2.0, 4.0]])
    free = Threat(L0(pixels=False), 1, Domain.unbounded((3,)))
    assert first_order(grad, free).adversarial.item() == pytest.approx(16.0)
    image = Domain(kind="image", shape=(1, 1, 2), high=4.0)
    views = Views((("image", image), ("audio", Domain(kind="audio", shape=(1,), low=-1.0))))
    found = first_order(grad, Threat(L0(), 1, views))
    assert found.adversarial.item() == pytest.approx(64.0)


def test_what_has_no_theory_is_refused() -> None:
    counts = Threat(Counts(), 2, Domain(kind="events", shape=(1, 1, 2, 2), high=3.0, integer=True))
    with pytest.raises(SettingError, match="counts"):
        first_order(torch.ones(1, 1, 1, 2, 2), counts)
    with pytest.raises(SettingError, match="p >= 1"):
        dual_exponent(0.5)
    with pytest.raises(SettingError, match=r"1\.\.4"):
        first_order_l0(torch.ones(1, 4), 5)
    with pytest.raises(SettingError, match="dimension"):
        ball_moment(0, 2.0)
    with pytest.raises(InputError, match="finite"):
        dual_norm(torch.tensor([[math.nan, 1.0]]), 2.0)
    with pytest.raises(InputError, match="items first"):
        dual_norm(torch.ones(3), 2.0)
