"""Layers shared by the networks: time-distributed modules, direct coding, the filter bank."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

__all__ = ["FilterBank", "OverTime", "direct"]


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
