"""VGG networks of spiking neurons: plain stacks of convolutions, and hidden linear layers."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from spikeproof.base import SettingError
from spikeproof.data import Domain
from spikeproof.models.chain import TimeMean
from spikeproof.models.layers import OverTime, Stem, pool
from spikeproof.models.network import ModelSpec
from spikeproof.models.norm import Norms
from spikeproof.neurons import Spiking, time_mean

__all__ = ["VGG"]


@dataclass(frozen=True, kw_only=True)
class _Table:
    """Channels of the convolutions, group by group, and sizes of the hidden linear layers.

    After each of the first ``pools`` groups the images are halved.
    """

    groups: tuple[tuple[int, ...], ...]
    pools: int
    hidden: tuple[int, ...]


_PUBLISHED_WIDTH = 64
_TABLES = {
    "vgg-5": _Table(groups=((64,), (128, 128)), pools=2, hidden=(1024,)),
    "vgg-9": _Table(groups=((64, 64), (128, 128), (256, 256, 256)), pools=3, hidden=(1024,)),
    "vgg-11": _Table(
        groups=((64,), (128, 256), (512, 512, 512), (512, 512)), pools=3, hidden=(4096, 4096)
    ),
    "vgg-13": _Table(
        groups=((64, 64), (128, 128), (256, 256), (512, 512), (512, 512)),
        pools=5,
        hidden=(4096, 4096),
    ),
    "vgg-16": _Table(
        groups=((64, 64), (128, 128), (256,) * 3, (512,) * 3, (512,) * 3),
        pools=5,
        hidden=(4096, 4096),
    ),
}


class VGG(nn.Module):
    """Convolutions, each normalised and spiking, pooled between groups; spiking linear layers.

    Logits are the mean over time of a linear readout without neurons. In the tables a number is a
    3x3 convolution with bias, batch normalisation and neurons, ``A`` halves the image, and what
    follows the bar are linear layers with neurons, without normalisation:

    - ``vgg-5``: ``64 A 128 128 A | 1024``
    - ``vgg-9``: ``64 64 A 128 128 A 256 256 256 A | 1024``
    - ``vgg-11``: ``64 A 128 256 A 512 512 512 A 512 512 | 4096 4096``
    - ``vgg-13``: ``64 64 A 128 128 A 256 256 A 512 512 A 512 512 A | 4096 4096``
    - ``vgg-16``: ``64 64 A 128 128 A 256 256 256 A 512 512 512 A 512 512 512 A | 4096 4096``

    ``vgg-11`` is the network of the work on sparse gradients, which differs from configuration A
    of the VGG paper. ``vgg-13`` and ``vgg-16`` are its configurations B and D; ``vgg-5`` and
    ``vgg-9`` follow the short tables common for directly trained networks, with one hidden linear
    layer so that the name counts the layers with weights.

    Args:
        spec: Width is the channels of the first convolution, 64 as published; all other sizes
            scale along.
        domain: The images or events it sees.
    Raises:
        SettingError: images too small to be halved that often.
    Differs from the paper:
        There is no dropout. Hidden linear layers start from normal weights of variance 2 / inputs
        and zero bias, without which deeper layers hardly fire.

    References:
        liu2024sparse
        simonyan2015
        kim2021
    """

    @staticmethod
    def check(spec: ModelSpec) -> None:
        """Refuse images that would be halved to nothing."""
        pools = _TABLES[spec.name].pools
        height, width = spec.domain.shape[-2:]
        if min(height, width) >> pools == 0:
            raise SettingError(
                f"{spec.name} halves its images {pools} times and needs at least {2**pools} x "
                f"{2**pools} pixels; got {height} x {width}. Use a shorter VGG, or cnn-small."
            )

    def __init__(self, spec: ModelSpec, domain: Domain) -> None:
        super().__init__()
        table = _TABLES[spec.name]
        channels, height, width = domain.shape[-3:]
        self.check(spec)
        norms = Norms.of(spec, domain)
        sizes = [_scaled(size, spec) for group in table.groups for size in group]
        halved = _halved_before(table)
        self.stem = Stem(spec, domain, _conv(channels, sizes[0]), norms.first().of_images(sizes[0]))
        layers: list[nn.Module] = [Spiking(spec.neuron)]
        for place in range(1, len(sizes)):
            before, after = sizes[place - 1 : place + 1]
            pools = [pool(spec.pooling, 2)] if place in halved else []
            layers += [
                OverTime(*pools, _conv(before, after), norms.of_images(after)),
                Spiking(spec.neuron),
            ]
        last = [pool(spec.pooling, 2)] if len(sizes) in halved else []
        layers.append(OverTime(*last, nn.Flatten()))
        flat = sizes[-1] * (height >> table.pools) * (width >> table.pools)
        for size in table.hidden:
            layers += [OverTime(_hidden(flat, _scaled(size, spec))), Spiking(spec.neuron)]
            flat = _scaled(size, spec)
        self.layers = nn.Sequential(*layers)
        self.readout = nn.Linear(flat, spec.classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, K)``."""
        # The readout is linear, so the mean over time may come first.
        logits: Tensor = self.readout(time_mean(self.layers(self.stem(x))))
        return logits

    def chain(self) -> tuple[nn.Module, ...]:
        """The same, layer by layer."""
        return self.stem, self.layers, TimeMean(), self.readout


def _scaled(size: int, spec: ModelSpec) -> int:
    """A published size at another width, rounded down, at least 1."""
    return max(1, size * spec.width // _PUBLISHED_WIDTH)


def _halved_before(table: _Table) -> set[int]:
    """Numbers of the convolutions before which images are halved, counted from 0."""
    ends = [sum(map(len, table.groups[: i + 1])) for i in range(len(table.groups))]
    return set(ends[: table.pools])


def _conv(before: int, after: int) -> nn.Module:
    return nn.Conv2d(before, after, 3, padding=1)


def _hidden(before: int, after: int) -> nn.Module:
    """A linear layer whose currents are as large as the rate of the spikes it reads."""
    layer = nn.Linear(before, after)
    nn.init.kaiming_normal_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
