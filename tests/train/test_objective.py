"""Objectives: weights, order, records, refusals, and adversarial inputs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikeproof.attacks import PGD, Restarts
from spikeproof.base import InputError, SettingError, seeds
from spikeproof.data import Domain
from spikeproof.neurons import Surrogate
from spikeproof.threats import L2, Linf, Threat
from spikeproof.train import (
    Adversarial,
    CrossEntropy,
    Forward,
    GaussianNoise,
    Inputs,
    Objective,
    SparseGradient,
)

DOMAIN = Domain(kind="audio", shape=(4,))
THREAT = Threat(Linf(), 0.1, DOMAIN)
ATTACK = Adversarial(PGD(steps=5, step_size=0.5), THREAT)
ERROR = {"error": (1.0, CrossEntropy())}


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    """Six items of four features inside the box."""
    x = torch.rand(6, 4, generator=torch.Generator().manual_seed(0))
    return 0.2 + 0.6 * x, torch.arange(6) % 2


def linear() -> nn.Linear:
    """Two classes over four features, known weights."""
    with torch.random.fork_rng(devices=[]):
        model = nn.Linear(4, 2, bias=False)
    model.weight.data.copy_(torch.tensor([[1.0, -2.0, 3.0, -4.0], [-1.0, 1.0, -1.0, 2.0]]))
    return model


def test_the_loss_is_the_weighted_sum_of_its_parts(batch: tuple[Tensor, Tensor]) -> None:
    terms = {"sparse": (0.5, SparseGradient()), "error": (2, CrossEntropy())}
    loss, parts = Objective(terms)(linear(), *batch)
    torch.testing.assert_close(loss.detach(), 2 * parts["error"] + 0.5 * parts["sparse"])
    torch.testing.assert_close(
        parts["error"], F.cross_entropy(linear()(batch[0]), batch[1]).detach()
    )
    assert not any(part.requires_grad for part in parts.values())


def test_terms_run_in_the_order_of_their_names() -> None:
    terms = {"b": (1.0, CrossEntropy()), "a": (1.0, SparseGradient())}
    assert list(Objective(terms).terms) == ["a", "b"]
    assert Objective(terms) == Objective(dict(reversed(terms.items())))


@pytest.mark.parametrize(
    "terms",
    [{}, {"error": (0.0, CrossEntropy())}],
    ids=["none", "only weight 0"],
)
def test_an_empty_objective_is_refused(terms: dict[str, Any]) -> None:
    with pytest.raises(SettingError, match="at least one term"):
        Objective(terms)


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf"), "1", True, None])
def test_a_weight_must_be_a_finite_number_of_at_least_zero(weight: Any) -> None:
    with pytest.raises(SettingError, match="weight of objective term 'error'"):
        Objective({"error": (weight, CrossEntropy())})


@pytest.mark.parametrize("entry", [CrossEntropy(), (CrossEntropy(), 1.0), (1.0,), "error"])
def test_a_term_must_come_with_its_weight(entry: Any) -> None:
    with pytest.raises(SettingError, match="must be \\(weight, term\\)"):
        Objective({"error": entry})


def test_no_term_can_be_called_loss() -> None:
    with pytest.raises(SettingError, match="'loss' is the sum"):
        Objective({"loss": (1.0, CrossEntropy())})


@pytest.mark.parametrize(
    "objective",
    [
        Objective({"error": (1.0, CrossEntropy()), "sparse": (0.008, SparseGradient.paper())}),
        Objective(ERROR, inputs=ATTACK),
        Objective(
            ERROR,
            inputs=Adversarial(
                Restarts(attack=PGD(steps=2), times=2),
                Threat(L2(), 0.5, DOMAIN),
                gradient=Surrogate("arctan", sharpness=5.0),
                loss="margin",
            ),
        ),
    ],
    ids=["terms", "adversarial", "nested attack and path"],
)
def test_an_objective_comes_back_from_its_record_through_json(objective: Objective) -> None:
    record = json.loads(json.dumps(objective.record()))
    threat = None if objective.inputs is None else objective.inputs.threat
    assert Objective.from_record(record, threat=threat) == objective
    assert Objective.from_record(record, threat=threat).record() == objective.record()


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        ({"term": {}}, "unknown key 'term'. Did you mean 'terms'"),
        ({"terms": []}, "objective: terms must be a table"),
        ({}, "objective: terms must be a table"),
        ({"terms": {"e": {"weight": 1.0, "kind": "cross_entropi"}}}, "mean 'cross_entropy'"),
        ({"terms": {"e": {"kind": "cross_entropy"}}}, "weight of objective term 'e'"),
        ({"terms": {"e": {"weight": 1.0}}}, "needs a 'kind'"),
        (
            {"terms": {"s": {"weight": 1.0, "kind": "sparse_gradient", "hh": 1}}},
            "unknown setting 'hh'",
        ),
    ],
)
def test_a_record_that_is_wrong_is_refused_with_the_place(
    record: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(SettingError, match=sentence):
        Objective.from_record(record)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"atack": {}}, "unknown setting 'atack'. Did you mean 'attack'"),
        ({"gradient": {"shape": "arctn"}}, "Did you mean 'arctan'"),
        ({"loss": "crossentropy"}, "Did you mean 'cross_entropy'"),
        ({"attack": {"kind": "pdg"}}, "Unknown attack 'pdg'"),
    ],
)
def test_adversarial_records_that_are_wrong_are_refused(
    change: dict[str, Any], sentence: str
) -> None:
    record = Objective(ERROR, inputs=ATTACK).record()
    record["inputs"].update(change)
    with pytest.raises(SettingError, match=sentence):
        Objective.from_record(record, threat=THREAT)


def test_adversarial_records_need_their_own_threat() -> None:
    record = Objective(ERROR, inputs=ATTACK).record()
    with pytest.raises(SettingError, match="need the domain of the data"):
        Objective.from_record(record)
    with pytest.raises(SettingError, match="pass the recorded one"):
        Objective.from_record(record, threat=THREAT.at(0.2))
    del record["inputs"]["threat"]
    assert Objective.from_record(record, threat=THREAT) == Objective(ERROR, inputs=ATTACK)


def test_adversarial_inputs_reach_the_corner_of_the_ball_on_a_linear_model(
    batch: tuple[Tensor, Tensor],
) -> None:
    model = linear()
    x, y = batch
    x_adv = ATTACK(model, x, y, seeds=seeds(0, n=6))
    apart = model.weight[1 - y] - model.weight[y]
    torch.testing.assert_close(x_adv, x + 0.1 * apart.detach().sign())
    assert not x_adv.requires_grad


def test_every_term_sees_the_adversarial_inputs(batch: tuple[Tensor, Tensor]) -> None:
    x, y = batch
    terms = {"error": (1.0, CrossEntropy()), "sparse": (0.1, SparseGradient())}
    keys = seeds(0, n=6)
    loss, _ = Objective(terms, inputs=ATTACK)(linear(), x, y, seeds=keys)
    x_adv = ATTACK(linear(), x, y, seeds=keys)
    assert torch.equal(loss, Objective(terms)(linear(), x_adv, y)[0])


def test_crafting_leaves_model_modes_statistics_and_gradients_alone(
    model: Callable[..., Any], batch: tuple[Tensor, Tensor]
) -> None:
    net = model()
    net.body[1].eval()
    modes = [module.training for module in net.modules()]
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with torch.random.fork_rng(devices=[]):
        ATTACK(net, *batch, seeds=seeds(0, n=6))
    assert [module.training for module in net.modules()] == modes
    assert not any(net.modes), "crafted in evaluation mode"
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(p.grad is None for p in net.parameters())


def test_an_adversarial_step_costs_its_attack_and_one_forward(
    model: Callable[..., Any], batch: tuple[Tensor, Tensor]
) -> None:
    net = model().eval()
    Objective(ERROR, inputs=ATTACK)(net, *batch, seeds=seeds(0, n=6))
    assert len(net.modes) == (5 + 2) + 1


def test_random_starts_belong_to_the_item(batch: tuple[Tensor, Tensor]) -> None:
    x, y = batch
    one = Adversarial(PGD(steps=1, step_size=0.01), THREAT)
    keys = seeds(0, n=6)
    whole = one(linear(), x, y, seeds=keys)
    order = torch.tensor([3, 0, 5])
    assert torch.equal(one(linear(), x[order], y[order], seeds=keys[order]), whole[order])
    assert not torch.equal(one(linear(), x, y, seeds=keys.child("inputs", 1)), whole)


def test_adversarial_objectives_ask_for_seeds(batch: tuple[Tensor, Tensor]) -> None:
    with pytest.raises(SettingError, match="needs seeds="):
        Objective(ERROR, inputs=ATTACK)(linear(), *batch)


def test_inputs_outside_the_threat_domain_are_refused(batch: tuple[Tensor, Tensor]) -> None:
    x, y = batch
    with pytest.raises(InputError, match="must lie in"):
        ATTACK(linear(), x + 1, y, seeds=seeds(0, n=6))


@pytest.mark.parametrize(
    ("logits", "sentence"),
    [
        (torch.zeros(3, 2, 2), "logits \\(N, K\\)"),
        (torch.zeros(3, 1), "K >= 2"),
        (torch.zeros(4, 2), "N = 3"),
    ],
)
def test_a_model_must_return_one_row_of_logits_per_item(logits: Tensor, sentence: str) -> None:
    class Odd(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return logits

    with pytest.raises(InputError, match=sentence):
        _ = Forward(Odd(), torch.zeros(3, 4), torch.tensor([0, 1, 0])).logits


def test_labels_must_fit_the_logits() -> None:
    with pytest.raises(InputError, match=r"Labels must lie in 0\.\.1"):
        _ = Forward(linear(), torch.zeros(3, 4), torch.tensor([0, 1, 2])).logits


@dataclass(frozen=True, kw_only=True)
class Careful:
    """A term of a user's own that needs attacks."""

    def check(self, inputs: Inputs | None) -> None:
        if inputs is None:
            raise SettingError("Careful needs attacks.")

    def __call__(self, forward: Forward) -> Tensor:
        return forward.logits.mean()


def test_a_term_of_ones_own_may_refuse_the_inputs(data: Any) -> None:
    terms = {"mine": (1.0, Careful())}
    with pytest.raises(SettingError, match="Term 'mine': Careful needs attacks."):
        Objective(terms).check(data)
    Objective(terms, inputs=GaussianNoise(data.domain)).check(data)
