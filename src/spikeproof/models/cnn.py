"""A small convolutional spiking network for images and event frames."""

from __future__ import annotations

from torch import Tensor, nn

from spikeproof.data import Domain
from spikeproof.models.chain import TimeMean
from spikeproof.models.layers import OverTime, Stem, pool
from spikeproof.models.network import ModelSpec
from spikeproof.neurons import Spiking, time_mean

__all__ = ["SmallCNN"]


class SmallCNN(nn.Module):
    """Two convolutions, two spiking layers, pooling and a linear readout.

    Logits are the mean over time of the readout. Images pass the specification's encoder; event
    frames bring their own time axis. Inputs of 12 pixels and more are pooled after each
    convolution, smaller ones after the second only.

    Args:
        spec: Width is the channels of the first convolution; the second has twice as many.
        domain: The images or events it sees (a view, in a fusion network).
    """

    def __init__(self, spec: ModelSpec, domain: Domain) -> None:
        super().__init__()
        channels, height, width = domain.shape[-3:]
        pools = 2 if min(height, width) >= 12 else 1
        first, second = spec.width, 2 * spec.width
        self.stem = Stem(
            spec,
            domain,
            nn.Conv2d(channels, first, 3, padding=1, bias=False),
            nn.BatchNorm2d(first),
        )
        self.spikes_1 = Spiking(spec.neuron)
        between = [pool(spec.pooling, 2)] if pools == 2 else []
        self.block = OverTime(
            *between, nn.Conv2d(first, second, 3, padding=1, bias=False), nn.BatchNorm2d(second)
        )
        self.spikes_2 = Spiking(spec.neuron)
        flat = second * (height // 2**pools) * (width // 2**pools)
        # Averages over pixels and over time may change places, maxima may not.
        linear = spec.pooling == "average"
        # After the mean over time these are no spikes any more, so torch's own pooling serves.
        last = nn.AvgPool2d(2) if linear else pool(spec.pooling, 2)
        self.per_step = nn.Identity() if linear else OverTime(last)
        self.readout = nn.Sequential(
            last if linear else nn.Identity(), nn.Flatten(), nn.Linear(flat, spec.classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, K)``."""
        spikes = self.spikes_2(self.block(self.spikes_1(self.stem(x))))
        # The readout is linear, so the mean over time may come first: the same logits, T times
        # cheaper.
        logits: Tensor = self.readout(time_mean(self.per_step(spikes)))
        return logits

    def chain(self) -> tuple[nn.Module, ...]:
        """The same, layer by layer."""
        first = self.stem, self.spikes_1, self.block, self.spikes_2
        return *first, self.per_step, TimeMean(), self.readout
