"""Steps that diverge: what is named, what is left to reproduce them, what stays as it was."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from spikeproof.attacks import PGD
from spikeproof.base import Diverged, FileProblem
from spikeproof.data import Dataset
from spikeproof.models import model_digest, write_tensors
from spikeproof.threats import L2, Threat
from spikeproof.train import (
    EAT,
    Adversarial,
    CrossEntropy,
    Forward,
    Objective,
    TrainingSettings,
    fit,
    load_failure,
)
from support.small_runs import ATTACKED, ERROR, NEAR, QUICK


def test_a_loss_that_is_not_finite_names_epoch_step_items_and_parts(
    data: Dataset, model: Callable[..., Any]
) -> None:
    class Trap:
        calls = 0

        def __call__(self, clean: Forward) -> Tensor:
            Trap.calls += 1
            value = clean.logits.sum() * 0
            return value + math.nan if Trap.calls == 7 else value  # 3 steps, 2 looks, 2nd step

    net = model()
    objective = Objective({"error": (1.0, CrossEntropy()), "trap": (1.0, Trap())})
    with pytest.raises(Diverged) as caught:
        fit(net, data, objective, epochs=3, settings=QUICK)
    sentence = str(caught.value)
    assert "epoch 2, step 2" in sentence
    assert "trap nan" in sentence
    assert "error 0." in sentence
    assert "gradient_clip" in sentence
    assert all(torch.isfinite(p).all() for p in net.parameters())
    assert net.training


def test_a_gradient_that_is_not_finite_stops_before_the_weights_change(data: Dataset) -> None:
    class Root(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.zeros(()))

        def forward(self, x: Tensor) -> Tensor:
            return self.scale.sqrt() * x[:, :2]

    net = Root()
    with pytest.raises(Diverged, match="gradient norm"):
        fit(net, data, ERROR, epochs=1)
    assert net.scale.item() == 0.0
    assert net.scale.grad is None


def test_weights_that_ran_away_are_a_divergence_also_under_attack(data: Dataset) -> None:
    with torch.random.fork_rng(devices=[]):
        net = nn.Linear(4, 2)
    settings = TrainingSettings(learning_rate=1e38, optimizer="sgd", batch_size=8)
    with pytest.raises(Diverged, match="epoch 1"):
        fit(net, data, ATTACKED, epochs=2, settings=settings)


def test_a_step_that_diverges_names_the_layer_and_leaves_what_reproduces_it(
    data: Dataset, tmp_path: Path
) -> None:
    class Sick(nn.Module):
        """Its second layer divides by what the items of class 1 make zero."""

        def __init__(self) -> None:
            super().__init__()
            self.first, self.root, self.last = nn.Linear(4, 2), Root(), nn.Linear(2, 2)

        def forward(self, x: Tensor) -> Tensor:
            logits: Tensor = self.last(self.root(self.first(x)))
            return logits

    class Root(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return (x - 5).log()

    net = Sick()
    before = model_digest(net)
    with pytest.raises(Diverged) as caught:
        fit(net, data, ERROR, epochs=2, settings=QUICK, directory=tmp_path)
    assert "epoch 1, step 1" in str(caught.value)
    assert "first seen in output of layer root" in str(caught.value)
    assert str(tmp_path / "diverged.safetensors") in str(caught.value)
    assert model_digest(net) == before, "the weights before the step"
    failure = load_failure(tmp_path / "diverged.safetensors")
    again = Sick()
    again.load_state_dict(failure.model)
    loss, _ = ERROR(again, failure.x, failure.y, seeds=failure.seeds)
    assert not math.isfinite(loss.item())
    told = json.loads((tmp_path / "diverged.json").read_text())
    assert told["layer"] == "output of layer root"
    assert told["items"] == failure.items.tolist()
    assert set(told["items"]) <= set(data.train.items.tolist())
    assert told == failure.about


def test_a_failed_step_is_kept_with_what_its_inputs_remembered(
    data: Dataset, tmp_path: Path
) -> None:
    class Brittle(nn.Module):
        """Breaks when it has answered often enough in training mode."""

        def __init__(self) -> None:
            super().__init__()
            self.last = nn.Linear(4, 2)
            self.register_buffer("answers", torch.zeros(()))

        def forward(self, x: Tensor) -> Tensor:
            self.answers += float(self.training)
            logits: Tensor = self.last(x)
            return logits * math.inf if self.training and self.answers > 4 else logits

    attack = PGD(steps=1)
    threats = NEAR, Threat(L2(), 0.1, data.domain)
    inputs = EAT(tuple(Adversarial(attack, threat) for threat in threats))
    objective = Objective({"error": (1.0, CrossEntropy())}, inputs=inputs)
    with pytest.raises(Diverged, match="epoch 2, step 2"):
        fit(Brittle(), data, objective, epochs=2, settings=QUICK, directory=tmp_path)
    failure = load_failure(tmp_path / "diverged.safetensors")
    assert failure.about["progress"] == pytest.approx(4 / 6)
    assert int(failure.memory["eat.seen"].sum()) == 40 + len(data.train) // 3 + 1
    again = Brittle()
    again.load_state_dict(failure.model)
    loss, _ = objective(
        again,
        failure.x,
        failure.y,
        seeds=failure.seeds,
        memory=dict(failure.memory),
        progress=failure.about["progress"],
    )
    assert not math.isfinite(loss.item())


def test_a_gradient_that_is_not_finite_names_its_parameter(data: Dataset, tmp_path: Path) -> None:
    class Steep(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.zeros(()))

        def forward(self, x: Tensor) -> Tensor:
            return self.scale.sqrt() * x[:, :2]

    with pytest.raises(Diverged, match="first seen in gradient of scale"):
        fit(Steep(), data, ERROR, epochs=1, directory=tmp_path)
    assert load_failure(tmp_path / "diverged.safetensors").about["layer"] == "gradient of scale"


def test_a_layer_that_is_not_finite_on_validation_items_stops_a_run_with_a_finite_loss(
    data: Dataset,
) -> None:
    class Hidden(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.last = nn.Linear(4, 4), nn.Linear(4, 2)
            self.inner.weight.data.fill_(1e38)

        def forward(self, x: Tensor) -> Tensor:
            huge = self.inner(x * 1e3)
            logits: Tensor = self.last(x) + torch.nan_to_num(huge.detach(), 0, 0, 0)[:, :2] * 0
            return logits

    with pytest.raises(Diverged, match="first seen in output of layer inner"):
        fit(Hidden(), data, ERROR, epochs=1, settings=QUICK)


def test_a_file_that_holds_no_failure_is_refused(tmp_path: Path) -> None:
    write_tensors(tmp_path / "x.safetensors", {"a": torch.zeros(1)}, {"schema": 1})
    with pytest.raises(FileProblem, match="is not the file of a failed step"):
        load_failure(tmp_path / "x.safetensors")
