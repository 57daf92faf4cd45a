"""Gradient rules on networks of others: the same gradients as on layers of ours."""

from __future__ import annotations

import math
import threading
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from adapters.hand_written import STEPS, Hand, HandApart, Ours, Spike, Stack, Stepwise, items
from spikeproof.adapters import adapt
from spikeproof.attacks import PGD, Member, Suite, suite
from spikeproof.base import GradientRuleUnused, seeds
from spikeproof.data import Domain, Split
from spikeproof.evaluate import evaluate_ladder
from spikeproof.neurons import Surrogate, gradient_rule
from spikeproof.oracle import (
    ASSG,
    BPTR,
    PDSG,
    Backward,
    GradientRule,
    LayerSharpness,
    Mixture,
    Obedience,
    Oracle,
    Smoothing,
)
from spikeproof.threats import Linf, Threat

X = items()
ARCTAN = Surrogate("arctan", 5.0)
SERVED: list[GradientRule | None] = [
    None,
    ARCTAN,
    Surrogate("triangle", 1.0),
    ASSG(),
    ASSG(shape="triangle", warm=20),
    PDSG(),
    LayerSharpness(),
    Mixture(gradients=(ARCTAN, ASSG())),
]


def asked(model: nn.Module, rule: GradientRule | None, times: int = 2) -> tuple[Tensor, Tensor]:
    """Logits and gradient of the last of several questions, without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with Oracle(model, gradient=rule) as oracle:
            for _ in range(times):
                found = oracle.logits_and_grad(X, lambda z: z.amax(1))
    return found


@pytest.mark.parametrize("kind", [Hand, HandApart, Stepwise])
@pytest.mark.parametrize("rule", SERVED, ids=str)
def test_spikes_by_hand_obey_as_layers_of_ours_do(
    kind: type[nn.Module], rule: GradientRule | None
) -> None:
    steps = STEPS if kind is Stepwise else None
    adapted = adapt(kind(), example=X, steps=steps)
    ours = asked(Ours(), rule)
    theirs = asked(adapted, rule)
    assert ours[1].any()
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("rule", [BPTR(), Backward(gradient=ARCTAN, reset="detached")], ids=str)
def test_what_cannot_be_obeyed_is_told(rule: GradientRule) -> None:
    adapted = adapt(Hand(), example=X)
    with pytest.warns(GradientRuleUnused), Oracle(adapted, gradient=rule) as oracle:
        oracle.logits_and_grad(X, lambda z: z.amax(1))
    assert adapted.reading.resets == ()


def test_a_rule_is_obeyed_in_that_network_alone() -> None:
    net, adapted = Hand(), adapt(Hand(), example=X)
    own = asked(adapted, None)[1]

    class Both(nn.Module):
        """The user's own network is called while a rule is in force in the adapted one."""

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = adapted(x) * 0 + net(x)
            return out

    with gradient_rule(ARCTAN):
        x = X.clone().requires_grad_(True)
        (grad,) = torch.autograd.grad(Both()(x).amax(1).sum(), x)
    torch.testing.assert_close(grad, own)
    assert not torch.allclose(asked(adapted, ARCTAN)[1], own)


class Waits(Stack):
    """Lets another thread use the same function in the middle of its pass."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        spikes: Tensor = Spike.apply(self.fc1(x), 0.5)  # type: ignore[no-untyped-call]
        if meanwhile:
            thread = threading.Thread(target=meanwhile[0])
            thread.start()
            thread.join()
        out: Tensor = self.fc2(spikes * Spike.apply(self.fc1(x), 0.7))  # type: ignore[no-untyped-call]
        return out


meanwhile: list[Any] = []


def test_another_thread_keeps_the_functions_own_derivative() -> None:
    adapted, found = adapt(Waits(), example=X), []

    def elsewhere() -> None:
        v = torch.tensor([1.25], requires_grad=True)
        Spike.apply(v, 1.0).backward()  # type: ignore[no-untyped-call]
        found.append(v.grad)

    meanwhile.append(elsewhere)
    try:
        asked(adapted, Surrogate("rectangle", sharpness=0.01))
    finally:
        meanwhile.clear()
    expected = 1 / (1 + (math.pi * 0.25) ** 2)
    assert found and all(abs(grad.item() - expected) < 1e-6 for grad in found)


def test_second_derivatives_are_those_of_the_rule() -> None:
    results = []
    for model in (adapt(Hand(), example=X), Ours()):
        x = X.clone().double().requires_grad_(True)
        model = model.double()
        with gradient_rule(Surrogate("sigmoid", 4.0)):
            from spikeproof.neurons import second_order

            with second_order():
                value = model(x).square().sum()
        (first,) = torch.autograd.grad(value, x, create_graph=True)
        (second,) = torch.autograd.grad(first.square().sum(), x)
        results.append((first.detach(), second))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other)
    assert results[0][1].any()


class Doubled(torch.autograd.Function):
    """No spike: it doubles, and hands on its gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return 2 * x

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return 2 * grads[0]


