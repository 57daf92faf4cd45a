"""Sound in a page: a WAV file as bytes, a spectrogram as a picture, a ratio in decibels."""

from __future__ import annotations

import io
import wave

import numpy as np

from spikeproof.metrics import signal_to_noise_db

__all__ = ["snr_db", "spectrogram", "wav"]


def wav(samples: np.ndarray, rate_hz: int) -> bytes:
    """Return a mono 16-bit PCM WAV file.

    Args:
        samples: ``(L,)`` in [-1, 1]; what lies outside is clipped.
        rate_hz: Samples per second.
    Returns:
        The bytes of the file; decoding and dividing by 32767 gives ``samples`` back to 2e-5.
    Example:
        >>> wav(np.zeros(8), 8000)[:4]
        b'RIFF'
    """
    values = np.rint(np.clip(np.asarray(samples, dtype=float), -1, 1) * 32767).astype("<i2")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(int(rate_hz))
        file.writeframes(values.tobytes())
    return buffer.getvalue()


def snr_db(clean: np.ndarray, changed: np.ndarray) -> float:
    """Return the signal-to-noise ratio of a change.

    ``10 log10( sum clean^2 / sum (changed - clean)^2 )``

    Args:
        clean: Any shape.
        changed: Same shape.
    Returns:
        Decibels; infinite where nothing changed.
    Example:
        >>> round(snr_db(np.ones(4), np.full(4, 1.1)), 6)
        20.0
    """
    return signal_to_noise_db(clean, changed)


def spectrogram(samples: np.ndarray, window: int = 128, hop: int | None = None) -> np.ndarray:
    """Return the short-time power spectrum in decibels.

    Hann window; 0 dB is a full-scale sine in the middle of a bin.

    Args:
        samples: ``(L,)``.
        window: Samples in a window; shortened where the sound is shorter.
        hop: Samples between windows, a quarter of the window by default.
    Returns:
        ``(window // 2 + 1, frames)`` in dB, lowest frequency first, floored at -120 dB.
    """
    from scipy.signal import ShortTimeFFT, get_window  # takes its time, so only where needed

    values = np.asarray(samples, dtype=float)
    window = max(8, min(window, len(values)))
    hop = hop or max(1, window // 4)
    values = np.pad(values, (0, max(0, window - len(values))))
    frames = (len(values) - window) // hop + 1
    # Slices lie around multiples of the hop; so much silence in front, and the first of them that
    # is whole begins with the sound.
    silence = -(window // 2) % hop
    first = (window // 2 + silence) // hop
    shape = get_window("hann", window)
    transform = ShortTimeFFT(shape, hop, fs=1.0)
    spectrum = transform.stft(np.pad(values, (silence, 0)), first, first + frames)
    decibels: np.ndarray = 20 * np.log10(np.maximum(np.abs(spectrum) / (shape.sum() / 2), 1e-6))
    return decibels
