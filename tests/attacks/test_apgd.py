"""APGD and SAPGD: step sizes by hand, checkpoints, larger radii first."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from spikeproof.attacks import APGD, SAPGD, Targeted, serves
from spikeproof.attacks.apgd import checkpoints
from spikeproof.base import SettingError, seeds
from spikeproof.data import Domain
from spikeproof.oracle import Oracle
from spikeproof.threats import L0, L1, L2, Counts, Linf, Misclassification, Threat
from support.attack_cases import BOX, REAL, Net, answers, attacked, items

EVENTS = Domain(kind="events", shape=(1, 2, 4, 5), high=4.0, integer=True)


def test_checkpoints_of_a_hundred_steps_are_the_published_ones() -> None:
    # Gaps 22, 19, 16, 13, 10, 7, then 6.
    assert sorted(checkpoints(100)) == [22, 41, 57, 70, 80, 87, 93, 99]
    assert sorted(checkpoints(5)) == [1, 2, 3, 4]


class Recorder(nn.Module):
    """Remembers the points a model was asked at."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the inner model."""
        self.seen.append(x.detach().clone())
        logits: Tensor = self.inner(x)
        return logits


class Valley(nn.Module):
    """Logits ``(0, -|x - top|)``: a kink that steps of constant length jump over for ever."""

    def __init__(self, top: float) -> None:
        super().__init__()
        self.top = top

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        value = -(x[:, :1] - self.top).abs()
        return torch.cat([torch.zeros_like(value), value], 1)


def test_apgd_halves_its_step_at_a_kink_and_goes_on_from_the_best_point() -> None:
    """By hand, 25 steps: gaps 5, 5, 5, ... and from 0 to ±1 until the first checkpoint."""
    model = Recorder(Valley(0.3))
    x = torch.zeros(1, 1, dtype=torch.float64)
    threat = Threat(Linf(), 1.0, Domain.unbounded((1,)))
    attack = APGD(steps=25, random_start=False, momentum=1.0)
    attacked(attack, model, x, Misclassification(torch.tensor([0])), threat)
    path = [round(float(z), 6) for z in model.seen[1:]]
    assert sorted(checkpoints(25)) == [5, 9, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24]
    # Steps of 2, cut to the ball, then half of it from the best point, 0.
    assert path[:10] == [0, 1, -1, 1, -1, 1, 1, -0, 1, 0]
    assert abs(path[-1] - 0.3) < 1e-3


def test_apgd_gives_each_item_its_own_step_size() -> None:
    """One item climbs a plane and never halves, its neighbour sits on a kink."""
    x = torch.zeros(2, 1, dtype=torch.float64)
    threat = Threat(Linf(), 1.0, Domain.unbounded((1,)))
    goal, attack = Misclassification(torch.tensor([0, 0])), APGD(steps=40, random_start=False)

    class Both(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            """A kink at 0.3 for the first item of a batch, a plane for the last."""
            top = torch.linspace(0.3, 100.0, max(2, len(x)), dtype=x.dtype)[: len(x), None]
            value = -(x[:, :1] - top).abs()
            return torch.cat([torch.zeros_like(value), value], 1)

    both = attacked(attack, Both(), x, goal, threat)
    alone = attacked(attack, Valley(0.3), x[:1], goal[:1], threat)
    assert torch.equal(both[:1], alone)
    assert abs(float(alone) - 0.3) < 0.01 and float(both[1]) == 1.0


def test_wide_climbs_within_larger_radii_first_and_ends_within_one() -> None:
    model, x = Recorder(Net()), items(4)
    goal, threat = Misclassification(answers(model, x)), Threat(L1(), 1.0, BOX)
    model.seen.clear()
    x_adv = attacked(APGD(steps=20, wide=True), model, x, goal, threat)
    far = torch.stack([threat.distance(z, x) for z in model.seen[1:]])
    assert far.shape == (21, 4)
    assert (far[:6] <= 3 + 1e-6).all() and (far[1:6] > 2).any()
    assert (far[6:12] <= 2 + 1e-6).all() and (far[7:12] > 1.01).any()
    assert (far[12:] <= 1 + 1e-9).all()
    assert (threat.distance(x_adv, x) <= 1 + 1e-9).all()


def test_wide_stays_within_the_radius_where_the_domain_holds_no_larger_one() -> None:
    model, x = Recorder(Net()), items(4)
    threat = Threat(L1(), 60.0, BOX)
    attacked(APGD(steps=10, wide=True), model, x, Misclassification(answers(model, x)), threat)
    assert max(threat.distance(z, x).max() for z in model.seen[1:]) <= 60 + 1e-6


def test_sapgd_takes_the_published_steps_under_l_inf() -> None:
    """Three steps of the formula written out for one item that no bound touches."""
    model, x = Recorder(Net()), items(1)
    goal = Misclassification(answers(model, x))
    threat = Threat(Linf(), 10.0, REAL)
    model.seen.clear()
    attacked(SAPGD(steps=100, step_size=0.01, random_start=False), model, x, goal, threat)
    m, v, z = torch.zeros_like(x), torch.zeros_like(x), x
    for k in range(3):
        assert torch.allclose(model.seen[1 + k], z, atol=1e-12)
        at = z.clone().requires_grad_(True)
        (g,) = torch.autograd.grad(goal.score(model.inner(at)).sum(), at)
        m = 0.5 * m + g / g.abs().mean()
        v = 0.8 * v + g**2 / (g**2).mean()
        z = z + (m / (v.sqrt() + 1e-12) * 0.1).clamp(-0.1, 0.1)


def test_sapgd_survives_gradients_that_are_zero_for_some_items() -> None:
    class Half(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            """Flat for negative sums."""
            value = x.sum(1, keepdim=True).relu()
            return torch.cat([torch.ones_like(value), value], 1)

    x = torch.tensor([[-0.5, -0.5], [0.2, 0.2]], dtype=torch.float64)
    goal = Misclassification(torch.tensor([0, 0]))
    for geometry in (Linf(), L2(), L1(), L0()):
        threat = Threat(geometry, 1.0, Domain(kind="audio", shape=(2,), low=-1.0))
        x_adv = attacked(SAPGD(steps=20, random_start=False), Half(), x, goal, threat)
        assert torch.equal(x_adv[0], x[0])
        assert goal.margin(Half()(x_adv))[1] > 0


def test_apgd_says_that_it_needs_a_length() -> None:
    assert serves(APGD(), Threat(Linf(), 1.0, EVENTS))
    assert not serves(APGD(), Threat(L0(), 2, BOX))
    assert not serves(Targeted(attack=APGD()), Threat(Counts(), 2, EVENTS))
    assert serves(SAPGD(), Threat(Counts(), 2, EVENTS))
    model, x = Net(), items(2)
    threat = Threat(L0(), 2, BOX)
    with Oracle(model) as oracle, pytest.raises(SettingError, match="SAPGD"):
        APGD()(oracle, x, Misclassification(torch.tensor([0, 0])), threat, seeds=seeds(0, n=2))
