"""A recurrent network for spike trains and event streams."""

from __future__ import annotations

from torch import Tensor, nn

from spikeproof.data import Domain
from spikeproof.models.layers import OverTime, Stem
from spikeproof.models.network import ModelSpec
from spikeproof.models.norm import Norms
from spikeproof.neurons import Readout, Recurrent, time_mean

__all__ = ["DeepRecurrentNetwork", "RecurrentNetwork"]


class RecurrentNetwork(nn.Module):
    """One layer of recurrent spiking neurons between two linear layers.

    Events are flattened step by step. Their current is linear with bias and normalised; the
    layer's own spikes of the step before are added through a learned matrix. Logits are the mean
    over time of the readout.

    Args:
        spec: Width is the recurrent neurons.
        domain: Events of any shape with time first, ``(T, C, H, W)`` or ``(T, K)``.

    References:
        cramer2022
    """

    @staticmethod
    def check(spec: ModelSpec) -> None:
        """Refuse a neuron that cannot receive its own spikes."""
        Recurrent.check(spec.neuron)

    def __init__(self, spec: ModelSpec, domain: Domain) -> None:
        super().__init__()
        norms, width = Norms.of(spec, domain), spec.width
        self.stem = Stem(
            spec,
            domain,
            nn.Flatten(),
            nn.Linear(domain.size // domain.shape[0], width),
            norms.first().of_vectors(width),
        )
        self.spikes = Recurrent(spec.neuron, width)
        self.readout = nn.Linear(width, spec.classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, K)`` for events ``(N, T, ...)``."""
        # The readout is linear, so the mean over time may come first.
        logits: Tensor = self.readout(time_mean(self.spikes(self.stem(x))))
        return logits


class DeepRecurrentNetwork(nn.Module):
    """Two layers of recurrent spiking neurons and a leaky readout of which the largest is taken.

    Made for spikes of an artificial cochlea, such as 700 lines of spoken digits, where a word says
    which it is at some time and not on average.

    Args:
        spec: Width is the recurrent neurons of each layer.
        domain: Events of any shape with time first, ``(T, C, H, W)`` or ``(T, K)``.
    Differs from the paper:
        Currents are normalised, and there are two layers where the paper has one.

    References:
        cramer2022
    """

    @staticmethod
    def check(spec: ModelSpec) -> None:
        """Refuse a neuron that cannot receive its own spikes."""
        Recurrent.check(spec.neuron)

    def __init__(self, spec: ModelSpec, domain: Domain) -> None:
        super().__init__()
        norms, width = Norms.of(spec, domain), spec.width
        each = domain.size // domain.shape[0]
        first = nn.Linear(each, width)
        self.stem = Stem(spec, domain, nn.Flatten(), first, norms.first().of_vectors(width))
        self.spikes_1 = Recurrent(spec.neuron, width)
        self.between = OverTime(nn.Linear(width, width, bias=False), norms.of_vectors(width))
        self.spikes_2 = Recurrent(spec.neuron, width)
        self.readout = OverTime(nn.Linear(width, spec.classes))
        self.largest = Readout("max", leak=0.9)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, K)`` for events ``(N, T, ...)``."""
        spikes = self.spikes_2(self.between(self.spikes_1(self.stem(x))))
        logits: Tensor = self.largest(self.readout(spikes))
        return logits
