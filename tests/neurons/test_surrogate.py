"""Surrogates: each shape against its formula, its integral and its published parameter."""

from __future__ import annotations

import math

import pytest
import torch

from spikeproof.base import SettingError
from spikeproof.neurons import SHAPES, Slope, Surrogate


def normal(x: float, width: float) -> float:
    """Density of a normal variable of mean 0."""
    return math.exp(-((x / width) ** 2) / 2) / (width * math.sqrt(2 * math.pi))


U = torch.linspace(-3, 3, 61, dtype=torch.float64)

FORMULAS = {
    "triangle": lambda u, s: (1 / (1 / s) ** 2) * max(0.0, 1 / s - abs(u)),
    "rectangle": lambda u, s: s / 2 if abs(u) < 1 / s else 0.0,
    "sigmoid": lambda u, s: s * math.exp(-s * u) / (1 + math.exp(-s * u)) ** 2,
    "gaussian": lambda u, s: s / math.sqrt(2 * math.pi) * math.exp(-((s * u) ** 2) / 2),
    "shifted-gaussian": lambda u, s: normal(u - 0.5 / s, 1 / s),
    "exponential": lambda u, s: s / 2 * math.exp(-s * abs(u)),
    "straight-through": lambda u, s: 1.0,
    "multi-gaussian": lambda u, s: (
        1.15 * normal(u, 1 / s) - 0.15 * (normal(u - 1 / s, 6 / s) + normal(u + 1 / s, 6 / s))
    ),
    "arctan": lambda u, s: (s / 2) / (1 + (math.pi / 2 * s * u) ** 2),
}


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_the_derivative_is_the_published_formula(shape: str) -> None:
    for sharpness in (0.5, 1.0, 2.0, 7.0):
        ours = Surrogate(shape, sharpness).derivative(U)
        theirs = torch.tensor([FORMULAS[shape](u, sharpness) for u in U.tolist()], dtype=U.dtype)
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shape", sorted(set(SHAPES) - {"straight-through"}))
def test_the_derivative_integrates_to_what_it_says(shape: str) -> None:
    u = torch.linspace(-4000, 4000, 8_000_001, dtype=torch.float64)
    for sharpness in (0.5, 3.0):
        area = torch.trapezoid(Surrogate(shape, sharpness).derivative(u), u).item()
        assert area == pytest.approx(0.85 if shape == "multi-gaussian" else 1.0, abs=1e-3)


def test_the_height_gives_the_published_exponentials() -> None:
    ours = Surrogate("exponential", 2.0, height=0.3).derivative(U)
    torch.testing.assert_close(ours, 0.3 * torch.exp(-2 * U.abs()))


def test_a_sharpness_per_neuron_is_that_of_each_alone() -> None:
    sharpness = torch.linspace(0.5, 8, len(U), dtype=torch.float64)
    for shape in SHAPES:
        each = Slope(shape, sharpness).derivative(U)
        alone = [
            Surrogate(shape, s.item()).derivative(u) for s, u in zip(sharpness, U, strict=True)
        ]
        torch.testing.assert_close(each, torch.stack(alone))


def test_an_unknown_shape_names_the_nearest() -> None:
    with pytest.raises(SettingError, match="'traingle'.*'triangle'"):
        Surrogate("traingle")


@pytest.mark.parametrize("sharpness", [0.0, -1.0, float("nan"), float("inf")])
def test_a_sharpness_that_is_not_positive_is_refused(sharpness: float) -> None:
    with pytest.raises(SettingError, match="sharpness must be positive"):
        Surrogate("arctan", sharpness)


def test_repr_rebuilds_it() -> None:
    surrogate = Surrogate("sigmoid", 4.0)
    assert eval(repr(surrogate)) == surrogate
