"""The layers of the small networks, each from its definition, in numpy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Array",
    "StoredNeuron",
    "conv",
    "conv_over_time",
    "filtered",
    "mel",
    "normed",
    "over_time",
    "pooled",
]

Array = NDArray[Any]


def conv(x: Array, weight: Array) -> Array:
    """Convolution over the last two axes, 3 x 3, one zero around: ``(N, C, H, W)``."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    rows = windows.transpose(0, 2, 3, 1, 4, 5).reshape(-1, weight[0].size)
    out = rows @ weight.reshape(len(weight), -1).T
    return np.asarray(out.reshape(len(x), *x.shape[2:], -1).transpose(0, 3, 1, 2))


def conv_over_time(x: Array, weight: Array) -> Array:
    """Convolution over the last axis, 3 wide, one zero at both ends: ``(N, C, T)``."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1)))
    out = np.zeros((len(x), len(weight), x.shape[2]), x.dtype)
    for i in range(3):
        window = padded[:, :, i : i + x.shape[2]]
        out += np.moveaxis(np.tensordot(window, weight[:, :, i], (1, 1)), -1, 1)
    return out


def normed(x: Array, weight: Array, bias: Array, mean: Array, var: Array) -> Array:
    """Batch normalisation with stored statistics; channels are the second axis."""
    wide = (-1, *(1,) * (x.ndim - 2))
    scaled = (x - mean.reshape(wide)) / np.sqrt(var + 1e-5).reshape(wide)
    return np.asarray(scaled * weight.reshape(wide) + bias.reshape(wide))


def pooled(x: Array, kind: str) -> Array:
    """Windows of 2 x 2 without overlap; an odd last row or column is left out."""
    n, c, h, w = x.shape
    windows = x[:, :, : h // 2 * 2, : w // 2 * 2].reshape(n, c, h // 2, 2, w // 2, 2)
    return np.asarray(windows.max((3, 5)) if kind == "max" else windows.mean((3, 5)))


def filtered(x: Array) -> Array:
    """Log band energies ``(N, 32, frames)`` of waveforms ``(N, L)``, 240 samples every 80.

    The stored network computes with waves rounded to single precision, so these are rounded too.
    """
    k = np.arange(240)
    hz = 600.0 * (1800.0 / 600.0) ** (np.arange(32) / 31)
    phase = 2 * np.pi * hz[:, None] * k / 8000.0
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * k / 239)
    waves = (np.concatenate([np.cos(phase), np.sin(phase)]) * hann * (2 / hann.sum())).T
    waves = waves.astype(np.float32).astype(x.dtype)
    frames = np.lib.stride_tricks.sliding_window_view(x, 240, axis=1)[:, ::80]
    both = frames @ waves
    energy = both[..., :32] ** 2 + both[..., 32:] ** 2
    return np.asarray(np.log1p(1000.0 * energy).transpose(0, 2, 1))


def mel(x: Array) -> Array:
    """Log energies ``(N, 24, frames)`` of mel bands of waveforms, windows as in ``filtered``.

    Triangles over the spectrum, evenly spaced on the mel scale from 100 to 3800 Hz; a band counts
    from 60 dB below full scale. Rounded to single precision as the stored network's numbers are.
    """
    hann = np.hanning(240)
    hann = (hann * (2 / hann.sum())).astype(np.float32).astype(x.dtype)
    low, high = np.log1p(np.array([100.0, 3800.0]) / 700)
    corners = 700 * np.expm1(low + (high - low) * np.arange(26) / 25)
    hz = np.arange(121)[:, None] * (8000.0 / 240)
    rise = (hz - corners[:-2]) / np.diff(corners)[:-1]
    fall = (corners[2:] - hz) / np.diff(corners)[1:]
    bands = np.clip(np.minimum(rise, fall), 0, None).astype(np.float32).astype(x.dtype)
    frames = np.lib.stride_tricks.sliding_window_view(x, 240, axis=1)[:, ::80]
    power = np.abs(np.fft.rfft(frames * hann)) ** 2
    return np.asarray(np.log1p(1e6 * power @ bands).transpose(0, 2, 1))


def over_time(x: Array, layer: Callable[[Array], Array]) -> Array:
    """A layer without memory at every step of ``(T, N, ...)``."""
    out = layer(x.reshape(-1, *x.shape[2:]))
    return out.reshape(*x.shape[:2], *out.shape[1:])


@dataclass(frozen=True)
class StoredNeuron:
    """A leaky integrate-and-fire neuron.

    Args:
        leak: What a step keeps of the membrane.
        gain: What of the current enters it.
        threshold: Where it fires.
        synapse: What a step keeps of the current.
        soft: Whether a spike takes the threshold off, instead of everything.
    """

    leak: float
    gain: float
    threshold: float
    synapse: float
    soft: bool

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> StoredNeuron:
        """From the stored settings of a ``lif`` or an ``if``."""
        leak = 1.0 if settings["kind"] == "if" else float(settings["leak"])
        return cls(
            leak=leak,
            gain=1 - leak if settings.get("decay_input") else 1.0,
            threshold=float(settings["threshold"]),
            synapse=float(settings.get("synapse", 0.0)),
            soft=settings["reset"] == "soft",
        )

    def fire(self, currents: Array) -> tuple[Array, Array]:
        """Spikes ``(T, N, ...)``, and how near to its threshold each item came, ``(N,)``."""
        membrane = np.zeros_like(currents[0])
        synaptic = np.zeros_like(currents[0])
        nearest = np.full(currents.shape[1], np.inf)
        spikes = np.empty_like(currents)
        for step, current in enumerate(currents):
            synaptic = self.synapse * synaptic + current
            u = self.leak * membrane + self.gain * synaptic
            spikes[step] = u >= self.threshold
            kept = u - self.threshold * spikes[step]
            membrane = kept if self.soft else u * (1 - spikes[step])
            gap = np.abs(u - self.threshold).reshape(len(u), -1).min(1)
            nearest = np.minimum(nearest, gap)
        return spikes, nearest
