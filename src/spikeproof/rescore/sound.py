"""How loud changes of waveforms are, from the numbers of a record and two inputs, by scipy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy import fft, signal

from spikeproof.rescore.layers import Array

__all__ = ["SOUND", "masking_threshold", "sound_length"]

# Of the formulas of the threshold: level of the loudest bin, and the lowest Bark with a quiet one.
_LOUDEST, _LOWEST = 96.0, 1.0


def _noise_over_signal(geometry: Mapping[str, Any], change: Array, x: Array) -> Array:
    """How loud every change is against its waveform, by largest samples or by energy."""
    peak = bool(geometry.get("peak", False))
    noise, loud = (
        np.abs(part).max(1) if peak else np.sqrt((part**2).sum(1)) for part in (change, x)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(noise == 0, 0.0, noise / loud)


def _in_bands(geometry: Mapping[str, Any], change: Array, x: Array) -> Array:
    """Length of every change, or what lies outside its bands where that is more by its share."""
    hz = fft.rfftfreq(change.shape[1], 1 / float(geometry["rate_hz"]))
    inside = np.zeros(len(hz), bool)
    for low, high in geometry["bands"]:
        inside |= (hz >= low) & (hz <= high)
    outside = fft.irfft(np.where(inside, 0, fft.rfft(change, axis=1)), change.shape[1], axis=1)
    order = np.inf if geometry.get("ball", "l2") == "linf" else 2
    whole, rest = (np.linalg.norm(part, ord=order, axis=1) for part in (change, outside))
    return np.asarray(np.maximum(whole, rest / float(geometry.get("leak", 0.01))))


def _over_threshold(geometry: Mapping[str, Any], change: Array, x: Array) -> Array:
    """By what factor the loudest place of every change exceeds the masking threshold."""
    out = np.zeros(len(x))
    for item in range(len(x)):
        if not change[item].any():
            continue
        frames, _ = _spectrum(geometry, x[item])
        spectrum, _ = _spectrum(geometry, change[item])
        allowed = masking_threshold(frames, float(geometry["rate_hz"]))
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(spectrum == 0, 0.0, np.abs(spectrum) / allowed)
        out[item] = share.max()
    return out


def _spectrum(geometry: Mapping[str, Any], wave: Array) -> tuple[Array, Array]:
    """Amplitudes ``(bins, frames)`` of a waveform, and the frequencies of the bins."""
    window, hop = int(geometry.get("window", 2048)), int(geometry.get("hop", 512))
    hann = np.sqrt(8 / 3) * signal.get_window("hann", window) / window
    frames = signal.ShortTimeFFT(hann, hop, float(geometry["rate_hz"]))
    # Silence on both sides, so that every sample lies under all the windows that reach it.
    padded = np.concatenate([np.zeros(2 * window), wave, np.zeros(2 * window)])
    return frames.stft(padded), frames.f


def masking_threshold(spectrum: Array, rate_hz: float) -> Array:
    """Return the amplitude under which each place of a spectrum is masked, ``(bins, frames)``.

    Args:
        spectrum: Of the waveform that masks, ``(bins, frames)``.
        rate_hz: Its sampling rate.
    """
    bins, count = spectrum.shape
    hz = np.arange(bins) * rate_hz / (2 * (bins - 1))
    bark = 13 * np.arctan(0.00076 * hz) + 3.5 * np.arctan((hz / 7500) ** 2)
    khz = np.maximum(hz, hz[bark >= _LOWEST][0]) / 1000
    quiet = 3.64 * khz**-0.8 - 6.5 * np.exp(-0.6 * (khz - 3.3) ** 2) + 1e-3 * khz**4
    power = np.abs(spectrum) ** 2
    if not power.any():
        return np.zeros_like(power)
    scale = 10 ** (_LOUDEST / 10) / power.max()
    out = np.empty_like(power)
    for frame in range(count):
        level = power[:, frame] * scale
        total = 10 ** (quiet / 10)
        for peak, loud in _maskers(level, quiet, bark):
            distance = bark - bark[peak]
            slope = np.where(distance <= 0, 27.0, -27 + 0.37 * max(loud - 40, 0))
            spread = loud - 6.025 - 0.275 * bark[peak] + slope * distance
            total = total + 10 ** (spread / 10)
        out[:, frame] = np.sqrt(total / scale)
    return out


def _maskers(level: Array, quiet: Array, bark: Array) -> list[tuple[int, float]]:
    """Bin and decibels of the peaks that mask: audible, and the loudest within half a Bark."""
    found = []
    for k in range(1, len(level) - 1):
        peak = level[k] > level[k - 1] and level[k] >= level[k + 1]
        if peak and level[k] >= 10 ** (quiet[k] / 10):
            found.append((k, 10 * np.log10(level[k - 1] + level[k] + level[k + 1])))
    return [
        (k, loud)
        for k, loud in found
        if not any(abs(bark[k] - bark[o]) < 0.5 and other > loud for o, other in found)
    ]


Measure = Callable[[Mapping[str, Any], Array, Array], Array]

SOUND: Mapping[str, Measure] = {
    "snr": _noise_over_signal,
    "band": _in_bands,
    "masked": _over_threshold,
}
"""Kind of a geometry of sound → length of changes ``(N, L)`` of waveforms, ``(N,)``."""


def sound_length(geometry: Mapping[str, Any], change: Array, x: Array) -> Array:
    """Return the length of changes of waveforms in the unit of a geometry's radius, ``(N,)``.

    Args:
        geometry: Record of the geometry, its kind one of ``SOUND``.
        change: The changes, float64 ``(N, L)``.
        x: The clean waveforms.
    """
    return SOUND[geometry["kind"]](geometry, change.reshape(len(x), -1), x.reshape(len(x), -1))
