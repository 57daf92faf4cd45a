"""The contract of every attack, under every threat, on every modality."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from torch import Tensor, nn

from spikeproof import attacks
from spikeproof.attacks import APGD, ATTACKS, PGD, SAPGD, Attack, MinimumNorm
from spikeproof.base import seeds
from spikeproof.data import Domain, Views
from spikeproof.evaluate import verify
from spikeproof.oracle import Oracle
from spikeproof.threats import GEOMETRIES, L2, LOSSES, Misclassification, Threat
from support.contract_cases import (
    CASES,
    EXAMPLES,
    IMAGE,
    THREATS,
    Case,
    Rounded,
    each_attack,
    each_of,
    every,
    inputs,
    labels,
    network,
    run,
    some_cases,
)

pytestmark = pytest.mark.usefixtures("models_at_hand")


def test_every_registered_attack_is_tried_here() -> None:
    assert {ATTACKS.kind(attack) for attack in EXAMPLES} == set(ATTACKS)


def test_every_registered_threat_is_tried_here() -> None:
    tried = {threat.name for threat in THREATS}
    facts = {name: own for cls in GEOMETRIES.members.values() for name, own in cls.facts.items()}
    assert tried == {*(name for name, own in facts.items() if own.example), "joint"}
    # Those without an example are a class that is tried with other settings.
    assert {type(threat.geometry) for threat in THREATS} == set(GEOMETRIES.members.values())


@each_attack
def test_results_are_legal_and_nowhere_worse_than_clean(cases: list[Case]) -> None:
    every(legal_and_nowhere_worse, cases)


@cache
def answers(domain: Domain | Views) -> Tensor:
    """What the network of a kind of data says of the items of a domain."""
    threat = next(threat for threat in THREATS if threat.domain == domain)
    return labels(network(threat), inputs(threat))


@cache
def result(attack: Attack, threat: Threat) -> Tensor:
    """What the attack returns for a network of its own, made once."""
    x, y = inputs(threat), answers(threat.domain)
    return run(attack, network(threat), x, y.clone(), threat)


def legal_and_nowhere_worse(attack: Attack, threat: Threat) -> None:
    """What verification must find of every result."""
    model, x, y = network(threat), inputs(threat), answers(threat.domain)
    x_adv = result(attack, threat)
    checked = verify(model, x, x_adv, y, threat)
    assert x_adv.dtype == x.dtype
    if not (isinstance(attack, PGD) and attack.keep == "last"):  # its page says that it may be
        assert (checked.margin >= verify(model, x, x, y, threat).margin).all()


@some_cases(1)
def test_a_second_run_gives_the_same_bytes_and_leaves_model_and_inputs_as_they_were(
    attack: Attack, threat: Threat
) -> None:
    model, x = network(threat), inputs(threat)
    model.body.train()
    next(m for m in model.modules() if isinstance(m, nn.Linear)).eval()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    modes, copy = [m.training for m in model.modules()], x.clone()
    x_adv = run(attack, model, x, labels(model, x), threat)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert [m.training for m in model.modules()] == modes
    assert torch.equal(x, copy) and all(p.grad is None for p in model.parameters())
    assert torch.equal(x_adv, result(attack, threat))


@some_cases(2)
def test_an_item_alone_gets_the_answer_it_gets_in_a_batch(attack: Attack, threat: Threat) -> None:
    """In float64, where the rounding of a batched product turns no sign, and breaks no tie."""
    model, x = Rounded(network(threat).double()), inputs(threat).double()
    y, keys = labels(model, x), seeds(0, n=len(x))
    with Oracle(model) as oracle:
        together = attack(oracle, x, Misclassification(y), threat, seeds=keys)
        alone = attack(oracle, x[3:4], Misclassification(y[3:4]), threat, seeds=keys[3:4])
    torch.testing.assert_close(together[3:4], alone, rtol=1e-6, atol=1e-6)


@some_cases(3)
def test_radius_zero_returns_the_input(attack: Attack, threat: Threat) -> None:
    model, x, y = network(threat), inputs(threat), answers(threat.domain)
    assert torch.equal(run(attack, model, x, y, threat.at(0.0)), x)


def test_repr_and_record_rebuild_every_attack() -> None:
    for attack in EXAMPLES:
        assert eval(repr(attack), dict(vars(attacks))) == attack
        assert ATTACKS.build(ATTACKS.record(attack)) == attack


class Flat(nn.Module):
    """A constant model that still depends on its input, with gradient zero."""

    def forward(self, x: Tensor) -> Tensor:
        """Logits that favour class 0 by one."""
        zero = 0 * x.flatten(1).sum(1, keepdim=True)
        return torch.cat([zero + 1, zero, zero], dim=1)


@each_attack
def test_a_zero_gradient_never_becomes_a_success(cases: list[Case]) -> None:
    every(no_success_without_a_gradient, cases)


def no_success_without_a_gradient(attack: Attack, threat: Threat) -> None:
    """A model that answers everything alike is never reported broken."""
    x = inputs(threat)
    y = torch.zeros(len(x), dtype=torch.int64)
    x_adv = run(attack, Flat(), x, y, threat)
    assert not verify(Flat(), x, x_adv, y, threat).won.any()


@each_of([case for case in CASES if isinstance(case[0], MinimumNorm)])
def test_the_nearest_points_are_legal_adversarial_and_as_far_as_they_say(
    attack: MinimumNorm, threat: Threat
) -> None:
    model, x = network(threat), inputs(threat)
    y = labels(model, x)
    y[0] = (y[0] + 1) % 3
    with Oracle(model) as oracle:
        near = attack.nearest(oracle, x, Misclassification(y), threat, seeds=seeds(0, n=len(x)))
    found = near.distance.isfinite()
    far = max(1.0, float(near.distance[found].max()))
    checked = verify(model, x, near.x_adv, y, threat.at(far))
    assert torch.equal(checked.won, found)
    torch.testing.assert_close(checked.distance[found], near.distance[found])
    assert near.distance[0] == 0 and torch.equal(near.x_adv[~found], x[~found])
    with Oracle(Flat()) as oracle:
        none = attack.nearest(oracle, x, Misclassification(0 * y), threat, seeds=seeds(0, n=len(x)))
    assert none.distance.isinf().all() and torch.equal(none.x_adv, x)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("attack", [PGD(steps=30), APGD(steps=30), SAPGD(steps=30)], ids=repr)
def test_targeted_attacks_reach_the_class_they_want(attack: Attack, loss: str) -> None:
    threat = Threat(L2(), 3.0, IMAGE)
    model, x = network(threat), inputs(threat)
    target = (labels(model, x) + 1) % 3
    with Oracle(model) as oracle:
        goal = Misclassification(target, targeted=True, loss=loss)
        x_adv = attack(oracle, x, goal, threat, seeds=seeds(0, n=5))
        won = goal.margin(oracle.logits(x_adv)) > 0
        assert torch.equal(oracle.logits(x_adv).argmax(1) == target, won)
    assert won.float().mean() >= 0.6
