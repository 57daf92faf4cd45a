"""RAMP's fusion of epochs: known answers, what a run keeps for it, and what it must not change."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from spikeproof.attacks import PGD
from spikeproof.base import Diverged, Seeds, SettingError, seeds
from spikeproof.data import Dataset, Domain, Split
from spikeproof.models import model_digest, read_tensors
from spikeproof.threats import Linf, Threat
from spikeproof.train import (
    RULES,
    Adversarial,
    Assignment,
    CrossEntropy,
    EpochFusion,
    Inputs,
    Moment,
    NaturalFusion,
    Objective,
    OverfittingWatch,
    Retraction,
    Training,
    estimate,
    fit,
    load_failure,
)
from spikeproof.train.run import Run

ERROR = {"error": (1.0, CrossEntropy())}
NAME = "training.safetensors"
Make = Callable[..., Any]


@dataclass(frozen=True)
class Scaled(Inputs):
    """Items times a number: inputs whose gradient on a linear model is known."""

    kind: ClassVar[str] = "scaled"
    factor: float = 1.0

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor, *, seeds: Seeds) -> Tensor:
        return self.factor * x


def objective(*rules: Any, inputs: Any = None) -> Objective:
    """Cross-entropy with some rules."""
    return Objective(ERROR, inputs, rules)


def plain(**settings: Any) -> Training:
    """Gradient descent without momentum."""
    given = {"optimizer": "sgd", "momentum": 0.0, "schedule": "constant", "select": "last"}
    return Training(**{"learning_rate": 0.5, **given, **settings})


def linear(seed: int = 1, width: int = 2, **settings: Any) -> nn.Linear:
    """A linear model in double precision; the same weights for the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Linear(4, width, **settings).double()


def doubled(data: Dataset, dataset: Make) -> Dataset:
    """The data in double precision."""
    parts = (Split(s.x.double(), s.y, s.items) for s in (data.train, data.validation))
    made: Dataset = dataset(*parts)
    return made


def state(model: nn.Module) -> dict[str, Tensor]:
    """A copy of what a model holds."""
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def test_where_an_epoch_is_one_plain_step_both_fusions_are_the_same(
    data: Dataset, dataset: Make
) -> None:
    whole = plain(batch_size=len(data.train))
    ends = []
    for rules in ((EpochFusion(share=0.4),), (NaturalFusion(share=0.4),), ()):
        net = nn.Sequential(linear(width=4), nn.Tanh(), linear(2))
        fit(
            net,
            doubled(data, dataset),
            objective(*rules, inputs=Scaled(0.25)),
            epochs=3,
            settings=whole,
        )
        ends.append(state(net))
    epoch, step, none = ends
    for name in epoch:
        torch.testing.assert_close(epoch[name], step[name], rtol=1e-12, atol=1e-13)
        assert not torch.allclose(epoch[name], none[name], rtol=1e-3), "the fusion does something"


def descended(start: list[float], steps: list[tuple[float, int, float]]) -> list[float]:
    """Two weights and two biases of a classifier of single numbers after plain steps.

    A step is (item, class, learning rate).
    """
    at = list(start)
    for item, y, rate in steps:
        ahead = (at[1] - at[0]) * item + at[3] - at[2]
        off = 1 / (1 + math.exp(-ahead)) - y  # probability of class 1, minus what it should be
        at = [w - rate * g for w, g in zip(at, (-off * item, off * item, -off, off), strict=True)]
    return at


def test_an_epoch_of_two_steps_by_hand(dataset: Make) -> None:
    x, y = torch.tensor([[0.5], [0.75]]).double(), torch.tensor([0, 1])
    split = Split(x, y, torch.arange(2))
    data = dataset(split, split, Domain(kind="audio", shape=(1,)))
    start, share, factor = [0.3, -0.2, 0.1, 0.4], 0.3, -2.0
    settings = plain(batch_size=1, schedule="step", milestones=(0.5,), drop=0.25)
    net = nn.Linear(1, 2).double()
    with torch.no_grad():
        net.weight.copy_(torch.tensor(start[:2])[:, None])
        net.bias.copy_(torch.tensor(start[2:]))
    work = Assignment(
        objective=objective(EpochFusion(share=share), inputs=Scaled(factor)),
        epochs=1,
        settings=settings,
    )
    run = Run(net.train(), data, work)
    order = [int(which) for which in run.order(1)]
    assert run.step_epoch().learning_rate == 0.5
    steps = [(float(x[i]), int(y[i]), rate) for i, rate in zip(order, (0.5, 0.125), strict=True)]
    begin = torch.tensor(start).double()
    natural = torch.tensor(descended(start, steps)).double() - begin
    robust = torch.tensor(descended(start, [(factor * a, b, c) for a, b, c in steps])) - begin
    agree = [float(F.cosine_similarity(natural[p], robust[p], 0)) for p in (slice(2), slice(2, 4))]
    assert agree[0] < 0 < agree[1], "the weights are opposed, the biases agree"
    expected = begin + (1 - share) * robust
    expected[2:] += share * agree[1] * natural[2:]
    torch.testing.assert_close(torch.cat([net.weight[:, 0], net.bias]).detach(), expected)


