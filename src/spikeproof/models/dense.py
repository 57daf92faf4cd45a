"""A network of linear layers on flattened inputs."""

from __future__ import annotations

from torch import Tensor, nn

from spikeproof.data import Domain
from spikeproof.models.chain import TimeMean
from spikeproof.models.layers import OverTime, Stem
from spikeproof.models.network import ModelSpec
from spikeproof.models.norm import Norms
from spikeproof.neurons import Spiking, time_mean

__all__ = ["Dense"]


class Dense(nn.Module):
    """Two hidden layers of spiking neurons and a linear readout.

    Each hidden layer is linear with bias, normalised, and spikes. Images are flattened and
    direct-coded; events are flattened step by step. Logits are the mean over time of the readout.

    Args:
        spec: Width is the neurons of each hidden layer.
        domain: The images or events it sees.
    """

    def __init__(self, spec: ModelSpec, domain: Domain) -> None:
        super().__init__()
        norms, width = Norms.of(spec, domain), spec.width
        inputs = domain.size // (domain.shape[0] if domain.timed else 1)
        self.stem = Stem(
            spec,
            domain,
            nn.Flatten(),
            nn.Linear(inputs, width),
            norms.first().of_vectors(width),
        )
        self.layers = nn.Sequential(
            Spiking(spec.neuron),
            OverTime(nn.Linear(width, width), norms.of_vectors(width)),
            Spiking(spec.neuron),
        )
        self.readout = nn.Linear(width, spec.classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, K)``."""
        # The readout is linear, so the mean over time may come first.
        logits: Tensor = self.readout(time_mean(self.layers(self.stem(x))))
        return logits

    def chain(self) -> tuple[nn.Module, ...]:
        """The same, layer by layer."""
        return self.stem, self.layers, TimeMean(), self.readout
