"""What happens to gradient rules on networks that have no layer to obey them."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from spikeproof.attacks import PGD, Member, Suite, suite
from spikeproof.base import GradientRuleUnused, seeds
from spikeproof.data import Domain, Split
from spikeproof.evaluate import evaluate_ladder
from spikeproof.neurons import LIF, NoisyLIF, Spiking, Surrogate
from spikeproof.oracle import (
    ASSG,
    BPTR,
    CommonRandomNumbers,
    Conversion,
    Expectation,
    ExpectedNetwork,
    GradientRule,
    Mixture,
    Oracle,
    Smoothing,
    without_rules,
)
from spikeproof.threats import Linf, Threat

ARCTAN = Surrogate("arctan", 5.0)
EVERY: list[GradientRule] = [
    ARCTAN,
    BPTR(),
    ASSG(),
    Conversion(),
    Mixture(),
    Expectation(samples=2, gradient=ARCTAN),
    CommonRandomNumbers(gradient=BPTR()),
    ExpectedNetwork(gradient=BPTR()),
]


class _Step(torch.autograd.Function):
    """A step with a triangle for its derivative, as anybody would write it."""

    @staticmethod
    def forward(ctx: Any, u: Tensor) -> Tensor:
        ctx.save_for_backward(u)
        return (u >= 0).to(u.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (u,) = ctx.saved_tensors
        return grads[0] * (1 - u.abs()).clamp_min(0)


class HandWritten(nn.Module):
    """A neuron of another library: it fires where the input reaches 1."""

    def forward(self, x: Tensor) -> Tensor:
        spikes: Tensor = _Step.apply(x - 1)  # type: ignore[no-untyped-call]
        return spikes


class Own(nn.Module):
    """A neuron of ours, asked at one step."""

    def __init__(self) -> None:
        super().__init__()
        self.spikes = Spiking(LIF())

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.spikes(x[None])[0]
        return out


def network(*layers: nn.Module) -> nn.Module:
    """Some layers between two linear ones; the same weights every time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(4, 8), *layers, nn.Linear(8, 3))


X = torch.linspace(0.1, 0.9, 24).view(6, 4)


def asked(model: nn.Module, gradient: GradientRule | None) -> Tensor:
    """The gradient of one question about the first class."""
    with Oracle(model, gradient=gradient, seeds=seeds(0, n=6)) as oracle:
        return oracle.logits_and_grad(X, lambda z: z[:, 0])[1]


@pytest.mark.parametrize("gradient", EVERY, ids=repr)
@pytest.mark.parametrize("layer", [nn.ReLU(), HandWritten()], ids=["ann", "hand-written"])
def test_a_rule_that_no_layer_obeys_is_told_and_changes_nothing(
    layer: nn.Module, gradient: GradientRule
) -> None:
    model = network(layer)
    own = asked(model, None)
    with pytest.warns(GradientRuleUnused, match="No layer of Sequential obeys"):
        grad = asked(model, gradient)
    torch.testing.assert_close(grad, own)


def test_an_oracle_warns_once_for_all_its_questions_and_copies() -> None:
    model = network(nn.ReLU())
    with (
        warnings.catch_warnings(record=True) as told,
        Oracle(model, gradient=ARCTAN, seeds=seeds(0, n=6)) as oracle,
    ):
        warnings.simplefilter("always")
        oracle.logits(X)
        assert not told  # nobody has asked for a gradient
        for _ in range(3):
            oracle.logits_and_grad(X, lambda z: z[:, 0])
        rows = torch.tensor([3, 1])
        oracle.subset(rows).logits_and_grad(X[rows], lambda z: z[:, 0])
        oracle.reset_memory().logits_and_grad(X, lambda z: z[:, 0])
    assert [warning.category for warning in told] == [GradientRuleUnused]
    assert "'arctan-5'" in str(told[0].message)


@pytest.mark.parametrize("layers", [[Own()], [nn.ReLU(), Own()], [HandWritten(), Own()]])
@pytest.mark.parametrize("gradient", [ARCTAN, ASSG(), Mixture()], ids=repr)
def test_where_one_layer_obeys_nothing_is_said(
    layers: list[nn.Module], gradient: GradientRule
) -> None:
    asked(network(*layers), gradient)  # a warning is an error here


@pytest.mark.parametrize(
    "gradient", [None, Smoothing(pairs=2), Expectation(samples=2), ExpectedNetwork()]
)
def test_what_is_no_rule_for_layers_works_on_any_network(gradient: GradientRule | None) -> None:
    asked(network(nn.ReLU()), gradient)


def test_without_rules_samples_and_noise_stay() -> None:
    assert [without_rules(gradient) for gradient in EVERY[:5]] == [None] * 5
    assert without_rules(EVERY[5]) == Expectation(samples=2)
    assert (
        without_rules(EVERY[6]) == CommonRandomNumbers()
        and without_rules(EVERY[7]) == ExpectedNetwork()
    )
    kept = Mixture(gradients=(ARCTAN, Smoothing(pairs=2)))
    assert without_rules(kept) == kept


def test_members_that_differ_by_their_rule_alone_are_one_attack_on_a_plain_network() -> None:
    quick = suite("quick")
    for layer in (nn.ReLU(), HandWritten()):
        fitted = quick.fitted(network(layer), X)
        assert [m.name for m in fitted.members] == [
            "swap own margin",
            "pgd own margin",
            "apgd own cross_entropy",
            "retiming_search own margin",
        ]
    for layers in ([Own()], [nn.ReLU(), Own()]):
        assert quick.fitted(network(*layers), X) == quick


def test_a_drawing_network_of_foreign_neurons_is_averaged_once_per_attack() -> None:
    class Noise(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.source = Spiking(NoisyLIF(noise=0.5))

        def forward(self, x: Tensor) -> Tensor:
            return x + self.source(x[None])[0]

    both = Suite((Member(attack=PGD(steps=1), gradient=ARCTAN), Member(attack=PGD(steps=1))))
    fitted = both.fitted(network(Noise()), X)
    assert [m.name for m in fitted.members] == [
        "pgd expectation-10(arctan-5) margin",
        "pgd expectation-10(own) margin",
        "pgd mean(arctan-5) margin",
    ]


def test_the_table_of_an_evaluation_counts_one_attack_once() -> None:
    model, domain = network(nn.ReLU()), Domain(kind="audio", shape=(4,))
    split = Split(X, torch.zeros(6, dtype=torch.int64), torch.arange(6))
    attacks = Suite(
        (Member(attack=PGD(steps=2), gradient=ARCTAN), Member(attack=PGD(steps=2), gradient=BPTR()))
    )
    outcome = evaluate_ladder(model, split, [Threat(Linf(), 0.1, domain)], attacks, seed=0, draws=0)
    assert outcome.members == ("pgd own margin", "random draws")
    assert len(outcome.stats) == 1
