"""Retraction and the overfitting watch by hand; what rules cost, and that they resume exactly."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from spikeproof.attacks import PGD
from spikeproof.base import Diverged, SettingError
from spikeproof.data import Dataset, Domain
from spikeproof.models import model_digest, read_tensors
from spikeproof.threats import L1, Linf, Threat
from spikeproof.train import (
    EAT,
    HOOKS,
    SSDP,
    Adversarial,
    CrossEntropy,
    Job,
    NaturalFusion,
    Objective,
    OverfittingWatch,
    Retraction,
    SparseGradient,
    Step,
    TrainingSettings,
    fit,
)
from spikeproof.train.loop.run import Run
from support.interrupted import Stop, stop_after
from support.moments import Chain, moment

ERROR = {"error": (1.0, CrossEntropy())}


@dataclass(frozen=True, kw_only=True)
class Push:
    """Adds 3 to the first weight of the readout, from the second epoch on."""

    when: ClassVar[str] = "after"

    def __call__(self, at: Step) -> None:
        if at.epoch > 1:
            at.weight("Push", "readout").data[0, 0] += 3.0


def test_the_history_tells_how_far_rules_move_weights(data: Dataset) -> None:
    settings = TrainingSettings(
        batch_size=len(data.train), optimizer="sgd", momentum=0.0, schedule="constant"
    )
    net = nn.Sequential(OrderedDict(readout=nn.Linear(4, 2)))
    objective = Objective(ERROR, hooks=(Push(),))
    run = Run(net, data, Job(objective=objective, epochs=2, settings=settings))
    assert run.step_epoch().shift == {}
    before = net.readout.weight.detach().clone()
    found = run.step_epoch().shift
    step = net.readout.weight.detach() - before
    step[0, 0] -= 3.0
    assert found["rules"] == pytest.approx(3.0, rel=1e-5)
    assert found["optimizer"] == pytest.approx(float(step.norm()), rel=1e-3)
    assert found["weights"] == pytest.approx(float((before + step).norm()), rel=1e-5)


def test_retraction_by_hand_and_its_fixed_point() -> None:
    layer = nn.Linear(3, 2, bias=False).double()
    weight = layer.weight.detach().clone()
    Retraction(strength=0.05)(moment(layer, torch.zeros(1, 3).double()))
    expected = 1.05 * weight - 0.05 * weight @ weight.T @ weight
    torch.testing.assert_close(layer.weight.data, expected)
    for _ in range(400):
        Retraction(strength=0.05)(moment(layer, torch.zeros(1, 3).double()))
    torch.testing.assert_close(layer.weight.data @ layer.weight.data.T, torch.eye(2).double())


def test_convolutions_are_retracted_as_one_row_per_channel() -> None:
    conv = nn.Conv2d(2, 3, 3).double()
    flat = conv.weight.detach().flatten(1).clone()
    Retraction(strength=0.01)(moment(conv, torch.zeros(1, 2, 3, 3).double()))
    expected = 1.01 * flat - 0.01 * flat @ flat.T @ flat
    torch.testing.assert_close(conv.weight.data.flatten(1), expected)


def test_of_a_large_layer_a_random_share_of_rows_is_retracted() -> None:
    layer = nn.Linear(4, 50, bias=False)
    before = layer.weight.detach().clone()
    rule, x = Retraction(strength=0.1, rows=20, share=0.3), torch.zeros(1, 4)
    rule(moment(layer, x, index=0))
    first = (layer.weight.data != before).any(1)
    assert int(first.sum()) == 15
    some = before[first]
    torch.testing.assert_close(layer.weight.data[first], 1.1 * some - 0.1 * some @ some.T @ some)
    between = layer.weight.detach().clone()
    rule(moment(layer, x, index=1))
    assert not torch.equal((layer.weight.data != between).any(1), first), "other rows each step"


def watched(steps: int, step_size: float) -> Step:
    """A linear model at the end of an epoch, trained on an attack of that strength."""
    domain = Domain(kind="audio", shape=(2,))
    model = nn.Linear(2, 2, bias=False)
    model.weight.data.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    attack = PGD(steps=steps, step_size=step_size, random_start=False)
    inputs = Adversarial(attack, Threat(Linf(), 0.2, domain))
    return moment(model, torch.tensor([[0.6, 0.4]] * 8), inputs=inputs, steps=1, epoch=3)


def test_the_watch_tells_an_attack_that_no_longer_works() -> None:
    assert OverfittingWatch().accuracies(watched(1, 0.1)) == (1.0, 0.0)
    assert OverfittingWatch().accuracies(watched(1, 1.0)) == (0.0, 0.0)
    with pytest.warns(UserWarning, match="Catastrophic overfitting after epoch 3: accuracy 1.00"):
        OverfittingWatch()(watched(1, 0.1))
    with pytest.raises(Diverged, match="0.00 under PGD with 10 steps"):
        OverfittingWatch(action="stop")(watched(1, 0.1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        OverfittingWatch()(watched(1, 1.0))


class Counted(nn.Module):
    """Counts the items a model answers and whose weight gradient is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.forwards, self.backwards = Chain(), 0, 0

    def forward(self, x: Tensor) -> Tensor:
        self.forwards += len(x)
        logits: Tensor = self.body(x)
        if logits.requires_grad:
            logits.register_hook(lambda grad: self._back(len(x)))
        return logits

    def _back(self, items: int) -> None:
        self.backwards += items


