"""Which epoch a run ends with: exams under threats, criteria of selection, patience."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from spikeproof.attacks import PGD
from spikeproof.base import SettingError, seeds
from spikeproof.data import Dataset, Domain
from spikeproof.models import model_digest
from spikeproof.threats import L2, Linf, Misclassification, Threat
from spikeproof.train import (
    EAT,
    Adversarial,
    CrossEntropy,
    Objective,
    RobustValidation,
    TrainingSettings,
    fit,
)
from spikeproof.train.loop.run import Run
from spikeproof.train.loop.validate import Measured
from support.small_runs import ATTACKED, DOMAIN, ERROR, FAR, NEAR, QUICK


def test_an_exam_counts_what_stands_under_each_threat_and_under_all() -> None:
    flat = nn.Linear(4, 2, bias=False)
    flat.weight.data.copy_(torch.tensor([[1.0, 0, 0, 0], [0, 1.0, 0, 0]]))
    gap = torch.tensor([0.05, 0.15, 0.5, -0.2])
    x = torch.full((4, 4), 0.5)
    x[:, 0] += gap
    # The margin falls by 2 radius under l_inf, and by sqrt(2) radius under l_2.
    exam = RobustValidation(threats=(Threat(Linf(), 0.05, DOMAIN), Threat(L2(), 0.2, DOMAIN)))
    found = exam(flat, x, torch.zeros(4, dtype=torch.int64), seeds=seeds(0, n=4))
    assert {name: stands.tolist() for name, stands in found.items()} == {
        "linf 0.05": [False, True, True, False],
        "l2 0.2": [False, False, True, False],
    }


@pytest.mark.parametrize("select", ["objective", "clean", "union"])
def test_several_threats_are_judged_by_the_worst_beside_an_exam(
    model: Callable[..., Any], data: Dataset, select: str
) -> None:
    attack = PGD(steps=5, step_size=0.5, random_start=False)
    threats = Threat(Linf(), 0.1, DOMAIN), Threat(L2(), 0.25, DOMAIN)
    inputs = EAT(tuple(Adversarial(attack, threat) for threat in threats))
    objective = Objective({"error": (1.0, CrossEntropy())}, inputs=inputs)
    net, exam = model(), RobustValidation(threats=(NEAR, FAR))
    settings = replace(QUICK, select=select)
    best = fit(net, data, objective, epochs=1, robust_validation=exam, settings=settings).best
    x, y = data.validation.x, data.validation.y
    net.eval()
    stands = Misclassification(y).margin(net(x)) <= 0
    clean = float(stands.double().mean())
    for member in inputs.members:
        x_adv = member(net, x, y, seeds=seeds(0, n=len(x)))
        stands &= Misclassification(y).margin(net(x_adv)) <= 0
    expected = {"objective": float(stands.double().mean()), "clean": clean, "union": best.union}
    assert best.validation_accuracy == pytest.approx(expected[select])
    assert best.clean_accuracy == pytest.approx(clean)
    assert set(best.robust) == {"linf 0.05", "linf 0.4"}


def test_union_and_robust_selection_go_by_the_exam(
    model: Callable[..., Any], data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    exam = RobustValidation(threats=(NEAR, FAR), items=15)
    union = fit(
        model(),
        data,
        ERROR,
        epochs=3,
        robust_validation=exam,
        settings=replace(QUICK, select="union"),
    )
    robust = fit(
        model(),
        data,
        ERROR,
        epochs=3,
        robust_validation=exam,
        settings=replace(QUICK, select="robust"),
    )
    for one, two in zip(union.epochs, robust.epochs, strict=True):
        assert one.robust == two.robust and list(one.robust) == ["linf 0.05", "linf 0.4"]
        assert one.union == one.validation_accuracy <= min(one.robust.values())
        assert two.validation_accuracy == pytest.approx(sum(two.robust.values()) / 2)
        assert one.robust["linf 0.4"] <= one.robust["linf 0.05"]
        assert one.union * 15 == pytest.approx(round(one.union * 15))
    best = max(epoch.union for epoch in union.epochs if epoch.union is not None)
    assert union.best.union == best
    with pytest.raises(SettingError, match="select='union'.* needs robust validation"):
        fit(model(), data, ERROR, epochs=1, settings=replace(QUICK, select="union"))
    with pytest.raises(SettingError, match="at least one threat, each once"):
        RobustValidation(threats=(NEAR, NEAR))


def test_selection_takes_the_best_accuracy_then_the_lower_loss_then_the_earlier(
    model: Callable[..., Any], data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = [(0.5, 0.1), (0.8, 0.9), (0.8, 0.7), (0.8, 0.7), (0.7, 0.0)]
    weights = {}

    def measure(self: Run, number: int) -> Measured:
        weights[number] = model_digest(self.model)
        accuracy, loss = script[number - 1]
        return Measured(validation_accuracy=accuracy, validation_loss=loss, clean_accuracy=0.0)

    monkeypatch.setattr(Run, "_measure", measure)
    net = model()
    history = fit(net, data, ERROR, epochs=5, settings=QUICK)
    assert history.best_epoch == 3
    assert model_digest(net) == weights[3]
    net = model()
    last = TrainingSettings(batch_size=16, learning_rate=0.05, select="last")
    assert fit(net, data, ERROR, epochs=5, settings=last).best_epoch == 5
    assert model_digest(net) == weights[5]


def test_adversarial_training_is_judged_on_adversarial_inputs_unless_told_otherwise(
    model: Callable[..., Any], data: Dataset
) -> None:
    strong = Objective(
        ATTACKED.terms,
        inputs=Adversarial(
            PGD(steps=5, step_size=0.5), Threat(Linf(), 0.4, Domain(kind="audio", shape=(4,)))
        ),
    )
    judged = fit(model(), data, strong, epochs=2, settings=QUICK).epochs[-1]
    assert judged.validation_accuracy is not None
    assert judged.clean_accuracy is not None
    assert judged.validation_accuracy < judged.clean_accuracy
    clean = TrainingSettings(batch_size=16, learning_rate=0.05, select="clean")
    plain = fit(model(), data, strong, epochs=2, settings=clean).epochs[-1]
    assert plain.validation_accuracy == plain.clean_accuracy == judged.clean_accuracy


def test_a_tied_validation_item_is_wrong(data: Dataset) -> None:
    with torch.random.fork_rng(devices=[]):
        flat = nn.Linear(4, 2)
    nn.init.zeros_(flat.weight)
    nn.init.zeros_(flat.bias)
    slow = TrainingSettings(learning_rate=1e-300, optimizer="sgd", momentum=0.0)
    history = fit(flat, data, ERROR, epochs=1, settings=slow)
    assert history.best.validation_accuracy == 0.0


def test_patience_stops_after_so_many_epochs_without_a_better_one(
    model: Callable[..., Any], data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = [0.5, 0.8, 0.7, 0.6, 0.9, 0.9]

    def measure(self: Run, number: int) -> Measured:
        return Measured(
            validation_accuracy=script[number - 1], validation_loss=1.0, clean_accuracy=0.0
        )

    monkeypatch.setattr(Run, "_measure", measure)
    short = fit(model(), data, ERROR, epochs=6, settings=replace(QUICK, patience=2))
    assert (len(short.epochs), short.best_epoch) == (4, 2)
    long = fit(model(), data, ERROR, epochs=6, settings=replace(QUICK, patience=3))
    assert (len(long.epochs), long.best_epoch) == (6, 5)
