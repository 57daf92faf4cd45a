"""Residual networks of spiking neurons: spikes added to spikes, or currents added to spikes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor, nn

from spikeproof.base import SettingError
from spikeproof.data import Domain
from spikeproof.models.layers import OverTime, Stem, pool
from spikeproof.models.network import ModelSpec
from spikeproof.models.norm import Norms
from spikeproof.neurons import Neuron, Spiking, time_mean

__all__ = ["SEWResNet", "SpikingResNet"]

# Blocks per stage, and whether a block is a bottleneck of three convolutions.
_DEPTHS = {
    "18": ((2, 2, 2, 2), False),
    "34": ((3, 4, 6, 3), False),
    "50": ((3, 4, 6, 3), True),
}


@dataclass(frozen=True, kw_only=True)
class _Size:
    """One residual block: channels in, inside and out, and the stride of its 3x3 convolution."""

    before: int
    inside: int
    after: int
    stride: int

    @property
    def same(self) -> bool:
        """Whether the shortcut can be the identity."""
        return self.before == self.after and self.stride == 1


def _sizes(spec: ModelSpec) -> list[_Size]:
    """All blocks of a network, in order."""
    blocks, bottleneck = _DEPTHS[spec.name.rpartition("-")[2]]
    sizes, before = [], spec.width
    for stage, count in enumerate(blocks):
        inside = spec.width * 2**stage
        after = 4 * inside if bottleneck else inside
        for place in range(count):
            stride = 2 if stage and not place else 1
            sizes.append(_Size(before=before, inside=inside, after=after, stride=stride))
            before = after
    return sizes


def _branch(size: _Size, neuron: Neuron, norms: Norms, scale: float) -> nn.Sequential:
    """The convolutions of a block, with neurons between them but not after the last."""
    plan = [(size.before, size.inside, 3, size.stride), (size.inside, size.after, 3, 1)]
    if size.inside != size.after:
        plan = [
            (size.before, size.inside, 1, 1),
            (size.inside, size.inside, 3, size.stride),
            (size.inside, size.after, 1, 1),
        ]
    layers: list[nn.Module] = []
    for place, (before, after, kernel, stride) in enumerate(plan):
        last = place == len(plan) - 1
        norm = norms.of_images(after, scale if last else 1.0)
        layers.append(OverTime(_conv(before, after, kernel, stride), norm))
        layers += [] if last else [Spiking(neuron)]
    return nn.Sequential(*layers)


def _conv(before: int, after: int, kernel: int, stride: int) -> nn.Module:
    return nn.Conv2d(before, after, kernel, stride=stride, padding=kernel // 2, bias=False)


class _SEWBlock(nn.Module):
    """Spikes of the branch plus spikes of the shortcut."""

    def __init__(self, size: _Size, neuron: Neuron, norms: Norms) -> None:
        super().__init__()
        self.branch = _branch(size, neuron, norms, 1.0)
        self.spikes = Spiking(neuron)
        self.shortcut: nn.Module = nn.Identity()
        if not size.same:
            projection = _conv(size.before, size.after, 1, size.stride)
            self.shortcut = nn.Sequential(
                OverTime(projection, norms.of_images(size.after)), Spiking(neuron)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Whole numbers ``(T, N, C, H, W)`` for the same."""
        out: Tensor = self.spikes(self.branch(x)) + self.shortcut(x)
        return out


class _SpikingBlock(nn.Module):
    """Spikes of the sum of the branch's currents and the shortcut."""

    def __init__(self, size: _Size, neuron: Neuron, norms: Norms) -> None:
        super().__init__()
        half = 1 / math.sqrt(2)
        self.branch = _branch(size, neuron, norms, half)
        self.shortcut: nn.Module = nn.Identity()
        if not size.same:
            projection = _conv(size.before, size.after, 1, size.stride)
            self.shortcut = OverTime(projection, norms.of_images(size.after, half))
        self.spikes = Spiking(neuron)

    def forward(self, x: Tensor) -> Tensor:
        """Spikes ``(T, N, C, H, W)`` for spikes."""
        out: Tensor = self.spikes(self.branch(x) + self.shortcut(x))
        return out


class _Residual(nn.Module):
    """Stem, four stages of residual blocks, mean over places and time, linear readout."""

    block: type[_SEWBlock] | type[_SpikingBlock]

    @staticmethod
    def check(spec: ModelSpec) -> None:
        """Refuse a choice of pooling where nothing is pooled."""
        if spec.pooling != "average" and spec.stem != "imagenet":
            raise SettingError(
                f"{spec.name} pools only in the stem 'imagenet'; with the stem {spec.stem!r} leave "
                "pooling at 'average'."
            )

    def __init__(self, spec: ModelSpec, domain: Domain) -> None:
        super().__init__()
        self.check(spec)
        large = spec.stem == "imagenet"
        norms = Norms.of(spec, domain)
        kernel, stride = (7, 2) if large else (3, 1)
        self.stem = Stem(
            spec,
            domain,
            _conv(domain.shape[-3], spec.width, kernel, stride),
            norms.first().of_images(spec.width),
        )
        self.spikes = Spiking(spec.neuron)
        self.pool = OverTime(pool(spec.pooling, 3, 2, 1)) if large else nn.Identity()
        sizes = _sizes(spec)
        self.blocks = nn.Sequential(*(self.block(size, spec.neuron, norms) for size in sizes))
        self.readout = nn.Linear(sizes[-1].after, spec.classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, K)``."""
        out = self.blocks(self.pool(self.spikes(self.stem(x))))
        # The readout is linear, so the mean over time may come first.
        logits: Tensor = self.readout(time_mean(out).mean((2, 3)))
        return logits


class SEWResNet(_Residual):
    r"""Spike-element-wise residual network, ADD: the spikes of branch and shortcut are added.

    .. math:: y = \mathrm{LIF}(F(x)) + x

    with :math:`F` two 3x3 convolutions (18, 34) or a bottleneck (50), each normalised, neurons
    between them. Where the shape changes the shortcut is a 1x1 convolution with neurons of its
    own. Activations are whole numbers that may exceed 1.

    Args:
        spec: Width is the channels of the first stage, 64 as published.
        domain: The images or events it sees.
    Raises:
        SettingError: max pooling with a stem that does not pool.
    Differs from the paper:
        The stem "cifar" is for small images, as in later work on them; the paper's is "imagenet",
        with max pooling.

    References:
        fang2021
        luu2025trail
    """

    block = _SEWBlock


class SpikingResNet(_Residual):
    r"""Residual network with neurons in place of rectifiers.

    .. math:: y = \mathrm{LIF}(F(x) + x)

    with :math:`F` and the shortcut as in ``SEWResNet``, but no neurons in the shortcut.

    Args:
        spec: Width is the channels of the first stage, 64 as published.
        domain: The images or events it sees.
    Raises:
        SettingError: max pooling with a stem that does not pool.
    Differs from the paper:
        It is the network the authors of SEW-ResNet compare with.

    References:
        fang2021
        he2016
        zheng2021
        luu2025trail
    """

    block = _SpikingBlock
