"""RAMP's fusion of epochs: known answers."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikeproof.attacks import PGD
from spikeproof.base import seeds
from spikeproof.data import Dataset, Domain, Split
from spikeproof.models import model_digest
from spikeproof.threats import Linf, Threat
from spikeproof.train import (
    Adversarial,
    EpochFusion,
    Job,
    NaturalFusion,
    Step,
    TrainingSettings,
    fit,
)
from spikeproof.train.loop.run import Run
from support.fusions import Make, Scaled, doubled, linear, objective, plain, state


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
    work = Job(
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
    settings = TrainingSettings(
        batch_size=16, learning_rate=0.05, gradient_clip=1.0, average=average
    )
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
    settings = TrainingSettings(
        batch_size=12, learning_rate=0.05, optimizer=optimizer, gradient_clip=0.5
    )
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
        for side, held in (("start", start), ("clean_model", natural))
    }
    x, y = torch.zeros(1, 2).double(), torch.tensor([0])
    EpochFusion(share=0.5)(Step(model=net, x=x, y=y, seeds=seeds(0, n=1), steps=1, **epoch))
    # Means: cosine .6, so half of .6 (3, 4) and half of (2, 0). Variances are opposed.
    torch.testing.assert_close(net.running_mean, torch.tensor([1.9, 1.2]).double())
    torch.testing.assert_close(net.running_var, torch.tensor([1.5, 1.0]).double())
    assert net.num_batches_tracked == 7
