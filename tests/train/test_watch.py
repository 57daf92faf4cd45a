"""Watchdogs: dead and saturated layers, robust over-fitting."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from spikeproof.data import Dataset
from spikeproof.neurons import LIF, Spiking
from spikeproof.train import Epoch, fit
from spikeproof.train.loop.watch import warnings_of
from support.small_runs import ERROR, QUICK


class Spikes(nn.Module):
    """Two spiking layers on currents that are set by hand."""

    def __init__(self, first: float, second: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(4, 2))
        self.currents = (first, second)
        self.one, self.two = Spiking(LIF()), Spiking(LIF())

    def forward(self, x: Tensor) -> Tensor:
        ones = torch.ones(3, len(x), 5)
        spikes = self.one(ones * self.currents[0]) + self.two(ones * self.currents[1])
        return x @ self.weight + 0 * spikes.sum()


def test_dead_and_saturated_layers_are_reported_once(data: Dataset) -> None:
    history = fit(Spikes(0.0, 50.0), data, ERROR, epochs=3, settings=QUICK)
    assert [sorted(epoch.warnings) for epoch in history.epochs] == [
        ["dead one", "saturated two"],
        [],
        [],
    ]
    assert "Layer one is dead: it fires never" in history.warnings["dead one"]
    assert history.epochs[2].firing == {"one": 0.0, "two": 1.0}
    assert not fit(Spikes(0.7, 0.7), data, ERROR, epochs=1, settings=QUICK).warnings


def epoch(number: int, training: float, union: float) -> Epoch:
    """An epoch with two accuracies."""
    return Epoch(
        epoch=number,
        loss=0.1,
        parts={},
        learning_rate=0.1,
        validation_accuracy=union,
        validation_loss=0.1,
        clean_accuracy=0.9,
        training_accuracy=training,
        union=union,
    )


def test_robust_over_fitting_is_a_fall_beyond_noise_while_training_accuracy_rises() -> None:
    before = [epoch(1, 0.6, 0.5), epoch(2, 0.7, 0.6)]
    # Two standard errors of 0.6 on 400 items are 0.049.
    assert not warnings_of(epoch(3, 0.8, 0.56), before, 400)
    found = warnings_of(epoch(3, 0.8, 0.54), before, 400)
    assert "fell from 60.0 % in epoch 2 to 54.0 %" in found["robust over-fitting"]
    assert not warnings_of(epoch(3, 0.65, 0.54), before, 400), "training got worse too"
    assert not warnings_of(epoch(3, 0.8, 0.54), before, 40), "40 items cannot tell"
    told = replace(before[1], warnings=found)
    assert not warnings_of(epoch(4, 0.9, 0.3), [before[0], told], 400), "said once"
