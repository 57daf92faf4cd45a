"""A small convolutional spiking network for images and event frames."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spikeproof.data import Domain
from spikeproof.models.encode import Direct
from spikeproof.models.layers import OverTime, direct
from spikeproof.models.network import ModelSpec
from spikeproof.neurons import Spiking

__all__ = ["SmallCNN"]


class SmallCNN(nn.Module):
    """Two convolutions, two spiking layers, average pooling and a linear readout.

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
        self.has_time = len(domain.shape) == 4
        self.timesteps = spec.timesteps
        self.encoder = spec.encoder
        self.stem = nn.Sequential(
            nn.Conv2d(channels, first, 3, padding=1, bias=False), nn.BatchNorm2d(first)
        )
        self.spikes_1 = Spiking(spec.neuron)
        pool = [nn.AvgPool2d(2)] if pools == 2 else []
        self.block = OverTime(
            *pool, nn.Conv2d(first, second, 3, padding=1, bias=False), nn.BatchNorm2d(second)
        )
        self.spikes_2 = Spiking(spec.neuron)
        flat = second * (height // 2**pools) * (width // 2**pools)
        self.readout = nn.Sequential(nn.AvgPool2d(2), nn.Flatten(), nn.Linear(flat, spec.classes))

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, K)``."""
        if self.has_time:
            # Time-major from here on: the neurons' loop walks the first axis.
            current = self._per_step(x.transpose(0, 1))
        elif isinstance(self.encoder, Direct):
            current = direct(self.stem(x), self.timesteps)
        else:
            # A training term may probe just outside the box, where a code is saturated.
            current = self._per_step(self.encoder(x.clamp(0, 1), self.timesteps))
        spikes = self.spikes_2(self.block(self.spikes_1(current)))
        # The readout is linear, so the mean over time may come first: the same logits, T times
        # cheaper.
        logits: Tensor = self.readout(spikes.mean(0))
        return logits

    def _per_step(self, x: Tensor) -> Tensor:
        """The stem at every step, ``(T, N, C, H, W)`` to ``(T, N, width, H, W)``."""
        # Channels last: the input gradient of a convolution with two channels runs 4x faster.
        frames = x.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        current: Tensor = self.stem(frames)
        return current.reshape(*x.shape[:2], *current.shape[1:])