@pytest.mark.parametrize("average", [None, 0.9])
def test_a_share_of_zero_leaves_robust_training_alone(
    model: Make, data: Dataset, average: float | None
) -> None:
    settings = Training(batch_size=16, learning_rate=0.05, gradient_clip=1.0, average=average)
    inputs = Adversarial(PGD(steps=2), Threat(Linf(), 0.1, data.domain))
    nets = model(), model()
    for net, rules in zip(nets, ((), (EpochFusion(share=0.0),)), strict=True):
        fit(net, data, objective(*rules, inputs=inputs), epochs=3, settings=settings)
    assert model_digest(nets[0]) == model_digest(nets[1])


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_of_an_opposed_epoch_the_rest_of_the_share_is_left(
    data: Dataset, dataset: Make, share: float
) -> None:
    # From weights of zero, a linear model trained on -x goes exactly the other way.
    nets, shifts = [], []
    for rules in ((), (EpochFusion(share=share),)):
        net = linear(bias=False)
        nn.init.zeros_(net.weight)
        history = fit(
            net,
            doubled(data, dataset),
            objective(*rules, inputs=Scaled(-1.0)),
            epochs=1,
            settings=plain(batch_size=10),
        )
        nets.append(net.weight.detach())
        shifts.append(history.best.shift)
    robust, fused = nets
    assert robust.norm() > 0.1
    torch.testing.assert_close(fused, (1 - share) * robust, rtol=1e-12, atol=1e-15)
    assert shifts[0] == {}
    length = float(robust.norm())
    assert shifts[1] == pytest.approx(
        {"rules": share * length, "optimizer": length, "weights": length}
    ), "set beside the whole epoch"


