"""What training costs: passes counted, the estimate before a run, the card after it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from spikeproof.attacks import PGD
from spikeproof.data import Dataset
from spikeproof.models import model_digest
from spikeproof.train import (
    Adversarial,
    CrossEntropy,
    Job,
    Objective,
    RobustValidation,
    TrainingSettings,
    card,
    estimate,
    fit,
    write_card,
)
from spikeproof.train.loop.watch import PassCounter
from support.small_runs import ERROR, NEAR, QUICK


def test_a_tally_counts_items_and_not_calls() -> None:
    net, counter = nn.Linear(3, 2), PassCounter()
    with counter.counting(net):
        out = net(torch.rand(5, 3))
        out.sum().backward()
        with torch.no_grad():
            net(torch.rand(2, 3))
    net(torch.rand(9, 3)).sum().backward()
    assert (counter.forward, counter.backward) == (7, 5)


def test_passes_are_counted_as_the_cost_lines_say(model: Callable[..., Any], data: Dataset) -> None:
    attacked = Objective(ERROR.terms, inputs=Adversarial(PGD(steps=3), NEAR))
    for objective, forward, backward in ((ERROR, 1, 1), (attacked, 6, 4)):
        (epoch,) = fit(model(), data, objective, epochs=1, settings=QUICK).epochs
        n, v = len(data.train), len(data.validation)
        # Validation: the objective's passes, the clean ones where they differ, the watched ones.
        looks, back = (2 * v, 0) if objective is ERROR else (8 * v, 3 * v)
        assert (epoch.forward, epoch.backward) == (forward * n + looks, backward * n + back)


def test_training_accuracy_is_that_of_the_steps(data: Dataset) -> None:
    flat = nn.Linear(4, 2)
    nn.init.zeros_(flat.weight)
    flat.bias.data.copy_(torch.tensor([1.0, 0.0]))
    slow = TrainingSettings(learning_rate=1e-300, optimizer="sgd", momentum=0.0)
    (epoch,) = fit(flat, data, ERROR, epochs=1, settings=slow).epochs
    assert epoch.training_accuracy == pytest.approx(float((data.train.y == 0).double().mean()))


def test_an_estimate_leaves_the_model_alone_and_adds_up(
    model: Callable[..., Any], data: Dataset
) -> None:
    net = model()
    before, modes = model_digest(net), [module.training for module in net.modules()]
    work = Job(
        objective=ERROR,
        epochs=5,
        settings=QUICK,
        robust_validation=RobustValidation(threats=(NEAR,)),
    )
    state = torch.get_rng_state()
    found = estimate(net, data, work)
    assert torch.equal(torch.get_rng_state(), state)
    assert model_digest(net) == before and not net.modes
    assert [module.training for module in net.modules()] == modes
    assert found.steps == 5 * 3
    expected = 15 * found.step_seconds + 5 * found.validation_seconds
    assert found.seconds == pytest.approx(expected)
    assert found.peak_bytes > 50e6
    assert str(found).startswith("Estimate from two steps: about ")


def test_the_card_says_what_was_done_and_what_it_cost(tmp_path: Path) -> None:
    import spikeproof as sp

    data = sp.load("digits")
    net = sp.build("cnn-small", data, width=2, timesteps=1)
    settings = TrainingSettings(batch_size=512)
    history = fit(net, data, ERROR, epochs=1, settings=settings, directory=tmp_path)
    work = Job(objective=ERROR, epochs=1, settings=settings)
    content = card(net, data, work, history)
    plain, told = write_card(tmp_path / "model.safetensors", content)
    assert (plain.name, told.name) == ("model.card.json", "model.card.md")
    found = json.loads(plain.read_text())
    assert found["data"]["sha256"] == data.spec.sha256
    assert found["model"]["sha256"] == model_digest(net)
    assert found["model"]["parameters"] == sum(p.numel() for p in net.parameters())
    assert found["training"]["settings"]["batch_size"] == 512
    assert found["validation"]["clean"] == history.best.clean_accuracy
    assert found["cost"]["forward_passes"] == 1078 + 269 + 256
    assert found["cost"]["peak_bytes"] == history.peak_bytes > 0
    text = told.read_text()
    assert "cnn-small" in text and "Test items played no part" in text
    assert f"| clean | {100 * history.best.clean_accuracy:.1f} % |" in text  # type: ignore[operator]


def test_the_card_of_adversarial_training_says_under_which_threat_and_how(tmp_path: Path) -> None:
    import spikeproof as sp

    data = sp.load("digits")
    net = sp.build("cnn-small", data, width=2, timesteps=3, neuron=sp.LIF(leak=0.75))
    threat = sp.Threat(sp.Linf(), 8 / 255, data.domain)
    other = sp.Threat(sp.L2(), 0.5, data.domain)
    objective = Objective(
        {"error": (1.0, CrossEntropy()), "sparse": (0.25, sp.SparseGradient())},
        inputs=Adversarial(attack=sp.PGD(steps=3, step_size=0.5), threat=threat),
    )
    work = Job(
        objective=objective,
        epochs=1,
        settings=TrainingSettings(batch_size=512),
        robust_validation=RobustValidation(threats=(threat, other), items=20),
    )
    record = {
        **{name: {} for name in ("firing", "warnings")},
        "model": {"architecture": net.spec.record(), "parameters": 7, "sha256": "ab"},
        "data": {"name": "digits", "version": "1", "train": 9, "licence": "CC BY 4.0"},
        "training": {**work.record(), "epochs_trained": 1, "best_epoch": 1},
        "validation": {"clean": 0.5, "selected_by": 0.25, "robust": {"linf 0.0314": 0.125},
                       "union": None},
        "cost": {"seconds": 1.0, "device": "a processor", "peak_bytes": 1e9, "forward_passes": 1,
                 "backward_passes": 1},
    }  # fmt: skip
    _, told = write_card(tmp_path / "model.safetensors", record)
    rows = dict(re.findall(r"^\| (.+?) \| (.*) \|$", told.read_text(), flags=re.MULTILINE))
    assert rows["Time steps T"] == "3"
    assert rows["Width"] == "2"
    assert rows["Neuron"].startswith("lif (leak 0.75, threshold 1,")
    assert rows["Surrogate"] == "triangle, sharpness 1, height 1"
    assert rows["Objective"].startswith("1 x cross_entropy + 0.25 x sparse_gradient (")
    assert rows["Trained on"].startswith(
        "adversarial inputs: linf radius 8/255, by pgd (steps 3, step size 0.5,"
    )
    assert rows["Trained on"].endswith("loss cross_entropy")
    assert rows["Validation"].startswith(
        "20 items under linf radius 8/255, l2 radius 0.5, by pgd (steps 5, step size 0.5,"
    )
    assert rows["linf 0.0314"] == "12.5 %"
    assert "union of these" not in rows


def test_the_card_of_several_threats_names_each(tmp_path: Path) -> None:
    from spikeproof.train.keep.card_page import _inputs

    members = [
        {"kind": "adversarial", "attack": {"kind": "pgd", "steps": 3}, "gradient": None,
         "loss": "cross_entropy", "threat": {"name": name, "radius": radius}}
        for name, radius in (("linf", 0.13), ("l1", 3.0))
    ]  # fmt: skip
    assert _inputs({"kind": "eat", "share": 0.9, "members": members}) == (
        "eat inputs (share 0.9): linf radius 0.13, by pgd (steps 3), loss cross_entropy; "
        "l1 radius 3, by pgd (steps 3), loss cross_entropy"
    )
    assert _inputs({"kind": "gaussian", "noise": 0.1}) == "gaussian (noise 0.1) inputs"
    assert _inputs(None) == "clean inputs"