class Falls(torch.autograd.Function):
    """No spike either: 1 below zero and 0 above."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return (x < 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return -grads[0]


@pytest.mark.parametrize("kind", [Doubled, Falls])
def test_functions_that_are_no_spikes_are_left_alone(kind: Any) -> None:
    class Net(Stack):
        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.fc2(kind.apply(self.fc1(x)))
            return out

    adapted = adapt(Net(), example=X)
    assert not adapted.reading.rules and adapted.reading.spiking == 0
    with pytest.warns(GradientRuleUnused), Oracle(adapted, gradient=ARCTAN) as oracle:
        grad = oracle.logits_and_grad(X, lambda z: z.amax(1))[1]
    torch.testing.assert_close(grad, asked(adapted, None)[1])


def test_two_layers_from_two_lines_are_two_layers() -> None:
    """PDSG measures each layer by itself, so it sees whether they were told apart."""

    class Two(Stack):
        def forward(self, x: Tensor) -> Tensor:
            v = w = torch.zeros(1)
            total = torch.zeros(1)
            for _ in range(STEPS):
                v = 0.5 * v + self.fc1(x)
                a = Spike.apply(v, 1.0)  # type: ignore[no-untyped-call]
                v = v * (1 - a)
                w = 0.5 * w + 3 * a
                b = Spike.apply(w, 2.0)  # type: ignore[no-untyped-call]
                w = w * (1 - b)
                total = total + self.fc2(b)
            return total / STEPS

    class TwoOfOurs(Stack):
        def __init__(self) -> None:
            super().__init__()
            from spikeproof.neurons import LIF, Spiking

            arctan = Surrogate("arctan", 2.0)
            self.one = Spiking(LIF(leak=0.5, surrogate=arctan))
            self.two = Spiking(LIF(leak=0.5, threshold=2.0, surrogate=arctan))

        def forward(self, x: Tensor) -> Tensor:
            spikes = self.one(self.fc1(x).expand(STEPS, -1, -1))
            out: Tensor = self.fc2(self.two(3 * spikes).mean(0))
            return out

    adapted = adapt(Two(), example=X)
    assert adapted.reading.spiking == 2
    for rule in (PDSG(), LayerSharpness(), ASSG()):
        one, other = asked(TwoOfOurs(), rule), asked(adapted, rule)
        torch.testing.assert_close(one[1], other[1], rtol=1e-4, atol=1e-6)


def test_obedience_reduces_rules_to_what_is_obeyed() -> None:
    rules = Obedience(adapt(Hand(), example=X), X)
    detached = Backward(gradient=ARCTAN, reset="detached")
    assert rules.reduced(detached) == ARCTAN
    assert rules.reduced(BPTR()) is None and rules.reduced(None) is None
    assert rules.reduced(ASSG()) == ASSG()
    assert rules.reduced(Smoothing(pairs=3)) == Smoothing(pairs=3)
    mixed = Mixture(gradients=(ARCTAN, BPTR()))
    assert rules.reduced(mixed) == mixed
    assert rules.reduced(Mixture(gradients=(BPTR(), BPTR()))) is None


def test_members_that_are_one_attack_run_once_and_are_named() -> None:
    attack = PGD(steps=3)
    whole = Suite(
        (
            Member(attack=attack, gradient=ARCTAN),
            Member(attack=attack, gradient=Backward(gradient=ARCTAN, reset="detached")),
            Member(attack=attack, gradient=BPTR()),
            Member(attack=attack),
            Member(attack=attack, gradient=ASSG()),
        )
    )
    adapted = adapt(Hand(), example=X)
    fitted = whole.fitted(adapted, X)
    assert [member.gradient for member in fitted.members] == [ARCTAN, None, ASSG()]
    assert fitted.not_run == ("pgd arctan-5/detached margin", "pgd own margin")
    assert fitted.record() == Suite(fitted.members).record()
    bare = whole.fitted(nn.Sequential(nn.Linear(6, 3)), X)
    assert len(bare.members) == 1 and len(bare.not_run) == 4
    assert whole.fitted(Ours(), X) == whole
    everything = suite("standard")
    assert everything.fitted(Ours(), X) == everything


def test_outcomes_name_the_members_that_were_not_run() -> None:
    adapted = adapt(Hand(), example=X)
    split = Split(X, adapted(X).argmax(1), torch.arange(len(X)))
    threat = Threat(Linf(), 0.1, Domain(kind="audio", shape=(6,), low=0.0, high=1.0))
    both = Suite((Member(attack=PGD(steps=2)), Member(attack=PGD(steps=2), gradient=BPTR())))
    outcome = evaluate_ladder(adapted, split, (threat,), both, seed=0)
    assert outcome.not_run == ("pgd bptr margin",)
    assert outcome.summary()["not_run"] == ["pgd bptr margin"]
    again = type(outcome).rebuilt(outcome.ladder, outcome.summary(), outcome.arrays())
    assert again.not_run == outcome.not_run
    ours = evaluate_ladder(Ours(), split, (threat,), both, seed=0)
    assert "not_run" not in ours.summary()


def test_an_attack_finds_on_the_adapted_network_what_it_finds_on_ours() -> None:
    adapted, ours = adapt(Hand(), example=X), Ours()
    y = ours(X).argmax(1)
    threat = Threat(Linf(), 0.2, Domain(kind="audio", shape=(6,), low=0.0, high=1.0))
    chosen = Suite((Member(attack=PGD(steps=10), gradient=ASSG()), Member(gradient=ARCTAN)))
    runs = [chosen(net, X, y, threat, seeds=seeds(0, n=len(X))) for net in (ours, adapted)]
    assert torch.equal(runs[0].won, runs[1].won) and runs[0].won.any()
    torch.testing.assert_close(runs[0].x_adv, runs[1].x_adv)
