"""What a suite knows of a clean batch is not asked again, whoever attacks; nothing else changes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor, nn

from spikeproof.attacks import PGD, Member, Random, Suite
from spikeproof.attacks.suite.run import SuiteRun
from spikeproof.base import Seeds, seeds
from spikeproof.data import Domain
from spikeproof.models import ModelSpec, Poisson, build
from spikeproof.oracle import CommonRandomNumbers, GradientRule, Known, Oracle, Smoothing
from spikeproof.threats import Goal, Linf, Misclassification, Threat
from support.attack_cases import settled_answers

DOMAIN = Domain(kind="audio", shape=(2,), low=-1.0)
SAFE = Threat(Linf(), 0.01, DOMAIN)
X = torch.tensor([[0.5, 0.0], [0.75, 0.0], [1.0, 0.0]])
Y = torch.tensor([0, 0, 0])


@dataclass(frozen=True)
class Guest:
    """An attack that has never heard of what is known: the clean points, and one random draw."""

    def __call__(
        self,
        oracle: Oracle,
        x: Tensor,
        goal: Goal,
        threat: Threat,
        *,
        seeds: Seeds,
        start: Tensor | None = None,
    ) -> Tensor:
        x_adv = threat.sample(x, seeds)
        better = goal.margin(oracle.logits(x_adv)) > goal.margin(oracle.logits(x))
        return torch.where(better[:, None], x_adv, x)


def test_a_batch_that_all_members_meet_is_asked_about_once() -> None:
    members = (Member(attack=Random(draws=3)), Member(attack=Guest()))  # type: ignore[arg-type]
    run = SuiteRun(model=nn.Identity(), threat=SAFE, x=X, y=Y, keys=seeds(0, n=3))
    # Clean; 3 draws and what is returned; 1 draw and what is returned. Each member asks clean, too.
    assert run.run(members).passes.forward == 3 * (1 + (1 + 4) + (1 + 2))
    assert replace(run, answers={}).run(members).passes.forward == 3 * (1 + 4 + 2)


def test_the_suite_finds_the_same_to_the_last_bit() -> None:
    image = Domain(kind="image", shape=(1, 8, 8))
    spec = ModelSpec(name="cnn-small", domain=image, classes=4, width=4, timesteps=3)
    model, x = build(spec, seed=1), torch.rand(24, 1, 8, 8)
    y, threat = settled_answers(model, x, wrong=4), Threat(Linf(), 0.005, image)
    members = (
        Member(attack=PGD(steps=5, stop=True)),
        Member(attack=PGD(steps=8, stop=True), gradient=Smoothing()),
        Member(attack=Random(draws=3)),
    )
    run = SuiteRun(
        model=model, threat=threat, x=x, y=y, keys=seeds(0, n=24),
        patience=1,
    )  # fmt: skip
    asked, known = run.run(members), replace(run, answers={}).run(members)
    assert torch.equal(asked.x_adv, known.x_adv) and torch.equal(asked.member, known.member)
    assert (asked.member >= 0).any() and not asked.won.all()
    assert known.passes.forward < asked.passes.forward
    assert known.passes.backward == asked.passes.backward
    found = Suite(members, patience=1)(model, x, y, threat, seeds=run.keys)
    assert found.passes == known.passes


def test_a_network_that_draws_is_asked_every_time() -> None:
    image = Domain(kind="image", shape=(1, 4, 4))
    spec = ModelSpec(name="dense", domain=image, classes=2, width=8, encoder=Poisson())
    model, x = build(spec, seed=0), torch.rand(4, 1, 4, 4)
    threat = Threat(Linf(), 0.0, image)
    with Oracle(model, gradient=CommonRandomNumbers(), seeds=seeds(0, n=4)) as oracle:
        y = oracle.logits(x).argmax(1)
    member = Member(
        attack=Random(draws=1), gradient=CommonRandomNumbers()
    )  # an averaging member: nobody looks
    found = Suite((member,))(
        model,
        x,
        y,
        threat,
        seeds=seeds(0, n=4),
        is_adversarial=lambda x_adv, idx: -torch.ones(len(idx)),
    )
    assert found.passes.forward == 4 * 2  # clean, then the draw at radius 0, the same point


def test_an_oracle_recognises_the_batch_as_a_whole_only() -> None:
    known = Known(X)
    with Oracle(nn.Identity(), known=known) as oracle:
        assert torch.equal(oracle.logits(X), X) and oracle.passes.forward == 3
        oracle.logits(X.clone())
        assert oracle.passes.forward == 3
        oracle.logits(X[:2])
        oracle.logits(X + 0.1)
        assert oracle.passes.forward == 3 + 2 + 3


@pytest.mark.parametrize("gradient", [None, Smoothing()])
def test_a_known_answer_counts_as_a_question_for_whatever_is_drawn(
    gradient: GradientRule | None,
) -> None:
    grads = []
    for known in (None, Known(X, X.clone())):
        with Oracle(nn.Identity(), gradient, seeds(0, n=3), known=known) as oracle:
            oracle.logits(X)
            grads.append(oracle.logits_and_grad(X, Misclassification(Y).score)[1])
    assert torch.equal(*grads)
