"""What an ear does not hear beside a sound: short-time spectra and the masking threshold."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Frames", "threshold_beside"]

# Level that the loudest bin of a sound is taken to have, dB; and the width of a masker, Bark.
_LOUDEST, _WIDTH = 96.0, 0.5
_LOWEST = 1.0  # Bark; below, the threshold in quiet is held at its value there
# What is higher by less is as high: flat spectra and equal maskers must not hang on rounding.
_TIE = 1 + 1e-6


@dataclass(frozen=True)
class Frames:
    r"""The short-time spectrum of waveforms under Hann windows, and the way back.

    With windows at every ``hop`` samples, four or more to a window, the squares of the windows add
    up to a constant: the frame is tight, and ``waves`` is both the inverse of ``spectra`` and, up
    to a factor, its adjoint.

    Args:
        window: Samples under a window, a multiple of ``2 * hop``.
        hop: Samples between windows.
    Example:
        >>> x = torch.randn(2, 50, dtype=torch.float64)
        >>> frames = Frames(16, 4)
        >>> bool(torch.allclose(frames.waves(frames.spectra(x), 50), x))
        True
    """

    window: int
    hop: int

    def spectra(self, x: Tensor) -> Tensor:
        """Complex amplitudes ``(N, M, window / 2 + 1)`` of ``(N, L)``; a sine of 1 has 0.41."""
        count = self._count(x.shape[1])
        before = self.window - self.hop
        after = (count - 1) * self.hop + self.window - before - x.shape[1]
        padded = torch.nn.functional.pad(x, (before, after))
        out: Tensor = torch.fft.rfft(padded.unfold(1, self.window, self.hop) * self._hann(x))
        return out

    def waves(self, spectra: Tensor, length: int) -> Tensor:
        """The waveform ``(N, length)`` whose spectrum is nearest."""
        parts = torch.fft.irfft(spectra, self.window)
        hann = self._hann(parts)
        n, count = parts.shape[:2]
        out = parts.new_zeros(n, (count - 1) * self.hop + self.window)
        index = torch.arange(self.window, device=parts.device) + self.hop * torch.arange(
            count, device=parts.device
        ).unsqueeze(1)
        out.index_add_(1, index.flatten(), (parts * hann).flatten(1))
        before = self.window - self.hop
        # The squares of hann add up to window / hop * mean(hann^2) everywhere.
        constant = self.window / self.hop * hann.square().mean()
        wave: Tensor = out[:, before : before + length] / constant
        return wave

    def _count(self, length: int) -> int:
        """Windows that reach a sample."""
        return math.ceil((length + self.window - self.hop) / self.hop)

    def _hann(self, like: Tensor) -> Tensor:
        """The window, scaled as in the paper: sqrt(8 / 3) / window times Hann."""
        hann = torch.hann_window(self.window, dtype=like.dtype, device=like.device)
        scaled: Tensor = hann * (math.sqrt(8 / 3) / self.window)
        return scaled


def threshold_beside(x: Tensor, rate_hz: float, frames: Frames) -> Tensor:
    r"""Return the amplitude below which a change of ``x`` is masked, in every place of spectra.

    The psychoacoustic model of qin2019imperceptible: levels are scaled so that the loudest bin of
    a sound has 96 dB. A masker is a peak above the threshold in quiet, with the power of its two
    neighbours, unless a louder one lies within half a Bark. At :math:`\Delta` Bark from a masker of
    level P at b Bark it masks

    .. math:: P - 6.025 - 0.275\,b + \begin{cases} 27\,\Delta & \Delta \le 0 \\
              (-27 + 0.37 \max(P - 40, 0))\,\Delta & \Delta > 0 \end{cases}

    dB; powers of all maskers and of the threshold in quiet,
    :math:`3.64 f^{-0.8} - 6.5 e^{-0.6 (f - 3.3)^2} + 10^{-3} f^4` with f in kHz, add up.

    Args:
        x: Waveforms, float64 ``(N, L)``.
        rate_hz: Samples per second.
        frames: How spectra are taken.
    Returns:
        float64 ``(N, M, bins)``, 0 for a silent item.
    Cost:
        One product of maskers and bins per item.
    Differs from the paper:
        The threshold in quiet is Terhardt's without the constant of -12 dB, held below 1 Bark. Of
        maskers nearer than half a Bark every one yields to any louder one, not in pairs from the
        left.
    """
    bins = frames.window // 2 + 1
    hz = torch.arange(bins, dtype=torch.float64, device=x.device) * (rate_hz / frames.window)
    bark = 13 * (0.00076 * hz).atan() + 3.5 * (hz / 7500).square().atan()
    quiet = _in_quiet(hz, bark)
    power = frames.spectra(x).abs().square()
    loudest = power.flatten(1).amax(1)
    out = torch.zeros_like(power)
    for item in (loudest > 0).nonzero().flatten().cpu().tolist():
        scale = 10 ** (_LOUDEST / 10) / loudest[item]
        out[item] = _masked_by(power[item] * scale, quiet, bark).div(scale).sqrt()
    return out


def _in_quiet(hz: Tensor, bark: Tensor) -> Tensor:
    """Power of the threshold in quiet, ``(bins,)``."""
    khz = hz.clamp(min=float(hz[bark >= _LOWEST][0])) / 1000
    low, dip = 3.64 * khz**-0.8, -6.5 * (-0.6 * (khz - 3.3).square()).exp()
    return 10 ** ((low + dip + 1e-3 * khz**4) / 10)


def _masked_by(power: Tensor, quiet: Tensor, bark: Tensor) -> Tensor:
    """Power of the threshold beside frames of one item, ``(M, bins)`` for ``(M, bins)``."""
    inner = power[:, 1:-1]
    beside = torch.maximum(power[:, :-2], power[:, 2:])
    peak = (inner > beside * _TIE) & (inner > quiet[1:-1] * _TIE)
    frame, place = peak.nonzero(as_tuple=True)
    place = place + 1
    level = 10 * (power[frame, place - 1] + power[frame, place] + power[frame, place + 1]).log10()
    near = (bark[place][:, None] - bark[place]).abs() < _WIDTH
    louder = level > level[:, None] + 10 * math.log10(_TIE)
    stays = ~((frame[:, None] == frame) & near & louder).any(1)
    frame, place, level = frame[stays], place[stays], level[stays]
    away = bark - bark[place][:, None]
    above = (-27 + 0.37 * (level - 40).clamp(min=0))[:, None]
    slope = torch.where(away <= 0, torch.full_like(away, 27.0), above)
    spread = level[:, None] - 6.025 - 0.275 * bark[place][:, None] + slope * away
    return quiet.expand_as(power).clone().index_add_(0, frame, 10 ** (spread / 10))
