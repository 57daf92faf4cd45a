"""Restarts are independent of each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from spikeproof.attacks import Restarts
from spikeproof.base import seeds
from spikeproof.data import Domain
from spikeproof.neurons import LIF, NoisyLIF, Spiking
from spikeproof.oracle import ASSG, Oracle
from spikeproof.threats import Linf, Misclassification, Threat


class Net(nn.Module):
    """Currents of a linear layer into neurons, whose rates are the logits."""

    def __init__(self, neuron: Any) -> None:
        super().__init__()
        self.first, self.spikes = nn.Linear(3, 2), Spiking(neuron)
        self.first.weight.data.copy_(torch.tensor([[0.7, -0.4, 0.2], [-0.3, 0.5, 0.6]]))
        self.first.bias.data.zero_()

    def forward(self, x: Tensor) -> Tensor:
        current = self.first(x)
        rates: Tensor = self.spikes(current.expand(4, *current.shape)).mean(0)
        return rates


@dataclass(frozen=True)
class Ask:
    """Asks for three gradients at the same place, and keeps them."""

    seen: list[Tensor]

    def __call__(
        self, oracle: Any, x: Tensor, goal: Any, threat: Any, *, seeds: Any, start: Any = None
    ) -> Tensor:
        self.seen.append(torch.stack([oracle.logits_and_grad(x, goal.score)[1] for _ in range(3)]))
        return x


@pytest.mark.parametrize("draws", [False, True], ids=["deterministic", "noisy"])
def test_what_a_path_remembers_ends_with_a_run_and_draws_go_on(draws: bool) -> None:
    x, y = torch.tensor([[0.9, 0.2, 0.4], [0.1, 0.8, 0.7]]), torch.tensor([0, 1])
    threat = Threat(Linf(), 0.1, Domain(kind="audio", shape=(3,)))
    seen: list[Tensor] = []
    net = Net(NoisyLIF(noise=0.4) if draws else LIF(leak=0.5))
    with Oracle(net, gradient=ASSG()) as oracle:
        attack = Restarts(attack=Ask(seen), times=2)
        attack(oracle, x, Misclassification(y), threat, seeds=seeds(0, n=2))
    first, second = seen
    assert not torch.equal(first[0], first[2]), "within a run the path adapts"
    assert torch.equal(first, second) != draws
