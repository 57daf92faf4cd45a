"""The model that a run trains beside for the fusion of epochs: kept, counted, refused."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from spikeproof.attacks import PGD
from spikeproof.base import Diverged, SettingError, seeds
from spikeproof.data import Dataset, Split
from spikeproof.models import model_digest, read_tensors
from spikeproof.threats import Linf, Threat
from spikeproof.train import (
    HOOKS,
    Adversarial,
    EpochFusion,
    Job,
    NaturalFusion,
    Objective,
    OverfittingWatch,
    Retraction,
    Step,
    TrainingSettings,
    estimate,
    fit,
    load_failure,
)
from spikeproof.train.loop.run import Run
from support.fusions import Make, Scaled, doubled, linear, objective, plain, state
from support.interrupted import NAME, Stop, stop_after


def test_the_average_takes_in_fused_weights(data: Dataset, dataset: Make) -> None:
    net, start = linear(), linear()
    work = Job(
        objective=objective(EpochFusion(share=0.5), inputs=Scaled(-1.0)),
        epochs=1,
        settings=plain(batch_size=len(data.train), average=0.9, keep="weights"),
    )
    run = Run(net.train(), doubled(data, dataset), work)
    run.step_epoch()
    assert run.average is not None
    for name, tensor in run.average.weights.items():  # the first step keeps a tenth
        torch.testing.assert_close(tensor, 0.1 * state(start)[name] + 0.9 * state(net)[name])


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_run_broken_off_and_resumed_ends_with_the_same_bytes(
    model: Make, data: Dataset, tmp_path: Path, optimizer: str
) -> None:
    inputs = Adversarial(PGD(steps=1, step_size=1.0), Threat(Linf(), 0.1, data.domain))
    settings = TrainingSettings(batch_size=16, learning_rate=0.05, optimizer=optimizer, average=0.8)

    def run(folder: Path, progress: Any = False) -> str:
        net = model()
        fit(
            net,
            data,
            objective(EpochFusion(), inputs=inputs),
            epochs=4,
            settings=settings,
            directory=folder,
            progress=progress,
        )
        return model_digest(net)

    whole = run(tmp_path / "whole")
    with pytest.raises(Stop):
        run(tmp_path / "broken", stop_after(2))
    tensors, _ = read_tensors(tmp_path / "broken" / NAME)
    kept = {name.split(".")[-1] for name in tensors if name.startswith("natural.")}
    assert kept == (
        {"exp_avg", "exp_avg_sq", "step"} if optimizer == "adam" else {"momentum_buffer"}
    )
    assert run(tmp_path / "broken") == whole
    assert (tmp_path / "broken" / NAME).read_bytes() == (tmp_path / "whole" / NAME).read_bytes()


def test_it_costs_one_forward_and_one_backward_of_the_items(model: Make, data: Dataset) -> None:
    passes = []
    for rules in ((), (EpochFusion(),)):
        work = Job(objective=objective(*rules), epochs=2, settings=TrainingSettings(batch_size=16))
        epoch = Run(model().train(), data, work).step_epoch()
        passes.append((epoch.forward, epoch.backward))
    (forward, backward), (more, back) = passes
    assert (more - forward, back - backward) == (len(data.train), len(data.train))


def test_an_estimate_leaves_the_model_alone(model: Make, data: Dataset) -> None:
    net = model()
    before = model_digest(net)
    told = estimate(net, data, Job(objective=objective(EpochFusion()), epochs=2))
    assert told.seconds > 0
    assert model_digest(net) == before


class Root(nn.Module):
    """A linear model of the square root, which has no finite value at negative inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.last = linear()

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.last((x - 2.0).sqrt())
        return logits


def test_a_natural_model_that_diverges_is_named_and_fails_again(
    data: Dataset, dataset: Make, tmp_path: Path
) -> None:
    x = torch.linspace(0.3, 0.9, 32).view(8, 4).double()
    split = Split(x, torch.arange(8) % 2, torch.arange(8))
    net = Root()
    before = model_digest(net)
    with pytest.raises(Diverged) as caught:
        fit(
            net,
            dataset(split, split[:0]),
            objective(EpochFusion(), inputs=Scaled(10.0)),
            epochs=2,
            settings=plain(batch_size=8),
            directory=tmp_path,
        )
    told = str(caught.value)
    assert "epoch 1, step 1" in told
    assert "first seen in the gradient of the clean model: gradient norm nan, loss 0" in told
    assert model_digest(net) == before, "the weights before the step"
    assert all(p.grad is None for p in net.parameters())
    failure = load_failure(tmp_path / "diverged.safetensors")
    assert failure.about["layer"] == "the gradient of the clean model"
    logits = functional_call(Root(), dict(failure.clean), (failure.x,))
    assert not F.cross_entropy(logits, failure.y).isfinite()


@pytest.mark.parametrize(
    ("rule", "copied"),
    [
        (Retraction(strength=0.01), [2, 2, 2]),
        (EpochFusion(), [0, 0, 2]),
        (NaturalFusion(), [0, 0, 0]),
        (OverfittingWatch(items=4), [0, 0, 0]),
    ],
    ids=repr,
)
def test_weights_are_copied_only_where_a_rule_may_move_them(
    data: Dataset, monkeypatch: pytest.MonkeyPatch, rule: Any, copied: list[int]
) -> None:
    seen: list[int] = []

    def watched(before: list[Tensor], stepped: list[Tensor], after: list[Tensor]) -> None:
        assert len(before) == len(stepped) == len(after)
        seen.append(len(before))

    monkeypatch.setattr("spikeproof.train.hooks.update_norms.update_norms", watched)
    inputs = Adversarial(PGD(steps=1), Threat(Linf(), 0.1, data.domain))
    work = Job(
        objective=objective(rule, inputs=inputs), epochs=1, settings=TrainingSettings(batch_size=16)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of the watch
        Run(nn.Linear(4, 2).train(), data, work).step_epoch()
    assert seen == copied


def test_without_a_natural_model_it_says_who_trains_one() -> None:
    x, y = torch.zeros(1, 4), torch.tensor([0])
    moment = Step(model=nn.Linear(4, 2), x=x, y=y, seeds=seeds(0, n=1), steps=1)
    with pytest.raises(SettingError, match="needs the clean model that fit trains beside"):
        EpochFusion()(moment)


def test_it_rebuilds_from_repr_and_record() -> None:
    rule = EpochFusion(share=0.25)
    assert eval(repr(rule)) == rule
    record = {
        "terms": {"error": {"weight": 1.0, "kind": "cross_entropy"}},
        "rules": [{"kind": "epoch_fusion", "share": 0.25}],
    }
    assert Objective.from_record(record) == objective(rule)
    assert HOOKS.kind(rule) == "epoch_fusion"


@pytest.mark.parametrize("share", [-0.1, 1.5, math.nan])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(SettingError, match=r"EpochFusion.share must lie in \[0, 1\]; got"):
        EpochFusion(share=share)
