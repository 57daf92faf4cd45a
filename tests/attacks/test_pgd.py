"""PGD's own: what it asks the network, and which of the visited points it returns."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from spikeproof.attacks import PGD, Best, Restarts
from spikeproof.base import SettingError, seeds
from spikeproof.data import Domain
from spikeproof.models import ModelSpec, Network, build
from spikeproof.oracle import Oracle
from spikeproof.threats import L0, L1, L2, Counts, Linf, Misclassification, Threat
from support.attack_cases import settled_answers

IMAGE = Domain(kind="image", shape=(1, 8, 8))
EVENTS = Domain(kind="events", shape=(3, 2, 8, 8), high=4.0, integer=True)
THREATS = [
    Threat(Linf(), 0.1, IMAGE),
    Threat(L2(), 0.8, IMAGE),
    Threat(L1(), 3.0, IMAGE),
    Threat(L0(), 4, IMAGE),
    Threat(Counts(), 5, EVENTS),
]
each_threat = pytest.mark.parametrize("threat", THREATS, ids=lambda t: t.name)


def case(threat: Threat) -> tuple[Network, Tensor, Tensor]:
    """A network, legal items, and labels of which some are wrong at once."""
    spec = ModelSpec(name="cnn-small", domain=threat.domain, classes=3, width=4, timesteps=3)
    if threat.domain == EVENTS:
        spec = ModelSpec(name="cnn-small", domain=EVENTS, classes=3, width=4)
    model = build(spec, seed=1)
    x = torch.rand(8, *threat.domain.shape, generator=torch.Generator().manual_seed(2))
    x = (4 * x).round() if threat.domain == EVENTS else x
    return model, x, settled_answers(model, x, wrong=3)


def visited(
    attack: PGD, oracle: Oracle, x: Tensor, goal: Misclassification, threat: Threat
) -> list[Tensor]:
    """Every point of the climb that the page writes down, the last one included."""
    z = threat.sample(x, seeds(0, n=len(x))) if attack.random_start else x
    points = [threat.project(z, x)]
    for _ in range(attack.steps):
        _, grad = oracle.logits_and_grad(points[-1], goal.score)
        z = threat.relax(z + attack.step_size * threat.step(grad, z, x), x)
        points.append(threat.project(z, x))
    return points


@each_threat
@pytest.mark.parametrize("random_start", [True, False])
def test_the_answer_is_the_best_or_the_last_point_of_the_written_climb(
    threat: Threat, random_start: bool
) -> None:
    model, x, y = case(threat)
    goal, attack = Misclassification(y), PGD(steps=5, step_size=0.4, random_start=random_start)
    last = PGD(steps=5, step_size=0.4, random_start=random_start, keep="last")
    with Oracle(model) as oracle:
        points = visited(attack, oracle, x, goal, threat)
        best = Best(x, goal.margin(oracle.logits(x)))
        for point in points:
            best.keep(point, goal.margin(oracle.logits(point)))
        found = attack(oracle, x, goal, threat, seeds=seeds(0, n=8))
        assert torch.equal(found, best.x)
        end = last(oracle, x, goal, threat, seeds=seeds(0, n=8))
        assert torch.equal(end, points[-1])
    assert not torch.equal(best.x, points[-1])


@each_threat
def test_stopping_at_x_gives_items_that_are_wrong_back_untouched(threat: Threat) -> None:
    model, x, y = case(threat)
    with Oracle(model) as oracle:
        wrong = Misclassification(y).margin(oracle.logits(x)) > 0
        before = oracle.passes
        attack = PGD(steps=5, step_size=0.4, random_start=False, stop=True)
        found = attack(oracle, x, Misclassification(y), threat, seeds=seeds(0, n=8))
        assert oracle.passes.forward - before.forward <= 6 * 8 - 5 * int(wrong.sum())
    assert 0 < int(wrong.sum()) < 8
    assert torch.equal(found[wrong], x[wrong])


def test_a_start_that_is_not_x_is_asked_about_beside_x() -> None:
    model, x, y = case(THREATS[0])
    with Oracle(model) as oracle:
        start = (x + 0.05).clamp(0, 1)
        PGD(steps=3, random_start=False)(
            oracle, x, Misclassification(y), THREATS[0], seeds=seeds(0, n=8), start=start
        )
        assert (oracle.passes.forward, oracle.passes.backward) == (5 * 8, 3 * 8)


class Bump(nn.Module):
    """The rival is strongest at .5, so a step of the whole radius goes past it."""

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, 2)``."""
        return torch.cat([x, x - (x - 0.5).square() - 0.001], dim=1)


def test_the_last_point_may_be_worse_than_the_first_and_restarts_see_to_that() -> None:
    threat = Threat(Linf(), 0.3, Domain(kind="audio", shape=(1,)))
    x, goal = torch.tensor([[0.45]]), Misclassification(torch.tensor([0]))
    with Oracle(Bump()) as oracle:
        last = PGD(steps=1, step_size=1.0, random_start=False, keep="last")
        end = last(oracle, x, goal, threat, seeds=seeds(0, n=1))
        assert end.item() == pytest.approx(0.75)
        assert goal.margin(oracle.logits(end)) < goal.margin(oracle.logits(x))
        again = Restarts(attack=last, times=1)
        assert torch.equal(again(oracle, x, goal, threat, seeds=seeds(0, n=1)), x)


def test_what_cannot_be_kept_is_refused() -> None:
    with pytest.raises(SettingError, match="Unknown PGD.keep 'final'. Known: best, last"):
        PGD(keep="final")
    with pytest.raises(SettingError, match=r"PGD\(stop=True\).* cannot keep='last'"):
        PGD(keep="last", stop=True)
