"""One neuron whose trace and chain rule are computed by hand."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spikeproof.neurons import LIF, Neuron, Spiking
from spikeproof.oracle import GradientRule, Oracle

WEIGHTS = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
# Leak .5: u = .75 | .375 + .5 = .875 | .4375 + 1 = 1.4375 fires.
CURRENTS = torch.tensor([[0.75, 0.5, 1.0]], dtype=torch.float64)
ABOVE = [-0.25, -0.125, 0.4375]
SPIKES = [0.0, 0.0, 1.0]


class One(nn.Module):
    """One neuron per item: currents over time in, its spikes out as logits."""

    def __init__(self, neuron: Neuron | None = None) -> None:
        super().__init__()
        self.spikes = Spiking(neuron or LIF(leak=0.5))

    def forward(self, x: Tensor) -> Tensor:
        spikes: Tensor = self.spikes(x.T.unsqueeze(2))
        return spikes.squeeze(2).T


def weighted(logits: Tensor) -> Tensor:
    """A different slope at every step."""
    return (WEIGHTS[: logits.shape[1]] * logits).sum(1)


def gradient(
    gradient: GradientRule | None, x: Tensor = CURRENTS, neuron: Neuron | None = None
) -> list[float]:
    """Through a fresh oracle."""
    with Oracle(One(neuron), gradient=gradient) as oracle:
        grad: list[float] = oracle.logits_and_grad(x, weighted)[1][0].tolist()
    return grad


def unrolled(slopes: list[float]) -> list[float]:
    """Chain rule through time by hand: leak .5, hard reset that is not detached, threshold 1."""
    later, grads = 0.0, []
    for u, h, s, w in reversed(list(zip(ABOVE, slopes, SPIKES, WEIGHTS.tolist(), strict=True))):
        here = w * h + later * (1 - s - (u + 1) * h)
        grads.append(here)
        later = 0.5 * here
    return grads[::-1]