@pytest.mark.parametrize(
    ("rule", "passes"),
    [
        (Retraction(), (0, 0)),
        (SSDP(layers=("body.readout",), start=0), (1, 0)),
        (NaturalFusion(), (1, 1)),
        # PGD of 3 steps: its own 5 and 3, one look, and a PGD of 10 steps with its look.
        (OverfittingWatch(gap=0.99), (5 + 1 + 13, 3 + 10)),
    ],
    ids=repr,
)
def test_a_rule_costs_what_its_page_says(rule: Any, passes: tuple[int, int]) -> None:
    net, domain = Counted(), Domain(kind="audio", shape=(2,))
    for parameter in net.parameters():
        parameter.grad = torch.ones_like(parameter)
    inputs = Adversarial(PGD(steps=3), Threat(Linf(), 0.1, domain))
    rule(moment(net, torch.rand(4, 2), inputs=inputs, steps=1))
    assert (net.forwards, net.backwards) == (4 * passes[0], 4 * passes[1])


def test_a_run_with_memory_and_rules_resumes_exactly(
    model: Callable[..., Any], data: Dataset, tmp_path: Path
) -> None:
    attack = PGD(steps=1, step_size=1.0)
    threats = Threat(Linf(), 0.1, data.domain), Threat(L1(), 0.3, data.domain)
    objective = Objective(
        {"error": (1.0, CrossEntropy()), "sparse": (0.1, SparseGradient())},
        inputs=EAT(tuple(Adversarial(attack, threat) for threat in threats)),
        hooks=(Retraction(strength=0.01), NaturalFusion()),
    )
    settings = TrainingSettings(batch_size=16, learning_rate=0.05)

    def run(folder: Path | None, progress: Any = None) -> nn.Module:
        net: nn.Module = model()
        fit(
            net,
            data,
            objective,
            epochs=4,
            settings=settings,
            directory=folder,
            progress=progress or (lambda *_: None),
        )
        return net

    whole = run(tmp_path / "whole")
    with pytest.raises(Stop):
        run(tmp_path / "broken", stop_after(2))
    tensors, _ = read_tensors(tmp_path / "broken" / "training.safetensors")
    assert int(tensors["memory.eat.seen"].sum()) == 2 * len(data.train)
    assert model_digest(run(tmp_path / "broken")) == model_digest(whole)
    name = "training.safetensors"
    assert (tmp_path / "broken" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.parametrize(
    "rule",
    [SSDP(layers=("a", "b")), Retraction(layers=("a",)), NaturalFusion(), OverfittingWatch()],
    ids=repr,
)
def test_rules_rebuild_from_repr_and_record(rule: Any) -> None:
    assert eval(repr(rule)) == rule
    objective = Objective(ERROR, hooks=(rule,))
    assert Objective.from_record(objective.record()) == objective
    assert HOOKS.kind(rule) in HOOKS


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: SSDP(), "SSDP.layers must list the names"),
        (lambda: SSDP(layers="readout"), "SSDP.layers must list the names"),
        (lambda: SSDP(layers=("a",), width=0), "SSDP.width must be positive"),
        (lambda: SSDP(layers=("a",), start=-1), "SSDP.start must be a whole number >= 0"),
        (lambda: SSDP(layers=("a",), kernel="gauss"), "Did you mean 'gaussian'"),
        (lambda: Retraction(strength=-1), "Retraction.strength must be positive"),
        (lambda: Retraction(share=2), r"Retraction.share must lie in \[0, 1\]"),
        (lambda: OverfittingWatch(action="halt"), "Unknown OverfittingWatch.action 'halt'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make: Any, sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        make()
