"""Batch normalisation over time: known answers of the three kinds."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from spikeproof.data import Domain
from spikeproof.models import ModelSpec, PerStepNorm, build
from spikeproof.models.norm import Norms

# Two steps of two items, one channel: mean 1 and 20, deviation 1 and 10, by step.
CURRENTS = torch.tensor([0.0, 2.0, 10.0, 30.0], dtype=torch.float64).view(4, 1)


def norms(kind: str, *, threshold: float = 1.0, repeated: bool = False) -> Norms:
    """The makers of two steps."""
    return Norms(kind=kind, threshold=threshold, timesteps=2, repeated=repeated)


def close(got: Tensor, wanted: list[float]) -> None:
    """Compare, but for the 1e-5 that batch normalisation adds to the variance."""
    torch.testing.assert_close(
        got.flatten(), torch.tensor(wanted, dtype=torch.float64), rtol=1e-5, atol=1e-8
    )


def test_the_plain_kind_counts_all_steps_together() -> None:
    layer = norms("batch").of_vectors(1).double()
    deviation = math.sqrt((10.5**2 + 8.5**2 + 0.5**2 + 19.5**2) / 4)
    close(layer(CURRENTS), [u / deviation for u in (-10.5, -8.5, -0.5, 19.5)])


@pytest.mark.parametrize("scale", [1.0, 1 / math.sqrt(2)])
def test_tdbn_gives_currents_the_deviation_of_the_threshold(scale: float) -> None:
    layer = norms("tdbn", threshold=3.0).of_images(1, scale).double()
    plain = norms("batch").of_images(1).double()
    x = CURRENTS.view(4, 1, 1, 1)
    torch.testing.assert_close(layer(x), 3.0 * scale * plain(x))
    torch.testing.assert_close(
        layer(x).std(unbiased=False).item(), 3.0 * scale, rtol=1e-5, atol=0.0
    )


def test_per_step_statistics_are_those_of_the_step() -> None:
    layer = PerStepNorm(1, timesteps=2).double()
    close(layer(CURRENTS), [-1.0, 1.0, -1.0, 1.0])
    # Momentum 0.1 towards the mean and the unbiased variance of each step.
    close(layer.running_mean, [0.1, 2.0])
    close(layer.running_var, [0.9 + 0.1 * 2.0, 0.9 + 0.1 * 200.0])
    layer.eval()
    nn.init.constant_(layer.weight, 2.0)
    nn.init.constant_(layer.bias, 5.0)
    layer.running_mean.copy_(torch.tensor([[1.0], [20.0]]))
    layer.running_var.copy_(torch.tensor([[4.0], [400.0]]))
    close(layer(CURRENTS), [4.0, 6.0, 4.0, 6.0])


def test_a_repeated_image_needs_one_set_of_statistics_only() -> None:
    assert isinstance(norms("per-step", repeated=True).first().of_images(1), nn.BatchNorm2d)
    assert isinstance(norms("per-step").first().of_images(1), PerStepNorm)
    assert isinstance(norms("per-step", repeated=True).of_vectors(1), PerStepNorm)


def test_the_default_is_plain_batch_normalisation_of_weight_one() -> None:
    spec = ModelSpec(name="vgg-5", domain=Domain(kind="image", shape=(1, 8, 8)), classes=2, width=4)
    found = [m for m in build(spec).modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(found) == 3 and all(torch.equal(m.weight, torch.ones_like(m.weight)) for m in found)


def test_events_bring_the_number_of_steps() -> None:
    domain = Domain(kind="events", shape=(6, 2, 8, 8))
    spec = ModelSpec(name="vgg-5", domain=domain, classes=2, width=4, norm="per-step", timesteps=3)
    found = [m for m in build(spec).modules() if isinstance(m, PerStepNorm)]
    assert [m.timesteps for m in found] == [6, 6, 6]
