"""What rules are given: a moment of a training, and a chain of neurons to act on."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from spikeproof.base import seeds
from spikeproof.neurons import IF, Spiking, time_mean
from spikeproof.train import Step


def moment(model: nn.Module, x: Tensor, **settings: Any) -> Step:
    """A moment of a training on ``x``, all of class 0."""
    given = {"y": torch.zeros(len(x), dtype=torch.int64), "seeds": seeds(0, n=len(x)), "epoch": 99}
    return Step(model=model, x=x, **{**given, **settings})


class Chain(nn.Module):
    """Neurons, a linear layer, neurons, a readout; currents are the inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.early, self.late = Spiking(IF()), Spiking(IF())
        self.middle, self.readout = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)
        self.middle.weight.data.copy_(torch.tensor([[1.0, 0.0], [0.0, 0.5]]))
        self.readout.weight.data.copy_(torch.tensor([[1.0, 0.0], [0.0, -1.0]]))

    def forward(self, x: Tensor) -> Tensor:
        spikes = self.early(x.expand(4, *x.shape))
        logits: Tensor = self.readout(time_mean(self.late(self.middle(spikes))))
        return logits
