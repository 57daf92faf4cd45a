"""`digits-audio`: every digit as the two tones of its telephone key, over a noisy line."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from spikeproof.base import SettingError, check_fraction, check_positive, seeds
from spikeproof.data.domain import Domain
from spikeproof.data.facts import Facts
from spikeproof.data.sets.digits import LICENCE, ONE_COLLECTION, SCANS, DigitsImages, labels

__all__ = ["HIGH_HZ", "KEY_TONES", "LOW_HZ", "RATE_HZ", "Call", "DigitsAudio"]

RATE_HZ = 8000
KEY_TONES = (
    "The sounds are synthetic key tones; no loudspeaker, room or microphone stands between the "
    "attacker and the network."
)

# ITU-T Q.23: the row and the column of the keys 0 to 9.
LOW_HZ = (941.0, 697.0, 697.0, 697.0, 770.0, 770.0, 770.0, 852.0, 852.0, 852.0)
HIGH_HZ = (1336.0, 1209.0, 1336.0, 1477.0, 1209.0, 1336.0, 1477.0, 1209.0, 1336.0, 1477.0)

# Waveforms are whole multiples of 1 / _STEPS, as from a 16-bit converter.
_STEPS = 32768


@dataclass(frozen=True, kw_only=True)
class Call:
    """What was drawn for each item, and the two parts its waveform is the sum of.

    Args:
        low_hz: Frequency of the row tone, ``(N,)``.
        high_hz: Frequency of the column tone, ``(N,)``.
        level_db: Mean square of the direct tone at full envelope, dB of full scale, ``(N,)``.
        twist_db: High tone over low tone, dB, ``(N,)``.
        snr_db: Mean square of direct tone and echo while the key is down over the mean square of
            the noise, dB, ``(N,)``.
        onset: First sample of the tone, int64 ``(N,)``.
        duration: Samples from half rise to half fall, float64 ``(N,)``.
        tone: Both tones with their echo, float64 ``(N, L)``.
        noise: Line noise, float64 ``(N, L)``.
    """

    low_hz: Tensor
    high_hz: Tensor
    level_db: Tensor
    twist_db: Tensor
    snr_db: Tensor
    onset: Tensor
    duration: Tensor
    tone: Tensor
    noise: Tensor


@dataclass(frozen=True, kw_only=True)
class DigitsAudio:
    """Make the key tones.

    With sample n, rate r, raised-cosine envelope e(n) and uniform draws for every range,

        s(n) = e(n) [a_low sin(2 pi (f_low n / r + v)) + a_high sin(2 pi (f_high n / r + w))]
        x(n) = s(n) + echo_gain s(n - echo) + noise(n),  rounded to 1/32768, clipped to [-1, 1)

    f = nominal * (1 + drift u); a_low, a_high follow from level and twist. Noise is Gaussian,
    white within ``band_hz`` and zero outside, scaled to the drawn signal-to-noise ratio exactly.

    Args:
        rate_hz: Samples per second.
        length: Samples L per item.
        level_db: Range of the tone's mean square, dB of full scale.
        twist_db: Range of high over low tone, dB; ITU-T Q.24 lists +4 to -8.
        drift: Largest relative error of a frequency; receivers must accept 0.015.
        tone_ms: Range of the duration, ms; receivers must accept 40.
        ramp_ms: Length of rise and fall, ms.
        snr_db: Range of the signal-to-noise ratio, dB.
        band_hz: Band of the line noise, Hz.
        echo_gain: Range of the echo's amplitude over the direct sound's.
        echo_ms: Range of the echo's delay, ms.
    Returns:
        From a call with item numbers: float32 ``(N, L)`` in [-1, 1).
    Raises:
        SettingError: a range is empty, or the longest tone does not fit into the clip.
    Cost:
        About 0.3 ms per item on one core.
    References:
        ituq23, ituq24
    Example:
        >>> DigitsAudio()(torch.tensor([3, 7])).shape
        torch.Size([2, 1200])
    """

    facts: ClassVar[Facts] = Facts(
        version="1",
        classes=10,
        title="Sounds",
        unit="amplitude, −1 to 1",
        licence=LICENCE,
        source=(
            "Simulated telephone key tones (ituq23, ituq24) over a noisy line, one for "
            f"each scan of digits, with its label; labels: {SCANS}."
        ),
        radii={
            "linf": (0.03, 0.04, 0.05),
            "l2": (0.7, 1.0, 1.3),
            "l1": (10.0, 20.0, 30.0),
            "l0": (10.0, 18.0, 26.0),
        },
        limits=(ONE_COLLECTION, KEY_TONES),
        training={
            "model": "tcn-small",
            "width": 16,
            "epochs": 12,
            "batch_size": 64,
            "learning_rate": 0.005,
        },
        rate_hz=RATE_HZ,
        pinned={
            "all": "d78510540feba346615cdc6cfb6612c4c32a7ae84a90fa8da9011e6432670824",
            "x": "5dcdbec495b637251b0e332f04576a9e1b095d7aae974c9ec8ac1ebfdb16fa8d",
            "y": "c99579baa0e11596303e3ea4a354b88d3c970b5a72bbd3dd8525f9379e30be72",
            "train": "47661eb819fcd5869634b413a839953dafb93af6dc9bf6442a49222ff81fb821",
            "validation": "79d3a92a1cbc7a4fa214ba671bb17861e071bb7d6974d4edf32bbbee0c948f90",
            "test": "e3e53e8472f0dac95b1b955d36fb0f025c22855a633a05d0d5e2e795bd13860c",
        },
    )

    rate_hz: int = RATE_HZ
    length: int = 1200
    level_db: tuple[float, float] = (-18.0, -10.0)
    twist_db: tuple[float, float] = (-8.0, 4.0)
    drift: float = 0.015
    tone_ms: tuple[float, float] = (50.0, 110.0)
    ramp_ms: float = 2.0
    snr_db: tuple[float, float] = (8.0, 20.0)
    band_hz: tuple[float, float] = (300.0, 3400.0)
    echo_gain: tuple[float, float] = (0.0, 0.3)
    echo_ms: tuple[float, float] = (5.0, 25.0)

    def __post_init__(self) -> None:
        check_positive(self, "rate_hz", "length", "ramp_ms")
        check_fraction(self, "drift")
        for name in (
            "level_db",
            "twist_db",
            "tone_ms",
            "snr_db",
            "band_hz",
            "echo_gain",
            "echo_ms",
        ):
            low, high = getattr(self, name)
            if not -math.inf < low <= high < math.inf:
                raise SettingError(
                    f"DigitsAudio.{name} must be (smallest, largest), finite; got ({low}, {high})."
                )
        samples = (self.tone_ms[1] + self.ramp_ms) / 1000 * self.rate_hz
        if self.tone_ms[0] <= self.ramp_ms or samples > self.length:
            raise SettingError(
                f"DigitsAudio.tone_ms must lie between ramp_ms = {self.ramp_ms:g} and what fits "
                f"into {self.length} samples; got {self.tone_ms}. Lengthen the clip or shorten it."
            )

    @property
    def domain(self) -> Domain:
        """Legal waveforms."""
        return Domain(kind="audio", shape=(self.length,), low=-1.0, high=1.0)

    def labels(self) -> Tensor:
        """The digit of each of the 1797 calls."""
        return DigitsImages().labels()

    def __call__(self, items: Tensor, *, seed: int = 0) -> Tensor:
        """The waveforms of ``items``; ``seed`` draws other calls."""
        call = self.call(items, seed=seed)
        levels = ((call.tone + call.noise) * _STEPS).round().clamp(-_STEPS, _STEPS - 1)
        return (levels / _STEPS).to(torch.float32)

    def call(self, items: Tensor, *, seed: int = 0) -> Call:
        """Everything drawn for ``items`` and the parts of their waveforms, before rounding."""
        keys = seeds(seed, items=items).child("digits-audio")
        u = keys.child("draws").uniform((11,), torch.float64)
        y = labels(items)
        low_hz = torch.tensor(LOW_HZ, dtype=u.dtype)[y] * (1 + self.drift * (2 * u[:, 0] - 1))
        high_hz = torch.tensor(HIGH_HZ, dtype=u.dtype)[y] * (1 + self.drift * (2 * u[:, 1] - 1))
        level_db, twist_db = _between(self.level_db, u[:, 2]), _between(self.twist_db, u[:, 3])
        snr_db = _between(self.snr_db, u[:, 4])
        duration = _between(self.tone_ms, u[:, 5]) / 1000 * self.rate_hz
        onset, envelope = self._press(duration, u[:, 6])
        power: Tensor = 10 ** (level_db / 10)
        ratio: Tensor = 10 ** (twist_db / 10)
        low = (2 * power / (1 + ratio)).sqrt()[:, None] * self._sine(low_hz, onset, u[:, 7])
        high = (2 * power * ratio / (1 + ratio)).sqrt()[:, None]
        high = high * self._sine(high_hz, onset, u[:, 8])
        delay = (_between(self.echo_ms, u[:, 9]) / 1000 * self.rate_hz).round().long()
        tone = _with_echo(envelope * (low + high), _between(self.echo_gain, u[:, 10]), delay)
        noise = self._noise(keys.child("noise").normal((self.length,), torch.float64))
        down = envelope > 0
        wanted = (tone.square() * down).sum(1) / down.sum(1) / 10 ** (snr_db / 10)
        return Call(
            low_hz=low_hz,
            high_hz=high_hz,
            level_db=level_db,
            twist_db=twist_db,
            snr_db=snr_db,
            onset=onset,
            duration=duration,
            tone=tone,
            noise=noise * (wanted / noise.square().mean(1)).sqrt()[:, None],
        )

    def _press(self, duration: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        """When each key goes down, ``(N,)``, and its envelope, ``(N, L)``."""
        ramp = self.ramp_ms / 1000 * self.rate_hz
        onset = (u * (self.length - duration - ramp)).floor().long()
        since = torch.arange(self.length) - onset[:, None]
        return onset, _rise(since, ramp) * _rise((duration + ramp)[:, None] - since, ramp)

    def _sine(self, hz: Tensor, onset: Tensor, turn: Tensor) -> Tensor:
        """A sine of each frequency, ``turn`` of a period along when its key goes down."""
        since = torch.arange(self.length) - onset[:, None]
        return torch.sin(2 * math.pi * (since * (hz / self.rate_hz)[:, None] + turn[:, None]))

    def _noise(self, white: Tensor) -> Tensor:
        """White noise ``(N, L)`` without what lies outside the band."""
        spectrum = torch.fft.rfft(white)
        hz = torch.arange(spectrum.shape[1]) * (self.rate_hz / self.length)
        inside = (hz >= self.band_hz[0]) & (hz <= self.band_hz[1])
        noise: Tensor = torch.fft.irfft(spectrum * inside, n=self.length)
        return noise


def _between(span: tuple[float, float], u: Tensor) -> Tensor:
    """The value a share ``u`` of the way through the range."""
    low, high = span
    return low + (high - low) * u


def _rise(since: Tensor, ramp: float) -> Tensor:
    """Raised cosine from 0 to 1 over ``ramp`` samples."""
    return 0.5 - 0.5 * torch.cos(math.pi * (since / ramp).clamp(0, 1))


def _with_echo(direct: Tensor, gain: Tensor, delay: Tensor) -> Tensor:
    """Sound ``(N, L)`` plus its echo, ``delay`` samples later."""
    source = torch.arange(direct.shape[1]) - delay[:, None]
    late = direct.gather(1, source.clamp_min(0)) * (source >= 0)
    return direct + gain[:, None] * late
