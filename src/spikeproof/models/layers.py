"""Layers shared by the networks: time-distributed modules, direct coding, the filter bank."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from spikeproof.data import Domain

__all__ = ["FilterBank", "OverTime", "Stem", "direct", "pool"]


def direct(current: Tensor, timesteps: int) -> Tensor:
    """Direct coding: the same current at every step, ``(N, ...)`` to ``(T, N, ...)``.

    It is applied after the first linear layer and its normalisation, which therefore run once
    instead of T times; the result is the same.
    """
    return current.expand(timesteps, *current.shape)


class OverTime(nn.Module):
    """Apply stateless layers to every time step at once, ``(T, N, ...)`` to ``(T, N, ...)``."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Merge time into the batch, apply, and split again."""
        out: Tensor = self.layers(x.flatten(0, 1))
        return out.reshape(*x.shape[:2], *out.shape[1:])


class Stem(nn.Module):
    """The first stateless layers: from raw images or events to currents ``(T, N, ...)``.

    An image passes through them once and is direct-coded after them; event frames bring their own
    time axis.

    Args:
        domain: Images ``(C, H, W)``, or events with time first.
        timesteps: How long an image is shown.
        layers: Applied to images, or to every frame.
    """

    def __init__(self, domain: Domain, timesteps: int, *layers: nn.Module) -> None:
        super().__init__()
        self.has_time = domain.kind == "events"
        self.timesteps = timesteps
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Currents ``(T, N, ...)`` for raw inputs ``(N, ...)``."""
        if not self.has_time:
            return direct(self.layers(x), self.timesteps)
        steps_first = x.transpose(0, 1)
        frames = steps_first.flatten(0, 1)
        if isinstance(self.layers[0], nn.Conv2d):
            # Channels last: the input gradient of a convolution with two channels runs 4x faster.
            frames = frames.contiguous(memory_format=torch.channels_last)
        current: Tensor = self.layers(frames)
        return current.reshape(*steps_first.shape[:2], *current.shape[1:])


def pool(kind: str, size: int, stride: int | None = None, padding: int = 0) -> nn.Module:
    """Average or max pooling of images; ``kind`` is the specification's ``pooling``."""
    layer = nn.MaxPool2d if kind == "max" else nn.AvgPool2d
    return layer(size, stride, padding)


class FilterBank(nn.Module):
    r"""Band energies of a waveform over time: the differentiable front end for audio.

    .. math:: e_b[m] = \log\Big(1 + g \sum_{c \in \{\cos, \sin\}}
              \Big(\sum_k w_k\, c(2\pi f_b k / r)\, x[mh + k]\Big)^2\Big)

    A Hann window :math:`w` of ``window`` samples moves by ``hop`` samples; the bands
    :math:`f_b` are spaced evenly on a logarithmic axis. Nothing in it is learned, and gradients
    reach the samples exactly.

    Args:
        bands: How many.
        low_hz: Centre of the lowest band.
        high_hz: Centre of the highest band.
        rate_hz: Sampling rate.
        window: Samples under the window.
        hop: Samples between windows.
        gain: Scale of the energy before the logarithm.
    """

    kernels: Tensor

    def __init__(
        self,
        *,
        bands: int = 32,
        low_hz: float = 600.0,
        high_hz: float = 1800.0,
        rate_hz: float = 8000.0,
        window: int = 240,
        hop: int = 80,
        gain: float = 1000.0,
    ) -> None:
        super().__init__()
        self.hop, self.gain, self.bands = hop, gain, bands
        k = torch.arange(window, dtype=torch.float64)
        hz = torch.logspace(math.log10(low_hz), math.log10(high_hz), bands, dtype=torch.float64)
        phase = 2 * math.pi * hz[:, None] * k / rate_hz
        hann = torch.hann_window(window, periodic=False, dtype=torch.float64)
        waves = torch.cat([torch.cos(phase), torch.sin(phase)]) * hann * (2 / hann.sum())
        self.register_buffer("kernels", waves.T.float().contiguous(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Log band energies ``(N, bands, M)`` of waveforms ``(N, L)``."""
        # Frames times a matrix: its input gradient is 4x faster than a strided convolution's.
        waves = x.unfold(1, len(self.kernels), self.hop) @ self.kernels.to(x.dtype)
        cosine, sine = waves[..., : self.bands], waves[..., self.bands :]
        return torch.log1p(self.gain * (cosine.square() + sine.square())).transpose(1, 2)
