"""Tiny specifications of every architecture, networks whose statistics have moved, encoders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from spikeproof.data import Domain
from spikeproof.models import Encoder, ModelSpec, Network, build
from spikeproof.neurons import LIF, Surrogate
from support.coded import ALL, IMAGE


def _domain(name: str, kind: str) -> Domain:
    """Images of three channels, or five steps of two channels, just large enough."""
    pixels = 32 if name in ("vgg-13", "vgg-16") else 8
    if kind == "image":
        return Domain(kind="image", shape=(3, pixels, pixels))
    return Domain(kind="events", shape=(5, 2, pixels, pixels), high=6.0, integer=True)


@pytest.fixture
def tiny() -> Callable[..., ModelSpec]:
    """Make a small specification: a name, perhaps ``kind`` and other settings."""

    def make(name: str, kind: str = "image", **settings: Any) -> ModelSpec:
        kind = "events" if name == "recurrent" else kind
        usual = {
            "domain": _domain(name, kind),
            "classes": 4,
            "width": 8,
            "timesteps": 3,
            "neuron": LIF(threshold=0.5, surrogate=Surrogate("arctan", 1.0)),
        }
        return ModelSpec(name=name, **{**usual, **settings})

    return make


@pytest.fixture
def draw() -> Callable[..., Tensor]:
    """Draw legal float64 inputs of a specification."""

    def make(spec: ModelSpec, n: int = 3) -> Tensor:
        x = torch.rand(n, *spec.domain.shape, dtype=torch.float64)
        return (4 * x - 1.5).clamp_min(0).round() if spec.domain.integer else x

    return make


@pytest.fixture
def warmed(draw: Callable[..., Tensor]) -> Callable[[ModelSpec], Network]:
    """Build a float64 network in evaluation mode whose normalisations have seen inputs.

    Without that, currents of a fresh deep network are too small to fire anything, and tests would
    compare biases.
    """

    def make(spec: ModelSpec) -> Network:
        model = build(spec).double()
        for module in model.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                module.momentum = None  # the mean over all batches, exact from the first
        with torch.no_grad():
            for _ in range(3):
                model(draw(spec, 8))
        return model.eval()

    return make


@pytest.fixture(params=ALL, ids=repr)
def encoder(request: pytest.FixtureRequest) -> Encoder:
    """Each encoder in turn."""
    chosen: Encoder = request.param
    return chosen


@pytest.fixture
def x() -> Tensor:
    """Three images in [0, 1] with black and white in them."""
    return torch.rand(3, *IMAGE.shape).mul(1.2).sub(0.1).clamp(0, 1)