class Tied(nn.Module):
    """Two layers with one weight, and one that does not learn."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = (linear(seed, width=4) for seed in (1, 2))
        self.last = linear(3)
        self.second.weight = self.first.weight
        self.second.bias.requires_grad_(False)
        self.register_buffer("mask", torch.tensor([0.0, -math.inf, 0.0, -math.inf]).double())

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.second(torch.tanh(self.first(x)))
        logits: Tensor = self.last(torch.maximum(hidden, self.mask))
        return logits


def with_statistics() -> nn.Module:
    """Batch norm between two layers."""
    first = linear(width=4, bias=False)
    return nn.Sequential(first, nn.BatchNorm1d(4).double(), nn.Tanh(), linear(2))


@pytest.mark.parametrize("make", [with_statistics, Tied])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_natural_training_fused_with_itself_is_natural_training(
    data: Dataset, dataset: Make, make: Make, optimizer: str
) -> None:
    # Momentum goes on over epochs, statistics are fused, tied and frozen weights stay what they
    # are: otherwise the two trainings would part in the second epoch.
    settings = Training(batch_size=12, learning_rate=0.05, optimizer=optimizer, gradient_clip=0.5)
    plainly, fused = make(), make()
    for net, rules in ((plainly, ()), (fused, (EpochFusion(share=0.7),))):
        fit(net, doubled(data, dataset), objective(*rules), epochs=4, settings=settings)
    assert state(fused).keys() == state(plainly).keys()
    for name, tensor in state(plainly).items():
        torch.testing.assert_close(state(fused)[name], tensor, rtol=1e-9, atol=1e-11, msg=name)
    assert model_digest(make()) != model_digest(fused)


def test_running_statistics_are_fused_and_counts_are_not() -> None:
    net = nn.BatchNorm1d(2, affine=False).double()
    start = {"running_mean": [0.0, 0.0], "running_var": [1.0, 1.0], "num_batches_tracked": 4}
    natural = {"running_mean": [3.0, 4.0], "running_var": [0.5, 1.0], "num_batches_tracked": 9}
    net.running_mean.copy_(torch.tensor([2.0, 0.0]))
    net.running_var.copy_(torch.tensor([2.0, 1.0]))
    net.num_batches_tracked.fill_(7)
    epoch: dict[str, Any] = {
        side: {name: torch.tensor(value).to(net.state_dict()[name]) for name, value in held.items()}
        for side, held in (("start", start), ("natural", natural))
    }
    x, y = torch.zeros(1, 2).double(), torch.tensor([0])
    EpochFusion(share=0.5)(Moment(model=net, x=x, y=y, seeds=seeds(0, n=1), last=True, **epoch))
    # Means: cosine .6, so half of .6 (3, 4) and half of (2, 0). Variances are opposed.
    torch.testing.assert_close(net.running_mean, torch.tensor([1.9, 1.2]).double())
    torch.testing.assert_close(net.running_var, torch.tensor([1.5, 1.0]).double())
    assert net.num_batches_tracked == 7


def test_the_average_takes_in_fused_weights(data: Dataset, dataset: Make) -> None:
    net, start = linear(), linear()
    work = Assignment(
        objective=objective(EpochFusion(share=0.5), inputs=Scaled(-1.0)),
        epochs=1,
        settings=plain(batch_size=len(data.train), average=0.9, keep="weights"),
    )
    run = Run(net.train(), doubled(data, dataset), work)
    run.step_epoch()
    assert run.average is not None
    for name, tensor in run.average.weights.items():  # the first step keeps a tenth
        torch.testing.assert_close(tensor, 0.1 * state(start)[name] + 0.9 * state(net)[name])


class Stop(Exception):
    """Raised by the hook to break a run off."""


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_run_broken_off_and_resumed_ends_with_the_same_bytes(
    model: Make, data: Dataset, tmp_path: Path, optimizer: str
) -> None:
    inputs = Adversarial(PGD(steps=1, step_size=1.0), Threat(Linf(), 0.1, data.domain))
    settings = Training(batch_size=16, learning_rate=0.05, optimizer=optimizer, average=0.8)

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

    def stop(epoch: int, *_: Any) -> None:
        if epoch == 2:
            raise Stop

    whole = run(tmp_path / "whole")
    with pytest.raises(Stop):
        run(tmp_path / "broken", stop)
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
        work = Assignment(objective=objective(*rules), epochs=2, settings=Training(batch_size=16))
        epoch = Run(model().train(), data, work).step_epoch()
        passes.append((epoch.forward, epoch.backward))
    (forward, backward), (more, back) = passes
    assert (more - forward, back - backward) == (len(data.train), len(data.train))


def test_an_estimate_leaves_the_model_alone(model: Make, data: Dataset) -> None:
    net = model()
    before = model_digest(net)
    told = estimate(net, data, Assignment(objective=objective(EpochFusion()), epochs=2))
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
    assert "first seen in the gradient of the natural model: gradient norm nan, loss 0" in told
    assert model_digest(net) == before, "the weights before the step"
    assert all(p.grad is None for p in net.parameters())
    failure = load_failure(tmp_path / "diverged.safetensors")
    assert failure.about["layer"] == "the gradient of the natural model"
    logits = functional_call(Root(), dict(failure.natural), (failure.x,))
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

    monkeypatch.setattr("spikeproof.train.shift.shift", watched)
    inputs = Adversarial(PGD(steps=1), Threat(Linf(), 0.1, data.domain))
    work = Assignment(
        objective=objective(rule, inputs=inputs), epochs=1, settings=Training(batch_size=16)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of the watch
        Run(nn.Linear(4, 2).train(), data, work).step_epoch()
    assert seen == copied


def test_without_a_natural_model_it_says_who_trains_one() -> None:
    x, y = torch.zeros(1, 4), torch.tensor([0])
    moment = Moment(model=nn.Linear(4, 2), x=x, y=y, seeds=seeds(0, n=1), last=True)
    with pytest.raises(SettingError, match="needs the natural model that fit trains beside"):
        EpochFusion()(moment)


def test_it_rebuilds_from_repr_and_record() -> None:
    rule = EpochFusion(share=0.25)
    assert eval(repr(rule)) == rule
    record = {
        "terms": {"error": {"weight": 1.0, "kind": "cross_entropy"}},
        "rules": [{"kind": "epoch_fusion", "share": 0.25}],
    }
    assert Objective.from_record(record) == objective(rule)
    assert RULES.kind(rule) == "epoch_fusion"


@pytest.mark.parametrize("share", [-0.1, 1.5, math.nan])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(SettingError, match=r"EpochFusion.share must lie in \[0, 1\]; got"):
        EpochFusion(share=share)
