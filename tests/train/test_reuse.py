"""Adversarial training on the last point: which passes it saves, and that nothing else changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from spikeproof.attacks import PGD
from spikeproof.base import seeds
from spikeproof.data import Domain
from spikeproof.models import ModelSpec, Network, build
from spikeproof.oracle import Oracle
from spikeproof.study import InputsPlan
from spikeproof.threats import L1, L2, Linf, Misclassification, Threat
from spikeproof.train import (
    AVG,
    EAT,
    MAX,
    SAT,
    Adversarial,
    CrossEntropy,
    Objective,
    SparseGradient,
)

IMAGE = Domain(kind="image", shape=(1, 8, 8))
THREAT = Threat(Linf(), 0.1, IMAGE)
BEST = Adversarial(PGD(steps=3, step_size=0.5), THREAT)
LAST = Adversarial(PGD(steps=3, step_size=0.5, keep="last"), THREAT)
ERROR = {"error": (1.0, CrossEntropy())}
SR = {**ERROR, "sparse": (0.1, SparseGradient())}


def network(*, settled: bool = False) -> Network:
    """A small network in training mode; ``settled``: its batch norm keeps to running statistics."""
    spec = ModelSpec(name="cnn-small", domain=IMAGE, classes=3, width=4, timesteps=3)
    model = build(spec, seed=1)
    x = torch.rand(16, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    for _ in range(40):  # without statistics of its own no neuron would fire in evaluation mode
        model(x)
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.train(not settled)
    return model


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    """Eight images."""
    return torch.rand(8, 1, 8, 8, generator=torch.Generator().manual_seed(2)), torch.arange(8) % 3


class Bill:
    """Counts passes of a network: forwards, and backwards by what they reach."""

    def __init__(self, model: nn.Module) -> None:
        self.forward = self.backward = 0
        model.register_forward_hook(self._count)

    def _count(self, module: nn.Module, args: tuple[Any, ...], out: Tensor) -> None:
        self.forward += 1
        if out.requires_grad:
            out.register_hook(self._back)  # type: ignore[no-untyped-call]

    def _back(self, grad: Tensor) -> None:
        self.backward += 1


@pytest.mark.parametrize(
    ("objective", "forward", "backward"),
    [
        (Objective(ERROR), 1, 1),
        (Objective(SR), 2, 3),
        (Objective(ERROR, inputs=BEST), 3 + 2 + 1, 3 + 1),
        (Objective(ERROR, inputs=LAST), 3 + 1, 3 + 1),
        (Objective(SR, inputs=LAST), 3 + 2, 3 + 3),
    ],
    ids=["plain", "SR", "AT", "AT, last", "SR+AT, last"],
)
def test_a_step_makes_the_passes_that_its_page_says(
    batch: tuple[Tensor, Tensor], objective: Objective, forward: int, backward: int
) -> None:
    model = network()
    bill = Bill(model)
    loss, _ = objective(model, *batch, seeds=seeds(0, n=8))
    loss.backward()
    assert (bill.forward, bill.backward) == (forward, backward)


@pytest.mark.parametrize("settled", [True, False])
def test_the_training_pass_is_the_evaluation_that_the_attack_leaves_out(
    batch: tuple[Tensor, Tensor], settled: bool
) -> None:
    """Bit for bit where evaluation mode changes nothing; batch statistics do change it."""
    model, (x, y) = network(settled=settled), batch
    seen = Objective(ERROR, inputs=LAST).look(model, x, y, seeds=seeds(0, n=8))
    assert model.training and not torch.equal(seen.x, x)
    training = seen.logits
    with Oracle(model, seeds=seeds(0, n=8)) as oracle:
        evaluation = oracle.logits(seen.x)
    assert torch.equal(training, evaluation) is settled


def test_the_gradient_is_that_of_the_written_recipe(batch: tuple[Tensor, Tensor]) -> None:
    model, (x, y) = network(settled=True), batch
    keys = seeds(0, n=8)
    loss, _ = Objective(ERROR, inputs=LAST)(model, x, y, seeds=keys)
    x_adv = THREAT.sample(x, keys)
    for _ in range(3):
        z = x_adv.clone().requires_grad_(True)
        error = nn.functional.cross_entropy(model(z), y, reduction="sum")
        (grad,) = torch.autograd.grad(error, z)
        x_adv = THREAT.project(x_adv + 0.05 * grad.sign(), x)
    written = nn.functional.cross_entropy(model(x_adv), y)
    for mine, theirs in zip(
        torch.autograd.grad(loss, list(model.parameters())),
        torch.autograd.grad(written, list(model.parameters())),
        strict=True,
    ):
        torch.testing.assert_close(mine, theirs)


def test_validation_items_meet_the_most_harmful_point(batch: tuple[Tensor, Tensor]) -> None:
    assert LAST.judged == BEST and BEST.judged == BEST
    pair = LAST, replace(LAST, threat=Threat(L2(), 0.8, IMAGE))
    worst = MAX(tuple(replace(member, attack=BEST.attack) for member in pair), by="margin")
    for several in (AVG(pair), EAT(pair), SAT(pair), MAX(pair)):
        assert several.judged == worst
    model, (x, y) = network(), batch
    found = LAST.judged(model, x, y, seeds=seeds(0, n=8))
    with Oracle(model) as oracle:
        goal = Misclassification(y)
        assert (goal.margin(oracle.logits(found)) >= goal.margin(oracle.logits(x))).all()


def test_a_plan_and_a_record_name_the_last_point() -> None:
    table = {"attack": {"kind": "pgd", "steps": 3, "keep": "last"}, "threat": "linf", "level": 0}
    assert InputsPlan.from_table(table, "inputs").attack == table["attack"]
    objective = Objective(ERROR, inputs=SAT((LAST, replace(LAST, threat=Threat(L1(), 2, IMAGE)))))
    assert Objective.from_record(objective.record(), domain=IMAGE) == objective
