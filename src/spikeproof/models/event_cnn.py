"""A convolutional spiking network for event recordings of 16 pixels and more."""

from __future__ import annotations

from torch import Tensor, nn

from spikeproof.base import SettingError
from spikeproof.data import Domain
from spikeproof.models.chain import TimeMean
from spikeproof.models.layers import OverTime, Stem, pool
from spikeproof.models.network import ModelSpec
from spikeproof.neurons import Spiking, time_mean

__all__ = ["EventCNN"]


class EventCNN(nn.Module):
    """Three convolutions, three spiking layers and a linear readout, for 34x34 and 32x32 pixels.

    The first convolution has 5x5 weights and stride 2, so that everything after it runs on a
    quarter of the places; pools of two follow the second and the third spiking layer. Logits are
    the mean over time of the readout.

    Args:
        spec: Width is the channels of the first convolution; the others have twice and four times
            as many.
        domain: The events or images it sees.
    """

    @staticmethod
    def check(spec: ModelSpec) -> None:
        """Refuse inputs that three halvings leave nothing of."""
        height, width = spec.domain.shape[-2:]
        if min(height, width) < 16:
            raise SettingError(
                f"cnn-events halves its inputs three times and needs 16 pixels a side; items are "
                f"{spec.domain.shape}. Use cnn-small."
            )

    def __init__(self, spec: ModelSpec, domain: Domain) -> None:
        super().__init__()
        channels, height, width = domain.shape[-3:]
        first, second, third = spec.width, 2 * spec.width, 4 * spec.width
        self.stem = Stem(
            spec,
            domain,
            nn.Conv2d(channels, first, 5, stride=2, padding=2, bias=False),
            nn.BatchNorm2d(first),
        )
        self.spikes_1 = Spiking(spec.neuron)
        self.block_2 = _block(first, second)
        self.spikes_2 = Spiking(spec.neuron)
        self.block_3 = OverTime(pool(spec.pooling, 2), *_block(second, third).layers)
        self.spikes_3 = Spiking(spec.neuron)
        self.pool = OverTime(pool(spec.pooling, 2))
        sides = [((side + 1) // 2) // 2 // 2 for side in (height, width)]
        self.readout = nn.Sequential(
            nn.Flatten(), nn.Linear(third * sides[0] * sides[1], spec.classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, K)``."""
        spikes = self.spikes_2(self.block_2(self.spikes_1(self.stem(x))))
        spikes = self.spikes_3(self.block_3(spikes))
        # The readout is linear, so the mean over time may come first.
        logits: Tensor = self.readout(time_mean(self.pool(spikes)))
        return logits

    def chain(self) -> tuple[nn.Module, ...]:
        """The same, layer by layer."""
        first = self.stem, self.spikes_1, self.block_2, self.spikes_2
        return *first, self.block_3, self.spikes_3, self.pool, TimeMean(), self.readout


def _block(before: int, after: int) -> OverTime:
    """A convolution and its normalisation."""
    return OverTime(nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after))
