"""FGSM and RFGSM: one step, a jump before it, and several."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from spikeproof.attacks import FGSM, RFGSM
from spikeproof.base import seeds
from spikeproof.data import Domain
from spikeproof.oracle import Oracle
from spikeproof.threats import L1, L2, Linf, Misclassification, Threat
from support.attack_cases import BOX, REAL, Net, answers, attacked, items


@pytest.mark.parametrize(
    ("geometry", "dual"), [(Linf(), 1), (L2(), 2), (L1(), torch.inf)], ids=lambda g: str(g)
)
def test_fgsm_gains_the_radius_times_the_dual_norm(geometry: Linf, dual: float) -> None:
    model, x = nn.Linear(40, 2).double(), items()
    goal = Misclassification(answers(model, x))
    w = model.weight[1] - model.weight[0]
    x_adv = attacked(FGSM(), model, x, goal, Threat(geometry, 0.3, REAL))
    gain = goal.score(model(x_adv)) - goal.score(model(x))
    torch.testing.assert_close(gain, torch.full_like(gain, 0.3 * w.norm(p=dual).item()))


def test_fgsm_keeps_the_clean_point_where_its_step_overshoots() -> None:
    class Narrow(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            """Class 1 gains up to x = 0.1 and loses beyond."""
            value = (1 - (10 * x.sum(1) - 1) ** 2)[:, None]
            return torch.cat([torch.full_like(value, 0.5), value], 1)

    x = torch.zeros(1, 1)
    threat = Threat(Linf(), 1.0, Domain.unbounded((1,)))
    assert torch.equal(
        attacked(FGSM(), Narrow(), x, Misclassification(torch.tensor([0])), threat), x
    )


def test_fgsm_steps_from_a_start_it_is_given() -> None:
    model, x = Net(), items()
    goal, threat = Misclassification(answers(model, x)), Threat(Linf(), 0.2, BOX)
    near = threat.sample(x, seeds(5, n=16))
    with Oracle(model) as oracle:
        x_adv = FGSM()(oracle, x, goal, threat, seeds=seeds(0, n=16), start=near)
        least = torch.maximum(goal.margin(oracle.logits(x)), goal.margin(oracle.logits(near)))
        assert (goal.margin(oracle.logits(x_adv)) >= least).all()


def test_rfgsm_with_a_full_jump_undoes_itself_on_about_half_of_the_features() -> None:
    """The trap: every second feature ends where it began, the others at the radius."""
    model, x = nn.Linear(40, 2).double(), torch.zeros(50, 40, dtype=torch.float64)
    goal = Misclassification(torch.zeros(50, dtype=torch.int64))
    sign = (model.weight[1] - model.weight[0]).sign()
    moved = attacked(RFGSM.one_step(), model, x, goal, Threat(Linf(), 0.1, REAL)) * sign
    assert ((moved.abs() < 1e-12) | ((moved - 0.1).abs() < 1e-12)).all()
    assert 0.4 < (moved.abs() < 1e-12).double().mean() < 0.6


def test_rfgsm_steps_from_the_jump_as_the_box_has_cut_it() -> None:
    """From 0.05 a jump down ends at 0, so the step up ends at the radius and not below it."""
    x = torch.full((40, 1), 0.05, dtype=torch.float64)
    threat = Threat(Linf(), 0.2, Domain(kind="audio", shape=(1,)))
    model = nn.Linear(1, 2).double()
    model.weight.data.copy_(torch.tensor([[0.0], [1.0]]))
    goal = Misclassification(torch.zeros(40, dtype=torch.int64))
    x_adv = attacked(RFGSM.one_step(), model, x, goal, threat)
    assert {round(float(value), 9) for value in x_adv} == {0.2, 0.25}


def test_ten_steps_of_rfgsm_reach_what_fgsm_reaches_on_a_plane() -> None:
    model, x = nn.Linear(40, 2).double(), items()
    goal, threat = Misclassification(answers(model, x)), Threat(Linf(), 0.1, REAL)
    torch.testing.assert_close(
        attacked(RFGSM.ten_steps(), model, x, goal, threat),
        attacked(FGSM(), model, x, goal, threat),
    )
