"""Targeted: a run towards each rival, or towards the class that the goal wants."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from spikeproof.attacks import APGD, PGD, Targeted
from spikeproof.base import InputError, seeds
from spikeproof.oracle import Oracle
from spikeproof.threats import L1, L2, Linf, Misclassification, OutputChange, Threat
from support.attack_cases import BOX, REAL, Net, answers, attacked, items


@pytest.mark.parametrize("loss", ["margin", "cross_entropy", "dlr"])
@pytest.mark.parametrize("geometry", [Linf(), L2(), L1()], ids=str)
def test_targeted_reaches_every_rival_s_best_plane(geometry: Linf, loss: str) -> None:
    """On a linear model each run has a closed form, and the answer is the best of them."""
    model, x = nn.Linear(40, 5).double(), items()
    y = answers(model, x)
    threat, goal = Threat(geometry, 0.2, REAL), Misclassification(y, loss=loss)
    x_adv = attacked(Targeted(attack=APGD(steps=25)), model, x, goal, threat)
    dual = {"linf": 1.0, "l2": 2.0, "l1": torch.inf}[threat.name]
    z, w = model(x), model.weight
    reach = torch.stack(
        [z[:, t] - z.gather(1, y[:, None])[:, 0] + 0.2 * (w[t] - w[y]).norm(p=dual, dim=1)
         for t in range(5)], 1
    ).scatter(1, y[:, None], -torch.inf)  # fmt: skip
    ours = goal.margin(model(x_adv)) - goal.margin(z)
    most = reach.amax(1) - goal.margin(z)
    assert (ours <= most + 1e-9).all()
    # Cross-entropy and DLR weigh the other classes as well; the margin alone is exact.
    assert (ours / most).min() >= (0.99 if loss == "margin" else 0.6)


def test_targeted_tries_as_many_rivals_as_there_are_and_leaves_won_items_alone() -> None:
    model, x = Net(), items()
    goal, threat = Misclassification(answers(model, x), loss="dlr"), Threat(Linf(), 0.03, BOX)
    spent, won = [], []
    for stop in (False, True):
        with Oracle(model) as oracle:
            attack = Targeted(attack=PGD(steps=8, stop=stop))
            x_adv = attack(oracle, x, goal, threat, seeds=seeds(0, n=16))
            spent.append(oracle.passes.backward)
            won.append(goal.margin(oracle.logits(x_adv)) > 0)
    assert spent[0] == 3 * 8 * 16 and spent[1] < spent[0]
    assert torch.equal(*won) and won[0].any() and not won[0].all()


def test_a_targeted_goal_gets_one_run_towards_its_class() -> None:
    model, x = Net(), items()
    wanted = (answers(model, x) + 1) % 4
    goal, threat = Misclassification(wanted, targeted=True, loss="dlr"), Threat(L2(), 2.0, BOX)
    with Oracle(model) as oracle:
        x_adv = Targeted(attack=APGD(steps=30))(oracle, x, goal, threat, seeds=seeds(0, n=16))
        assert oracle.passes.backward == 30 * 16
        reached = oracle.logits(x_adv).argmax(1) == wanted
    assert torch.equal(reached, goal.margin(model(x_adv)) > 0) and reached.double().mean() > 0.8


def test_targeted_refuses_a_goal_without_a_true_class_to_leave() -> None:
    model, x = Net(), items(2)
    shift = OutputChange(torch.tensor([0, 1]), torch.tensor([0.5, 0.5]))
    with Oracle(model) as oracle, pytest.raises(InputError, match="OutputChange"):
        Targeted()(oracle, x, shift, Threat(Linf(), 0.1, BOX), seeds=seeds(0, n=2))
