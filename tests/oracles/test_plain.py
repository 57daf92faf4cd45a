"""The network as strangers see it, and the published attack, against known answers."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import spikeproof as sp
from spikeproof.neurons import IF
from tests.oracles.adaptive import REACHES, Adaptive, halvings, pgd, project, sapgd, steepest
from tests.oracles.arena import pulled
from tests.oracles.judge import Ball, Net, legal
from tests.oracles.plain import ARCTAN_2, ARCTAN_5, OWN, Plain, Unit

DIGITS: dict[str, dict[str, Any]] = {
    "cnn-small": {"width": 3, "timesteps": 3, "pooling": "max", "neuron": sp.LIF(leak=0.75)},
    "dense": {"width": 9, "neuron": IF(reset="soft")},
}


@pytest.fixture(params=DIGITS)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A stored network that nobody has trained."""
    model = sp.build(request.param, sp.load("digits"), **DIGITS[request.param])
    for module in model.modules():
        if hasattr(module, "running_mean"):
            torch.nn.init.uniform_(module.running_mean, -0.3, 0.3)
            torch.nn.init.uniform_(module.bias, -0.3, 0.9)
    sp.save_model(model.eval(), tmp_path / "net.safetensors")
    return tmp_path / "net.safetensors"


def gradient(model: nn.Module, x: Tensor) -> Tensor:
    x = x.clone().requires_grad_()
    logits = model(x)
    (found,) = torch.autograd.grad((logits * torch.arange(10.0)).sum(), x)
    return found


def test_every_way_back_has_the_logits_of_the_judge(path: Path) -> None:
    x = sp.load("digits").validation.x[:12]
    judged = Net.read(path).logits(x.numpy())
    ways = [OWN, ARCTAN_2, ARCTAN_5, Adaptive()]
    models = [Plain(path, way, detach=detach) for way in ways for detach in (False, True)]
    for model in models:
        assert np.abs(model(x).detach().numpy() - judged).max() < 1e-5
    found = [gradient(model, x) for model in models]
    for i in range(len(found)):
        assert found[i].abs().max() > 0
        for j in range(i):
            assert not torch.allclose(found[i], found[j])


@pytest.mark.parametrize("detach", [False, True])
def test_gradients_are_those_of_the_package(path: Path, detach: bool) -> None:
    x = sp.load("digits").validation.x[:12]
    model = sp.models.load_model(path)
    for layer in model.modules():
        if isinstance(layer, sp.neurons.Spiking):
            from dataclasses import replace

            layer.neuron = replace(layer.neuron, detach_reset=detach)
    ours, plain = gradient(model, x), gradient(Plain(path, detach=detach), x)
    assert (ours - plain).abs().max() < 1e-5 * ours.abs().max() and ours.abs().max() > 0


def test_the_adaptive_sharpness_of_three_passes() -> None:
    rule = Adaptive(0.425)
    u = torch.tensor([0.5])
    mean, spread = 1.0, 0.0
    for _ in range(3):
        mean = 0.9 * mean + 0.1 * 0.5
        spread = 0.9 * spread + 0.1 * abs(0.5 - mean)
        s = 2 * math.tan(0.425 * math.pi) / math.pi / (mean + 1.5 * spread + 1e-4)
        want = (s / 2) / (1 + (math.pi * s * 0.5 / 2) ** 2)
        assert rule(u, 0, 0).item() == pytest.approx(want, rel=1e-5)
    fresh = Adaptive(0.425)
    assert rule(u, 0, 1).item() == fresh(u, 0, 0).item()  # another step has its own moments
    assert REACHES == (0.41, 0.425, 0.44, 0.455)


def test_steps_are_halved_where_published() -> None:
    assert halvings(100) == [22, 41, 57, 70, 80, 87, 93, 99]


class Planes(nn.Module):
    """Two classes on a plane: the best point of every ball is known."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.tensor([3.0, -2.0, 1.0, 0.5])

    def forward(self, x: Tensor) -> Tensor:
        score = x.flatten(1) @ self.weight
        return torch.stack([torch.zeros_like(score), score], 1)


@pytest.mark.parametrize("attack", [sapgd, pgd])
@pytest.mark.parametrize(("norm", "radius"), [("linf", 0.2), ("l2", 0.3), ("l1", 0.4)])
def test_on_a_plane_the_attacks_reach_the_best_point(attack: Any, norm: str, radius: float) -> None:
    model, x = Planes(), torch.full((3, 1, 2, 2), 0.5)
    w = model.weight
    best = {"linf": radius * w.abs().sum(), "l2": radius * w.norm(), "l1": radius * w.abs().max()}
    seen: list[Tensor] = []
    attack(model, x, torch.zeros(3, dtype=torch.int64), (norm, radius), seen.append, 100)
    gained = torch.stack([model(z)[:, 1] - model(x)[:, 1] for z in seen]).amax(0)
    assert (gained > 0.98 * best[norm]).all() and (gained <= best[norm] * (1 + 1e-5)).all()
    ball = Ball(norm, radius, 0.0, 1.0)
    assert all(legal(ball, pulled(ball, z.numpy(), x.numpy()), x.numpy()).all() for z in seen)


def test_the_l1_projection_is_the_nearest_point() -> None:
    x, z = torch.zeros(1, 1, 1, 3), torch.tensor([0.9, 0.5, 0.1]).view(1, 1, 1, 3)
    # Both ends are cut by .2: .7 + .3 = 1, and the third is gone.
    want = torch.tensor([0.7, 0.3, 0.0])
    assert torch.allclose(project(z, x, "l1", 1.0).flatten(), want)
    assert steepest(z, "l1").flatten().tolist() == [1.0, 0.0, 0.0]


def test_points_are_pulled_back_over_rounding_and_no_further() -> None:
    x = np.zeros((1, 1, 1, 2), np.float32)
    ball = Ball("l2", 5.0, -9.0, 9.0)
    near = np.array([3.0, 4.0]).reshape(x.shape) * (1 + 5e-6)
    far = near * 1.01
    assert legal(ball, pulled(ball, near, x), x).all()
    assert np.abs(pulled(ball, near, x) - near).max() < 2e-4
    assert not legal(ball, pulled(ball, far, x), x).any()


def test_scaling_to_unit_and_back() -> None:
    unit = Unit(nn.Identity(), -1.0, 1.0, (16,))
    x = torch.linspace(-1, 1, 16)[None]
    assert unit.to_unit(x).shape == (1, 1, 1, 16)
    assert (unit.to_unit(x).min(), unit.to_unit(x).max()) == (0, 1)
    assert torch.allclose(unit(unit.to_unit(x)), x)
