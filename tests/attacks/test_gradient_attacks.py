"""What FGSM, RFGSM, APGD, SAPGD and Targeted share: stopping, chance, refusals."""

from __future__ import annotations

import pytest

from spikeproof.attacks import APGD, FGSM, RFGSM, SAPGD, Attack, Random, Targeted
from spikeproof.base import SettingError
from spikeproof.threats import L1, L2, Linf, Misclassification, Threat
from support.attack_cases import BOX, Net, answers, attacked, check_stopping, items

STOPPING = [RFGSM.ten_steps(), APGD(steps=30), APGD(steps=30, wide=True), SAPGD(steps=30)]


@pytest.mark.parametrize("attack", STOPPING, ids=repr)
@pytest.mark.parametrize(
    ("geometry", "radius"), [(Linf(), 0.03), (L2(), 0.15), (L1(), 0.5)], ids=str
)
def test_leaving_won_items_alone_saves_passes_and_changes_no_verdict(
    attack: APGD, geometry: Linf, radius: float
) -> None:
    model, x = Net(), items(24)
    check_stopping(
        attack, model, x, Misclassification(answers(model, x)), Threat(geometry, radius, BOX)
    )


@pytest.mark.parametrize("attack", [*STOPPING, FGSM()], ids=repr)
def test_gradients_beat_as_many_random_draws(attack: Attack) -> None:
    model, x = Net(), items(24)
    goal = Misclassification(answers(model, x))
    for geometry, radius in ((Linf(), 0.1), (L2(), 0.6), (L1(), 2.0)):
        threat = Threat(geometry, radius, BOX)
        margin = goal.margin(model(attacked(attack, model, x, goal, threat)))
        chance = goal.margin(model(attacked(Random(draws=30), model, x, goal, threat)))
        assert (margin >= chance - 1e-12).all()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: APGD(steps=0),
        lambda: APGD(rho=1.5),
        lambda: APGD(momentum=-0.1),
        lambda: SAPGD(steps=0),
        lambda: SAPGD(step_size=0.0),
        lambda: RFGSM(steps=0),
        lambda: RFGSM(jump=2.0),
        lambda: RFGSM(step_size=-1.0),
        lambda: Targeted(rivals=0),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: object) -> None:
    with pytest.raises(SettingError):
        wrong()  # type: ignore[operator]
