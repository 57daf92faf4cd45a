"""Layers shared by the networks: time-distributed modules, direct coding, the filter bank."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn

from spikeproof.data import Domain
from spikeproof.models.encode import Direct
from spikeproof.models.network import ModelSpec
from spikeproof.models.pooling import SpikePool

__all__ = ["FilterBank", "OverTime", "Stem", "direct", "framing", "pool"]

_frames: ContextVar[list[Tensor] | None] = ContextVar("spikeproof_frames", default=None)


@contextmanager
def framing() -> Iterator[list[Tensor]]:
    """Run first layers on every step's input, and hand out these inputs, ``(T, N, ...)``.

    Where a direct-coded image is repeated only behind the first layers, its steps have no tensor of
    their own whose gradient could be asked for; inside they have. Answers are the same.

    Example:
        >>> from spikeproof.models import build, ModelSpec
        >>> image = Domain(kind="image", shape=(1, 4, 4))
        >>> net = build(ModelSpec(name="dense", domain=image, classes=2, width=4, timesteps=3))
        >>> with framing() as frames:
        ...     _ = net.eval()(torch.rand(5, 1, 4, 4))
        >>> frames[0].shape
        torch.Size([3, 5, 1, 4, 4])
    """
    found: list[Tensor] = []
    token = _frames.set(found)
    try:
        yield found
    finally:
        _frames.reset(token)


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


class Stem(nn.Sequential):
    """The first stateless layers: from raw images or events to currents ``(T, N, ...)``.

    Event frames bring their own time axis. A direct-coded image passes through the layers once
    and is repeated after them; any other encoder makes every step another input.

    Args:
        spec: Its encoder turns images into input over its timesteps.
        domain: Images ``(C, H, W)``, or events with time first.
        layers: Applied to images, or to every frame.
    """

    def __init__(self, spec: ModelSpec, domain: Domain, *layers: nn.Module) -> None:
        super().__init__(*layers)
        self.has_time = domain.timed
        self.timesteps = spec.timesteps
        self.encoder = spec.encoder

    def forward(self, x: Tensor) -> Tensor:
        """Currents ``(T, N, ...)`` for raw inputs ``(N, ...)``."""
        frames = _frames.get()
        if frames is not None:
            timed = self.has_time
            code = x.transpose(0, 1) if timed else self._coded(x)
            frames.append(code)
            return self._per_step(code)
        if self.has_time:
            # Time-major from here on: the neurons' loop walks the first axis.
            return self._per_step(x.transpose(0, 1))
        if isinstance(self.encoder, Direct):
            return direct(self._applied(x), self.timesteps)
        return self._per_step(self._coded(x))

    def _coded(self, x: Tensor) -> Tensor:
        """Input of every step, ``(T, N, ...)``."""
        if isinstance(self.encoder, Direct):
            return direct(x, self.timesteps)
        # A training term may probe just outside the box, where a code is saturated.
        return self.encoder(x.clamp(0, 1), self.timesteps)

    def _per_step(self, x: Tensor) -> Tensor:
        """The layers at every step, ``(T, N, ...)``."""
        frames = x.flatten(0, 1)
        if isinstance(self[0], nn.Conv2d):
            # Channels last: the input gradient of a convolution with two channels runs 4x faster.
            frames = frames.contiguous(memory_format=torch.channels_last)
        current = self._applied(frames)
        return current.reshape(*x.shape[:2], *current.shape[1:])

    def _applied(self, x: Tensor) -> Tensor:
        """The layers, one after the other."""
        for layer in self:
            x = layer(x)
        return x


def pool(kind: str, size: int, stride: int | None = None, padding: int = 0) -> nn.Module:
    """Average or max pooling of spikes; ``kind`` is the specification's ``pooling``."""
    layer = nn.MaxPool2d if kind == "max" else SpikePool
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
        # Named, because a network is first built without memory, to see what a file must hold.
        real: dict[str, Any] = {"dtype": torch.float64, "device": "cpu"}
        k = torch.arange(window, **real)
        hz = torch.logspace(math.log10(low_hz), math.log10(high_hz), bands, **real)
        phase = 2 * math.pi * hz[:, None] * k / rate_hz
        hann = torch.hann_window(window, periodic=False, **real)
        waves = torch.cat([torch.cos(phase), torch.sin(phase)]) * hann * (2 / hann.sum())
        self.register_buffer("kernels", waves.T.float().contiguous(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Log band energies ``(N, bands, M)`` of waveforms ``(N, L)``."""
        # Frames times a matrix: its input gradient is 4x faster than a strided convolution's.
        waves = x.unfold(1, len(self.kernels), self.hop) @ self.kernels.to(x.dtype)
        cosine, sine = waves[..., : self.bands], waves[..., self.bands :]
        return torch.log1p(self.gain * (cosine.square() + sine.square())).transpose(1, 2)
