"""WAV files of 16-bit samples: read whole or refused, resampled, and brought to one length."""

from __future__ import annotations

import io
import math
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikeproof.base import FileProblem, read_bytes

__all__ = ["Sound", "fitted", "read_wav", "resampled"]

Array = np.ndarray[Any, Any]
_MOST = 1 << 28  # bytes of one file


@dataclass(frozen=True, kw_only=True)
class Sound:
    """One recording.

    Args:
        samples: int16 ``(L,)``.
        rate_hz: Samples per second.
    """

    samples: Array
    rate_hz: int


def read_wav(path: Path | str, *, rate_hz: int, content: bytes | None = None) -> Sound:
    """Return the samples of a WAV file: one channel, 16 bits, not packed.

    Args:
        path: The file; what errors call it.
        rate_hz: The sampling rate that the set is published with.
        content: Its bytes, where they were read already.
    Raises:
        FileProblem: it is no such file, truncated, of another sampling rate, or has no samples.
    """
    if content is None:
        content = read_bytes(path, "sound file", most=_MOST, follow=True)
    try:
        with wave.open(io.BytesIO(content)) as file:
            shape = file.getnchannels(), 8 * file.getsampwidth()
            rate, length = file.getframerate(), file.getnframes()
            samples = file.readframes(length)
    except (wave.Error, EOFError, ValueError, RuntimeError) as problem:
        raise FileProblem(
            f"{path} is no WAV file that can be read ({problem or 'it ends early'}); get it again."
        ) from None
    if shape != (1, 16):
        raise FileProblem(
            f"{path} has {shape[0]} channels of {shape[1]} bits; expected is one of 16 bits, so "
            "convert it."
        )
    if rate != rate_hz:
        raise FileProblem(
            f"{path} has {rate} samples per second; the set is published with {rate_hz}, so get "
            "the published file, or resample it."
        )
    if len(samples) != 2 * length or not length:
        raise FileProblem(
            f"{path} says {length} samples and holds {len(samples) // 2}; it is empty or "
            "truncated, get it again."
        )
    return Sound(samples=np.frombuffer(samples, "<i2").astype(np.int16), rate_hz=rate)


def resampled(sound: Sound, rate_hz: int) -> Sound:
    """Return a sound at another sampling rate, by a polyphase low-pass filter, rounded to int16.

    Example:
        >>> resampled(Sound(samples=np.zeros(48, np.int16), rate_hz=48000), 8000).samples.shape
        (8,)
    """
    if sound.rate_hz == rate_hz:
        return sound
    from scipy.signal import resample_poly

    common = math.gcd(rate_hz, sound.rate_hz)
    values = sound.samples.astype(np.float64)
    moved = resample_poly(values, rate_hz // common, sound.rate_hz // common)
    return Sound(samples=np.clip(np.rint(moved), -32768, 32767).astype(np.int16), rate_hz=rate_hz)


def fitted(samples: Array, length: int) -> Array:
    """Return a waveform of one length.

    A longer one is cut to the window of this length that holds the most energy, the first of
    equals; a shorter one gets zeros on both sides, one more behind where their number is odd.

    Example:
        >>> fitted(np.array([1, 5, 5, 0], np.int16), 2).tolist()
        [5, 5]
        >>> fitted(np.array([7], np.int16), 4).tolist()
        [0, 7, 0, 0]
    """
    spare = length - len(samples)
    if spare >= 0:
        return np.pad(samples, (spare // 2, spare - spare // 2))
    energy = np.concatenate([[0], np.cumsum(samples.astype(np.int64) ** 2)])
    first = int(np.argmax(energy[length:] - energy[:-length]))
    return samples[first : first + length]
