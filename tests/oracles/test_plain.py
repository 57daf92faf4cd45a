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
from spikeproof.models import Encoder, Latency, Phase, Temporal
from spikeproof.neurons import IF
from tests.oracles.adaptive import REACHES, Adaptive, halvings, pgd, project, sapgd, steepest
from tests.oracles.arena import pulled
from tests.oracles.judge import Ball, Net, legal
from tests.oracles.plain import ARCTAN_2, ARCTAN_5, OWN, Plain, Unit, coded

NETS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "cnn-small": (
        "digits",
        "cnn-small",
        {"width": 3, "timesteps": 3, "pooling": "max", "neuron": sp.LIF(leak=0.75)},
    ),
    "dense": ("digits", "dense", {"width": 9, "neuron": IF(reset="soft")}),
    "recurrent": ("digits-events", "recurrent", {"width": 16, "neuron": sp.LIF(leak=0.7)}),
    "log-mel": ("digits-audio", "tcn-small", {"width": 3, "front_end": "log-mel"}),
    "onsets": ("digits-audio", "tcn-onsets", {"width": 3}),
}
CODED: dict[str, Encoder] = {
    "latency": Latency(),
    "phase": Phase(bits=3),
    "phase-weighted": Phase(bits=3, weighted=True),
    "temporal": Temporal(),
    "temporal-post": Temporal(code="post"),
}


def of_the(path: Path) -> Tensor:
    """Twelve items for a network that ``path`` or ``coded_path`` has stored."""
    return sp.load((path.parent / "data").read_text()).validation.x[:12]


@pytest.fixture(params=NETS)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A stored network that nobody has trained."""
    return stored(tmp_path, *NETS[request.param])


@pytest.fixture(params=CODED)
def coded_path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """One behind a code."""
    settings = {"width": 3, "timesteps": 5, "encoder": CODED[request.param]}
    return stored(tmp_path, "digits", "cnn-small", settings)


def stored(folder: Path, data: str, name: str, settings: dict[str, Any]) -> Path:
    """A network with lively statistics, on disk beside the name of its data."""
    model = sp.build(name, sp.load(data), **settings)
    for module in model.modules():
        if hasattr(module, "running_mean"):
            torch.nn.init.uniform_(module.running_mean, -0.3, 0.3)
            torch.nn.init.uniform_(module.bias, -0.3, 0.9)
    (folder / "data").write_text(data)
    sp.save_model(model.eval(), folder / "net.safetensors")
    return folder / "net.safetensors"


def gradient(model: nn.Module, x: Tensor) -> Tensor:
    x = x.clone().requires_grad_()
    logits = model(x)
    (found,) = torch.autograd.grad((logits * torch.arange(10.0)).sum(), x)
    return found


def test_every_way_back_has_the_logits_of_the_judge(path: Path) -> None:
    x = of_the(path)
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
    x = of_the(path)
    model = sp.models.load_model(path)
    for layer in model.modules():
        if isinstance(layer, sp.neurons.Spiking):
            from dataclasses import replace

            layer.neuron = replace(layer.neuron, detach_reset=detach)
    ours, plain = gradient(model, x), gradient(Plain(path, detach=detach), x)
    assert (ours - plain).abs().max() < 1e-5 * ours.abs().max() and ours.abs().max() > 0


def test_behind_a_code_both_ways_back_have_the_logits_of_the_judge(coded_path: Path) -> None:
    x = of_the(coded_path)
    judged = Net.read(coded_path).logits(x.numpy())
    narrow, wide = (Plain(coded_path, detach=detach) for detach in (False, True))
    for model in (narrow, wide):
        assert np.abs(model(x).detach().numpy() - judged).max() < 1e-5
    found = [gradient(model, x) for model in (narrow, wide)]
    assert all(g.isfinite().all() and g.abs().max() > 0 for g in found)
    assert not torch.allclose(*found)


def test_stand_ins_of_a_pixel_worked_out_by_hand() -> None:
    def slopes(value: float, kind: str, *, wide: bool = False, **settings: Any) -> list[float]:
        x = torch.tensor([[value]], requires_grad=True)
        code = coded(x, 5, {"kind": kind, **settings}, wide=wide)
        return [torch.autograd.grad(s.sum(), x, retain_graph=True)[0].item() for s in code]

    # .8 of five steps stands at .8: brighter means earlier, so step 0 gains what step 1 loses.
    assert slopes(0.8, "latency") == [4.0, -4.0, 0.0, 0.0, 0.0]
    bell = [-4 * (t - 0.8) / 2.25 * math.exp(-((t - 0.8) ** 2) / 4.5) for t in range(5)]
    assert slopes(0.8, "latency", wide=True) == pytest.approx(bell, rel=1e-5)
    assert slopes(0.8, "phase", bits=2, weighted=False) == [0.5, 0.25, 0.5, 0.25, 0.5]
    assert slopes(0.8, "phase", bits=2, weighted=False, wide=True) == [1.0] * 5
    # The edge stands at .3 of five steps, 1.5: half a step from steps 1 and 2.
    assert slopes(0.3, "temporal", code="pre") == pytest.approx([0, 2.5, 2.5, 0, 0], abs=1e-5)
    assert slopes(0.7, "temporal", code="post") == pytest.approx([0, 2.5, 2.5, 0, 0], abs=1e-5)
    assert slopes(0.3, "temporal", code="pre", wide=True) == [1.0] * 5


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
