"""The published sparse-gradient code's own numbers on a small random network, reproduced.

The arrays are float32 outputs of that code. Ours runs in float32 too, so agreement is to rounding.
Measured on one x86-64 machine, as a share of the largest entry: logits 9e-8, probabilities 1.2e-7,
input gradients 3.2e-7, cross-entropy 0. The penalty divides a difference of probabilities by
h = 0.01, which turns one rounding of 6e-8 into 6e-6 of a slope near 1: measured 3.4e-6 (IF) and
0 (LIF), weight gradients of the whole loss 7.9e-6 and 9e-7. The tolerances are about three times
that.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path as File

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from spikeproof.neurons import IF, LIF, Neuron, Spiking, Surrogate
from spikeproof.oracle import RGA, GradientRule, Oracle
from spikeproof.threats import Misclassification
from spikeproof.train import (
    CrossEntropy,
    Forward,
    GradientNorm,
    Objective,
    ParticipationRatio,
    SparseGradient,
)

ARRAYS = File(__file__).resolve().parents[2].parent / "shared" / "reference" / "arrays"
NEURONS: dict[str, Neuron] = {"if": IF(), "lif": LIF(leak=0.5)}


class Published(nn.Module):
    """The network of the arrays: two convolutions, three spiking layers, direct coding."""

    def __init__(self, neuron: Neuron, timesteps: int) -> None:
        super().__init__()
        self.timesteps = timesteps
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            Spiking(neuron),
            nn.AvgPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1),
            nn.BatchNorm2d(16),
            Spiking(neuron),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Linear(256, 32),
            Spiking(neuron),
            nn.Linear(32, 10),
        )

    def forward(self, x: Tensor) -> Tensor:
        z = x.unsqueeze(0).expand(self.timesteps, *x.shape)
        for layer in self.layers:
            if isinstance(layer, Spiking):
                z = layer(z)
            else:
                z = layer(z.flatten(0, 1)).unflatten(0, z.shape[:2])
        logits: Tensor = z.mean(0)
        return logits


class Case:
    """One archive: its arrays and the network they came from."""

    def __init__(self, name: str) -> None:
        path = ARRAYS / f"sparse_gradient_{name}.npz"
        if not path.exists():
            pytest.skip("the reference arrays are not beside this checkout")
        with np.load(path, allow_pickle=False) as stored:
            self.arrays = {key: torch.from_numpy(np.asarray(stored[key])) for key in stored.files}
        self.x, self.y = self["x"], self["y"]
        neuron = NEURONS[name]
        expected = (float(self["tau"]), float(self["threshold"]))
        assert (neuron.dynamics.leak, neuron.threshold) == expected
        with torch.random.fork_rng(devices=[]):
            self.model = Published(neuron, int(self["timesteps"])).eval()
        prefix = "param."
        self.model.layers.load_state_dict(
            {k[len(prefix) :]: v for k, v in self.arrays.items() if k.startswith(prefix)}
        )

    def __getitem__(self, key: str) -> Tensor:
        return self.arrays[key]


@pytest.fixture(scope="module", params=sorted(NEURONS))
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    """The IF and the LIF archive in turn."""
    return Case(request.param)


def near(ours: Tensor, theirs: Tensor, share: float = 1e-6) -> None:
    """Within ``share`` of the largest entry of the tensor."""
    scale = float(theirs.abs().max())
    assert scale > 0
    torch.testing.assert_close(ours.detach(), theirs, rtol=0, atol=share * scale)


def test_the_forward_pass_gives_the_published_logits(case: Case) -> None:
    near(case.model(case.x), case["eval.logits"])


def test_the_first_pass_gives_the_published_probability_and_input_gradient(case: Case) -> None:
    clean = Forward(case.model, case.x, case.y)
    f1 = SparseGradient.code()._confidence(clean, clean.logits)
    near(f1, case["sr.f1"])
    (grad,) = torch.autograd.grad(f1.sum(), clean.x)
    near(grad, case["sr.input_gradient"])
    # The direction is the sign of this gradient, so the signs must agree without exception.
    assert torch.equal(grad.sign(), case["sr.input_gradient"].sign())


def test_the_second_pass_gives_the_published_probability(case: Case) -> None:
    clean = Forward(case.model, case.x, case.y)
    moved = case.x + float(case["sr.h"]) * case["sr.input_gradient"].sign()
    f2 = SparseGradient.code()._confidence(clean, case.model(moved))
    near(f2, case["sr.f2"])


@pytest.mark.parametrize(
    ("norm", "order"), [("l1", 1.0), ("l2", 2.0), ("linf", float("inf"))], ids=["1", "2", "inf"]
)
def test_exact_norms_are_those_of_the_published_input_gradient(
    case: Case, norm: str, order: float
) -> None:
    sizes = torch.linalg.vector_norm(case["sr.input_gradient"].flatten(1), ord=order, dim=1)
    ours = GradientNorm(norm=norm, penalty="absolute")(Forward(case.model, case.x, case.y))
    assert ours.item() == pytest.approx(float(sizes.mean()), rel=1e-5)


def test_the_participation_ratio_is_that_of_the_published_input_gradient(case: Case) -> None:
    grad = case["sr.input_gradient"].flatten(1).double()
    ratio = grad.abs().sum(1).square() / (grad.shape[1] * grad.square().sum(1))
    ours = ParticipationRatio()(Forward(case.model, case.x, case.y))
    assert ours.item() == pytest.approx(float(ratio.mean()), rel=1e-5)


def test_penalty_and_cross_entropy_are_the_published_ones(case: Case) -> None:
    clean = Forward(case.model, case.x, case.y)
    term = SparseGradient(h=float(case["sr.h"]), penalty="square", probability="pairwise")
    assert term == SparseGradient.code()
    assert term(clean).item() == pytest.approx(float(case["sr.penalty"]), rel=1e-5)
    error = CrossEntropy()(clean).item()
    assert error == pytest.approx(float(case["sr.cross_entropy"]), rel=1e-6)


def test_every_weight_gets_the_published_gradient(case: Case) -> None:
    weight = float(case["sr.weight"])
    terms = {"error": (1.0, CrossEntropy()), "sparse": (weight, SparseGradient.code())}
    loss, parts = Objective(terms)(case.model, case.x, case.y)
    assert parts["sparse"].item() == pytest.approx(float(case["sr.penalty"]), rel=1e-5)
    parameters = dict(case.model.layers.named_parameters())
    grads = torch.autograd.grad(loss, list(parameters.values()))
    for name, grad in zip(parameters, grads, strict=True):
        near(grad, case[f"sr.grad.{name}"], share=3e-5)


@pytest.mark.parametrize(
    ("key", "rule"),
    [
        ("bptt_triangle_1", Surrogate("triangle", sharpness=1.0)),
        ("bptt_sigmoid_4", Surrogate("sigmoid", sharpness=4.0)),
        ("bptt_atan_2", Surrogate("arctan", sharpness=2.0)),
        ("rate_bptr", RGA()),
    ],
)
def test_the_gradient_paths_are_the_published_ones(
    case: Case, key: str, rule: GradientRule
) -> None:
    goal = Misclassification(case.y, loss="cross_entropy")
    with Oracle(case.model, gradient=rule) as oracle:
        logits, grad = oracle.logits_and_grad(case.x, goal.score)
    near(logits, case[f"path.{key}.logits"])
    near(grad, case[f"path.{key}.gradient"])
