"""Wide residual network with neurons before the convolutions and learned shares of the branches."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spikeproof.data import Domain
from spikeproof.models.layers import OverTime, Stem
from spikeproof.models.network import ModelSpec
from spikeproof.models.norm import Norms
from spikeproof.neurons import Neuron, Spiking, time_mean

__all__ = ["WRN", "ConvexCombination"]

_BLOCKS = 2  # per stage: 16 = 6 * 2 + 4 layers
_WIDER = 4


class ConvexCombination(nn.Module):
    r"""Mix tensors of one shape with learned shares that are positive and sum to 1.

    .. math:: y = \sum_i \mathrm{softmax}(a)_i\, x_i, \quad a = 0 \text{ at the start}

    Args:
        parts: How many tensors.
    Example:
        >>> ConvexCombination(2)(torch.tensor([1.0]), torch.tensor([3.0])).tolist()
        [2.0]

    References:
        liu2024sparse
    """

    def __init__(self, parts: int) -> None:
        super().__init__()
        self.scores = nn.Parameter(torch.zeros(parts))

    def forward(self, *parts: Tensor) -> Tensor:
        """The mixture, shaped like each part."""
        shares = self.scores.softmax(0)
        mixed = shares[0] * parts[0]
        for share, part in zip(shares[1:], parts[1:], strict=True):
            mixed = mixed + share * part
        return mixed


class _Block(nn.Module):
    """Norm, neurons, convolution, twice; mixed with the shortcut.

    Where the shape changes, branch and shortcut both read the first neurons' spikes.
    """

    def __init__(
        self, first: nn.Module, neuron: Neuron, norms: Norms, size: tuple[int, int, int]
    ) -> None:
        super().__init__()
        before, after, stride = size
        self.first = first
        self.branch = nn.Sequential(
            OverTime(_conv(before, after, 3, stride), norms.of_images(after)),
            Spiking(neuron),
            OverTime(_conv(after, after, 3, 1)),
        )
        same = before == after and stride == 1
        self.shortcut = None if same else OverTime(_conv(before, after, 1, stride))
        self.mix = ConvexCombination(2)

    def forward(self, x: Tensor) -> Tensor:
        """Currents ``(T, N, C, H, W)`` for currents."""
        spikes = self.first(x)
        mixed: Tensor = self.mix(
            self.branch(spikes), x if self.shortcut is None else self.shortcut(spikes)
        )
        return mixed


def _conv(before: int, after: int, kernel: int, stride: int) -> nn.Module:
    return nn.Conv2d(before, after, kernel, stride=stride, padding=kernel // 2, bias=False)


class WRN(nn.Module):
    """WRN-16-4: pre-activation blocks, two in each of three stages.

    The residual stream carries currents. A block adds its branch and its shortcut with learned
    shares, one half each at the start (``ConvexCombination``). After the last block come
    normalisation, neurons, an average over places, and a linear readout; logits are its mean over
    time.

    Args:
        spec: Width is the channels of the stem, 16 as published; the stages have 4, 8 and 16
            times as many.
        domain: The images or events it sees.
    Differs from the paper:
        The final pool is 8x8, all of what is left of 32x32 images; here it is all of what is left
        of any size. Shares are a softmax, so that they stay convex. There is no dropout.

    References:
        zagoruyko2016
        liu2024sparse
    """

    def __init__(self, spec: ModelSpec, domain: Domain) -> None:
        super().__init__()
        norms, neuron = Norms.of(spec, domain), spec.neuron
        before = spec.width
        # The first block's norm stands in the stem: nothing but that block reads the stem, and a
        # direct-coded image passes through both once.
        self.stem = Stem(
            spec,
            domain,
            _conv(domain.shape[-3], before, 3, 1),
            norms.first().of_images(before),
        )
        blocks: list[nn.Module] = []
        for stage in range(3):
            for place in range(_BLOCKS):
                after = spec.width * _WIDER * 2**stage
                first = nn.Sequential(OverTime(norms.of_images(before)), Spiking(neuron))
                size = (before, after, 2 if stage and not place else 1)
                blocks.append(_Block(first if blocks else Spiking(neuron), neuron, norms, size))
                before = after
        self.blocks = nn.Sequential(*blocks)
        self.last = nn.Sequential(OverTime(norms.of_images(before)), Spiking(neuron))
        self.readout = nn.Linear(before, spec.classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, K)``."""
        spikes = self.last(self.blocks(self.stem(x)))
        # The readout is linear, so the mean over time may come first.
        logits: Tensor = self.readout(time_mean(spikes).mean((2, 3)))
        return logits
