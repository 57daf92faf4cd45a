"""The masked geometry: the change of a waveform stays under what is heard beside it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from spikeproof.base import SettingError, check_positive
from spikeproof.data import Domain, Views
from spikeproof.threats.facts import ThreatFacts
from spikeproof.threats.hearing import Frames, threshold_beside
from spikeproof.threats.snr import decibels
from spikeproof.threats.spectral import ROUNDS, Spectral

__all__ = ["Masked"]


@dataclass(eq=False)
class _Last:
    """The thresholds beside one batch, known by its values."""

    x: Tensor
    geometry: Masked
    found: Tensor


_memo = threading.local()


@dataclass(frozen=True)
class Masked(Spectral):
    r"""The change stays under what the ear hears beside the sound, in every window and bin.

    .. math:: \max_{m, k} \frac{|S\delta[m, k]|}{\theta_x[m, k]} \le r

    S is the short-time spectrum under Hann windows, :math:`\theta_x` the masking threshold of the
    clean item (``hearing.threshold_beside``). A radius of 1 is inaudible by that model, 10 lies
    20 dB above it. The ball is an l_inf ball of spectra: steps have the phase of the gradient and
    the size of the threshold; a point is made legal by cutting its spectrum at the threshold and
    shortening what is left over. A silent item may not change.

    Args:
        rate_hz: Samples per second.
        window: Samples under a window, a multiple of ``2 * hop``.
        hop: Samples between windows.
    Raises:
        SettingError: a rate that is not above 200 Hz, or windows that do not add up.
    Example:
        >>> Masked(rate_hz=16000).level(10.0, Domain(kind="audio", shape=(9,)))
        '+20.0 dB of the masking threshold'

    References:
        qin2019imperceptible
    """

    facts: ClassVar[Mapping[str, ThreatFacts]] = {
        "masked": ThreatFacts(
            symbol="masked",
            title="change over masking threshold",
            unit="of the threshold",
            settings=None,
        )
    }

    rate_hz: float
    window: int = 2048
    hop: int = 512

    def __post_init__(self) -> None:
        check_positive(self, "rate_hz")
        if self.hop < 1 or self.window < 4 * self.hop or self.window % (2 * self.hop):
            raise SettingError(
                f"Masked.window must be a multiple of 2 * hop, at least 4 hops, so that windows "
                f"add up; got {self.window} and {self.hop}."
            )
        if self.rate_hz <= 200:
            raise SettingError(f"Masked.rate_hz must be above 200 Hz; got {self.rate_hz:g}.")

    @property
    def name(self) -> str:
        """``"masked"``."""
        return "masked"

    def level(self, radius: float, domain: Domain | Views) -> str:
        """Decibels above the threshold."""
        return f"{0.0 - decibels(radius):+.1f} dB of the masking threshold" if radius > 0 else ""

    @property
    def _frames(self) -> Frames:
        return Frames(self.window, self.hop)

    def _threshold(self, x: Tensor) -> Tensor:
        """What is masked beside each item; the steps of an attack all ask about one batch."""
        last: _Last | None = getattr(_memo, "last", None)
        same = last is not None and last.geometry == self and last.x.shape == x.shape
        if last is None or not same or last.x.device != x.device or not torch.equal(last.x, x):
            last = _Last(x.clone(), self, threshold_beside(x, self.rate_hz, self._frames))
            _memo.last = last
        return last.found

    def _length(self, change: Tensor, x: Tensor) -> Tensor:
        size = self._frames.spectra(change).abs()
        share = size / self._threshold(x)
        return torch.where(size > 0, share, torch.zeros_like(share)).flatten(1).amax(1)

    def _nearest(self, change: Tensor, x: Tensor, radius: Tensor) -> Tensor:
        most = self._threshold(x) * radius[:, :, None]
        for _ in range(ROUNDS):
            spectra = self._frames.spectra(change)
            size = spectra.abs()
            if not (size > most).any():
                return change
            share = (most / size.clamp(min=1e-300)).clamp(max=1)
            change = self._frames.waves(spectra * share, change.shape[1])
        return self._shortened(change, x, radius)

    def _steepest(self, grad: Tensor, x: Tensor) -> Tensor:
        spectra = self._frames.spectra(grad)
        size = spectra.abs()
        phase = spectra / torch.where(size > 0, size, torch.ones_like(size))
        return self._frames.waves(phase * self._threshold(x), grad.shape[1])
