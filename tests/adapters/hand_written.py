"""Networks as their users write them, small: spikes by hand, states in every place."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from spikeproof.neurons import LIF, Spiking, Surrogate

STEPS, SHARPNESS = 4, 2.0


class Spike(torch.autograd.Function):
    """A step at a threshold that is an argument, with the derivative of an arctan."""

    @staticmethod
    def forward(ctx: Any, v: Tensor, threshold: float) -> Tensor:
        ctx.save_for_backward(v)
        ctx.threshold = threshold
        return (v >= threshold).to(v.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (v,) = ctx.saved_tensors
        u = v - ctx.threshold
        return grads[0] * (SHARPNESS / 2) / (1 + (math.pi / 2 * SHARPNESS * u) ** 2), None


class Apart(torch.autograd.Function):
    """The same at 0, in the style without a context in forward."""

    @staticmethod
    def forward(v: Tensor) -> Tensor:
        return (v > 0).to(v.dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(inputs[0])

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (u,) = ctx.saved_tensors
        return grads[0] * (SHARPNESS / 2) / (1 + (math.pi / 2 * SHARPNESS * u) ** 2)


fire = Spike.apply  # held from before anybody adapts anything, as most code does


class Stack(nn.Module):
    """Two linear layers; the same weights every time."""

    def __init__(self, hidden: int = 12, classes: int = 3) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(2)
            self.fc1, self.fc2 = nn.Linear(6, hidden), nn.Linear(hidden, classes)
            nn.init.normal_(self.fc1.weight, std=0.7)
            nn.init.uniform_(self.fc1.bias, 0.0, 0.6)


class Hand(Stack):
    """LIF neurons in a loop, membranes in variables."""

    def forward(self, x: Tensor) -> Tensor:
        v, total = torch.zeros(1), torch.zeros(1)
        for _ in range(STEPS):
            v = 0.5 * v + self.fc1(x.flatten(1))
            spikes = fire(v, 1.0)
            v = v * (1 - spikes)
            total = total + self.fc2(spikes)
        return total / STEPS


class HandApart(Stack):
    """The same through the other style of function."""

    def forward(self, x: Tensor) -> Tensor:
        v, total = torch.zeros(1), torch.zeros(1)
        for _ in range(STEPS):
            v = 0.5 * v + self.fc1(x.flatten(1))
            spikes = Apart.apply(v - 1)  # type: ignore[no-untyped-call]
            v = v * (1 - spikes)
            total = total + self.fc2(spikes)
        return total / STEPS


class Ours(Stack):
    """The same with a layer of spikeproof."""

    def __init__(self) -> None:
        super().__init__()
        self.spikes = Spiking(LIF(leak=0.5, surrogate=Surrogate("arctan", SHARPNESS)))

    def forward(self, x: Tensor) -> Tensor:
        currents = self.fc1(x.flatten(1)).expand(STEPS, -1, -1)
        out: Tensor = self.fc2(self.spikes(currents).mean(0))
        return out


class Neuron(nn.Module):
    """One step a call, its membrane kept as an attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.v: Any = 0.0

    def forward(self, x: Tensor) -> Tensor:
        self.v = 0.5 * self.v + x
        spikes: Tensor = fire(self.v, 1.0)
        self.v = self.v * (1 - spikes)
        return spikes


class Stepwise(Stack):
    """A network of one step a call, which its user resets, loops and averages."""

    def __init__(self) -> None:
        super().__init__()
        self.neuron = Neuron()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc2(self.neuron(self.fc1(x.flatten(1))))
        return out


class TimeFirst(Stack):
    """Wants ``(T, N, ...)`` and answers per step."""

    def forward(self, x: Tensor) -> Tensor:
        v, answers = torch.zeros(1), []
        for current in x:
            v = 0.5 * v + self.fc1(current)
            spikes = fire(v, 1.0)
            v = v * (1 - spikes)
            answers.append(self.fc2(spikes))
        return torch.stack(answers)


class Leaking(Stack):
    """Adds to a membrane that nobody resets: no two calls agree."""

    def __init__(self) -> None:
        super().__init__()
        self.v: Any = 0.0

    def forward(self, x: Tensor) -> Tensor:
        self.v = self.v + self.fc1(x.flatten(1)).mean()
        out: Tensor = self.fc2(self.fc1(x.flatten(1)) * (self.v + 1))
        return out


def items(n: int = 5) -> Tensor:
    """A batch of items in [0, 1]."""
    return torch.rand(n, 6, generator=torch.Generator().manual_seed(4))
