"""What the tests of several attacks ask: a small network, its own labels, what stopping saves."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from spikeproof.attacks import Attack
from spikeproof.base import seeds
from spikeproof.data import Domain
from spikeproof.oracle import Oracle
from spikeproof.threats import Misclassification, Threat

REAL = Domain.unbounded((40,))
BOX = Domain(kind="audio", shape=(40,), low=-1.0)


class Net(nn.Module):
    """A random smooth network of four classes, float64."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.a = nn.Parameter(torch.randn(24, 40, generator=generator, dtype=torch.float64) / 4)
        self.b = nn.Parameter(torch.randn(4, 24, generator=generator, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        return torch.tanh(x.flatten(1) @ self.a.T) @ self.b.T


def items(n: int = 16) -> Tensor:
    """Items inside the box."""
    return torch.rand(n, 40, dtype=torch.float64) - 0.5


def answers(model: nn.Module, x: Tensor) -> Tensor:
    """What the model says of the clean items."""
    with Oracle(model) as oracle:
        return oracle.logits(x).argmax(1)


def attacked(
    attack: Attack, model: nn.Module, x: Tensor, goal: Misclassification, threat: Threat
) -> Tensor:
    """The attack with the seeds of items 0, 1, 2, ..."""
    with Oracle(model) as oracle:
        return attack(oracle, x, goal, threat, seeds=seeds(0, n=len(x)))


def settled_answers(model: nn.Module, x: Tensor, *, wrong: int) -> Tensor:
    """The answers of a network whose statistics ``x`` has settled, every ``wrong``-th changed."""
    for _ in range(40):  # without settled statistics no neuron would fire
        model(x)
    with Oracle(model) as oracle:
        logits = oracle.logits(x)
    y = logits.argmax(1)
    y[::wrong] = (y[::wrong] + 1) % logits.shape[1]
    return y


def check_stopping(
    attack: Attack, model: nn.Module, x: Tensor, goal: Misclassification, threat: Threat
) -> None:
    """Leaving won items alone saves passes and changes no verdict."""
    won, backward = [], []
    for stop in (False, True):
        with Oracle(model) as oracle:
            x_adv = replace(attack, stop=stop)(oracle, x, goal, threat, seeds=seeds(0, n=len(x)))
            backward.append(oracle.passes.backward)
            won.append(goal.margin(oracle.logits(x_adv)) > 0)
    assert torch.equal(*won)
    assert won[0].any() and not won[0].all()
    assert backward[1] < backward[0]
