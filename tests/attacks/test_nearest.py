"""Minimum-norm attacks: what they refuse, and what the tracker keeps."""

from __future__ import annotations

import pytest
import torch

from spikeproof.attacks import DDN, FMN, PDPGD, Countdown, MinimumNorm, Nearest, SigmaZero
from spikeproof.base import InputError, SettingError, seeds
from spikeproof.data import Domain
from spikeproof.oracle import Oracle
from spikeproof.threats import L0, L1, L2, Counts, Geometry, Linf, Misclassification, Threat

AUDIO = Domain(kind="audio", shape=(2,))
EVENTS = Domain(kind="events", shape=(1, 1, 1, 2), high=3.0, integer=True)


def test_the_tracker_keeps_the_nearest_legal_adversarial_point() -> None:
    x = torch.zeros(3, 2)
    near = Nearest(x, torch.tensor([-1.0, -1.0, 1.0]), Threat(L1(), 0.5, AUDIO))
    near.keep(torch.full((3, 2), 0.4), torch.tensor([1.0, -1.0, 1.0]))
    near.keep(torch.full((3, 2), 0.2), torch.tensor([0.5, float("nan"), 1.0]))
    near.keep(torch.full((3, 2), -0.1), torch.tensor([1.0, 1.0, 1.0]))  # outside the box
    near.keep(torch.full((1, 2), 0.3), torch.tensor([2.0]), torch.tensor([0]))
    torch.testing.assert_close(near.distance, torch.tensor([0.4, torch.inf, 0.0]).double())
    torch.testing.assert_close(near.x_adv, torch.tensor([[0.2, 0.2], [0.0, 0.0], [0.0, 0.0]]))
    assert near.best.margin.tolist() == [0.5, -1.0, 1.0]
    assert near.standing().tolist() == [0, 1]


@pytest.mark.parametrize(
    ("attack", "geometry", "domain"),
    [
        (DDN(), Linf(), AUDIO),
        (DDN(), L2(), EVENTS),
        (PDPGD(), L1(), EVENTS),
        (PDPGD(), Counts(), EVENTS),
        (SigmaZero(), L1(), AUDIO),
        (SigmaZero(), L0(), EVENTS),
        (Countdown(), L2(), AUDIO),
    ],
    ids=lambda value: repr(value).split("(")[0],
)
def test_a_threat_that_is_not_served_is_refused(
    attack: MinimumNorm, geometry: Geometry, domain: Domain
) -> None:
    threat, x = Threat(geometry, 1.0, domain), torch.ones(1, *domain.shape)
    goal, keys = Misclassification(torch.tensor([0])), seeds(0, n=1)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(2, 2))
    with Oracle(model) as oracle:
        torch.nn.init.constant_(model[1].bias, 0.0)
        with pytest.raises(SettingError, match=threat.name):
            attack.nearest(oracle, x, goal, threat, seeds=keys)
        with pytest.raises(SettingError, match="FMN"):
            attack(oracle, x, goal, threat, seeds=keys)


def test_a_start_of_another_shape_is_refused() -> None:
    with Oracle(torch.nn.Identity()) as oracle, pytest.raises(InputError, match="start"):
        FMN()(
            oracle, torch.ones(1, 2), Misclassification(torch.tensor([0])), Threat(L2(), 1.0,
            AUDIO), seeds=seeds(0, n=1), start=torch.ones(2, 2),
        )  # fmt: skip


@pytest.mark.parametrize("attack", [FMN(steps=60), PDPGD(steps=60)], ids=["fmn", "pdpgd"])
def test_a_call_wins_exactly_where_the_nearest_point_lies_inside(attack: MinimumNorm) -> None:
    x = torch.rand(40, 2, dtype=torch.float64)
    goal, keys, threat = Misclassification(x.argmax(1)), seeds(0, n=40), Threat(Linf(), 0.1, AUDIO)
    with Oracle(torch.nn.Identity()) as oracle:
        near = attack.nearest(oracle, x, goal, threat, seeds=keys)
        won = goal.margin(oracle.logits(attack(oracle, x, goal, threat, seeds=keys))) > 0
    assert torch.equal(won, near.distance <= 0.1) and won.any() and not won.all()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: FMN(steps=0),
        lambda: FMN(shrink=1.5),
        lambda: DDN(steps=0),
        lambda: DDN(length=0.0),
        lambda: PDPGD(steps=0),
        lambda: PDPGD(lead=-1.0),
        lambda: SigmaZero(steps=0),
        lambda: SigmaZero(threshold=2.0),
        lambda: Countdown(proposals=0),
        lambda: Countdown(doubt=-1.0),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: object) -> None:
    with pytest.raises(SettingError):
        wrong()  # type: ignore[operator]
