"""On a network that draws, an item's draws stay its own when others are won and left alone."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import Tensor

from spikeproof.attacks import (
    APGD,
    FMN,
    PDPGD,
    PGD,
    SAPGD,
    Attack,
    Countdown,
    Saliency,
    SigmaZero,
    SparsePGD,
    SparseRS,
    Square,
    Swap,
    Targeted,
)
from spikeproof.base import seeds
from spikeproof.data import Domain
from spikeproof.models import ModelSpec, Network, Poisson, build
from spikeproof.oracle import Oracle
from spikeproof.threats import L0, L2, Linf, Misclassification, Threat
from support.attack_cases import settled_answers

IMAGE = Domain(kind="image", shape=(1, 8, 8))
SPEC = ModelSpec(name="cnn-small", domain=IMAGE, classes=3, width=4, timesteps=3)
LINF, LENGTH, COUNT = Threat(Linf(), 0.1, IMAGE), Threat(L2(), 0.8, IMAGE), Threat(L0(), 4, IMAGE)


@cache
def case() -> tuple[Network, Tensor, Tensor]:
    """A network with Poisson coding, items, and labels of which some are wrong at once."""
    model = build(replace(SPEC, encoder=Poisson()), seed=1).double()
    x = torch.rand(8, 1, 8, 8, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    return model, x, settled_answers(model, x, wrong=3)


def attacked(attack: Attack, threat: Threat, items: Tensor) -> Tensor:
    """Some of the items under attack, each with its own key."""
    model, x, y = case()
    keys = seeds(3, items=items)
    with Oracle(model, seeds=keys) as oracle:
        return attack(oracle, x[items], Misclassification(y[items]), threat, seeds=keys)


@pytest.mark.parametrize(
    ("attack", "threat"),
    [
        (PGD(steps=6, stop=True), LINF),
        (APGD(steps=6, stop=True), LINF),
        (SAPGD(steps=6, stop=True), LINF),
        (Targeted(attack=PGD(steps=4, stop=True), rivals=2), LINF),
        (Square(steps=12), LINF),
        (FMN(steps=6), LENGTH),
        (PDPGD(steps=6), LENGTH),
        (Swap(steps=6, stop=True), COUNT),
        (SparseRS(steps=12), COUNT),
        (SparsePGD(steps=6, stop=True), COUNT),
        (Saliency(steps=4, candidates=3, stop=True), COUNT),
        (SigmaZero(steps=6), COUNT),
        (Countdown(steps=4, proposals=4), COUNT),
    ],
    ids=repr,
)
def test_what_happens_to_an_item_does_not_depend_on_the_others(
    attack: Attack, threat: Threat
) -> None:
    whole = attacked(attack, threat, torch.arange(8))
    for items in (torch.tensor([5, 2, 4]), torch.tensor([7])):
        torch.testing.assert_close(attacked(attack, threat, items), whole[items])


def test_among_asks_about_the_same_items_under_new_numbers() -> None:
    model, x, _ = case()
    rows, again = torch.tensor([6, 1, 3]), torch.tensor([2, 0])
    answers = []
    for direct in (True, False):
        with Oracle(model, seeds=seeds(0, n=8)) as oracle:
            oracle.logits(x)
            part = oracle if direct else oracle.subset(rows)
            first = part.logits(x[rows], rows if direct else None)
            second = part.logits(x[rows[again]], rows[again] if direct else again)
            deep = part if direct else part.subset(again)
            third = deep.logits(x[rows[again]], rows[again] if direct else None)
            answers.append((first, second, third, oracle.logits(x), oracle.passes))
    assert answers[0][-1] == answers[1][-1]
    assert all(torch.equal(a, b) for a, b in zip(answers[0][:-1], answers[1][:-1], strict=True))
