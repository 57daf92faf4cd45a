"""One network, written for every library: the same weights, the same neurons, the same surrogate.

Two convolution-free layers of LIF neurons over a repeated item: leak .5, threshold 1, hard reset,
arctan of sharpness 2, and a linear readout of the mean spikes.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from spikeproof.neurons import LIF, Spiking, Surrogate

STEPS, SHARPNESS = 4, 2.0
SIZES = (64, 48, 32, 10)


def weights() -> dict[str, Tensor]:
    """Of three linear layers."""
    generator = torch.Generator().manual_seed(3)
    made = {}
    for number, (k, m) in enumerate(pairwise(SIZES), start=1):
        made[f"fc{number}.weight"] = torch.randn(m, k, generator=generator) * (2.0 / k) ** 0.5
        made[f"fc{number}.bias"] = torch.randn(m, generator=generator) * 0.2 + 0.1
    return made


class Stack(nn.Module):
    """Three linear layers; neurons stand between them."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2, self.fc3 = (nn.Linear(k, m) for k, m in pairwise(SIZES))

    @classmethod
    def made(cls, **more: Any) -> Any:
        """With the weights in it."""
        net = cls(**more)
        net.load_state_dict(weights(), strict=False)
        return net


class Ours(Stack):
    """Neurons of spikeproof."""

    def __init__(self, detach: bool = False) -> None:
        super().__init__()
        neuron = LIF(leak=0.5, surrogate=Surrogate("arctan", SHARPNESS), detach_reset=detach)
        self.spikes1, self.spikes2 = Spiking(neuron), Spiking(neuron)

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1).expand(STEPS, -1, -1)
        out: Tensor = self.fc3(self.spikes2(self.fc2(self.spikes1(self.fc1(x)))).mean(0))
        return out
