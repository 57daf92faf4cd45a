"""Layers, front ends and codes in numpy, each from its definition: what the judge computes with.

Nothing here imports torch or spikeproof. Time and items are merged before a convolution.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CODES",
    "Array",
    "conv",
    "conv_over_time",
    "filtered",
    "mel",
    "normed",
    "onsets",
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
    scaled = (x - mean.reshape(wide)) / np.sqrt(var + x.dtype.type(1e-5)).reshape(wide)
    return np.asarray(scaled * weight.reshape(wide) + bias.reshape(wide))


def pooled(x: Array, kind: str) -> Array:
    """Windows of 2 x 2 without overlap; an odd last row or column is left out."""
    n, c, h, w = x.shape
    windows = x[:, :, : h // 2 * 2, : w // 2 * 2].reshape(n, c, h // 2, 2, w // 2, 2)
    return np.asarray(windows.max((3, 5)) if kind == "max" else windows.mean((3, 5)))


def filtered(x: Array) -> Array:
    """Log band energies ``(N, 32, frames)`` of waveforms ``(N, L)``, 240 samples every 80.

    The stored network computes with waves rounded to float32, so the judge rounds them, too.
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
    return np.asarray(np.log1p(x.dtype.type(1000.0) * energy).transpose(0, 2, 1))


def mel(x: Array, gain: float) -> Array:
    """Log energies ``(N, 24, frames)`` of mel bands of waveforms, 240 samples every 80.

    Triangles of height 1, evenly spaced in mel from 100 to 3,800 Hz, over the squared spectrum
    under a Hann window whose sum is 2. Rounded to float32 as the stored network's are.
    """
    k = np.arange(240)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * k / 239)
    hann *= 2 / hann.sum()
    ends = np.linspace(*(2595 * np.log10(1 + f / 700) for f in (100.0, 3800.0)), 26)
    corners = 700 * (10 ** (ends / 2595) - 1)
    hz = np.arange(121) * 8000 / 240
    bands = np.stack([np.interp(hz, corners[b : b + 3], [0, 1, 0]) for b in range(24)])
    hann, bands = (w.astype(np.float32).astype(x.dtype) for w in (hann, bands))
    frames = np.lib.stride_tricks.sliding_window_view(x, 240, axis=1)[:, ::80] * hann
    spectrum = np.fft.rfft(frames)
    power = (spectrum.real**2 + spectrum.imag**2).astype(x.dtype)
    return np.asarray(np.log1p(x.dtype.type(gain) * (power @ bands.T)).transpose(0, 2, 1))


def onsets(energy: Array) -> Array:
    """Spikes ``(N, 2 bands, frames)`` where an energy rises by half a unit, then where it falls."""
    change = np.diff(energy, axis=2, prepend=np.zeros_like(energy[:, :, :1]))
    return np.concatenate([change >= 0.5, change <= -0.5], 1).astype(energy.dtype)


# Codes: from pixels (N, ...) to the input of every step, (T, N, ...).


def latency(x: Array, steps: int, settings: dict[str, Any]) -> Array:
    """One spike a pixel, white at the first step and black at the last, at the nearest step."""
    del settings
    when = np.floor((steps - 1) * (1 - x) + x.dtype.type(0.5))
    return np.stack([when == t for t in range(steps)]).astype(x.dtype)


def phase(x: Array, steps: int, settings: dict[str, Any]) -> Array:
    """The bits of the nearest of 2^K grey levels, the highest first, over and over."""
    bits = int(settings["bits"])
    level = np.floor(x * (2**bits - 1) + x.dtype.type(0.5)).astype(np.int64)
    out = []
    for t in range(steps):
        place = t % bits
        bit = (level // 2 ** (bits - 1 - place)) % 2
        out.append(bit * (2.0 ** -(1 + place) if settings["weighted"] else 1.0))
    return np.stack(out).astype(x.dtype)


def temporal(x: Array, steps: int, settings: dict[str, Any]) -> Array:
    """Spikes for as long as a pixel is bright: from the first step on, or up to the last one."""
    share = (np.arange(steps) / steps).astype(np.float32)
    early = settings["code"] == "pre"
    return np.stack([s < x if early else s > 1 - x for s in share]).astype(x.dtype)


CODES: dict[str, Callable[[Array, int, dict[str, Any]], Array]] = {
    "latency": latency,
    "phase": phase,
    "temporal": temporal,
}
