"""The band geometry: the change of a waveform lies in bands of frequencies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from spikeproof.base import SettingError, check_fraction, check_one_of, check_positive
from spikeproof.data import Domain, Views
from spikeproof.threats.facts import ThreatFacts
from spikeproof.threats.snr import decibels
from spikeproof.threats.spectral import ROUNDS, Spectral

__all__ = ["Band"]


@dataclass(frozen=True)
class Band(Spectral):
    r"""The change lies in bands of frequencies and in an l_2 or l_inf ball.

    .. math:: \max\big(\|\delta\|,\ \|\delta_{\text{outside}}\| / \text{leak}\big) \le r

    Outside is what is left when the bins of the discrete Fourier transform in the bands are taken
    away. A share ``leak`` of the radius may lie there, since a float32 waveform in a box cannot be
    free of it: 0.01 are 40 dB. Projections and steps use none of it. The l_2 step is the steepest,
    and the nearest point is exact where the box does not bind; under l_inf both go back and forth
    between band and cube, and are near.

    Args:
        bands: Lowest and highest frequency of each band, Hz, both in it.
        rate_hz: Samples per second.
        ball: ``"l2"`` or ``"linf"``.
        leak: Share of the radius that may lie outside the bands, in (0, 1].
    Raises:
        SettingError: no band, one without width or above half the rate, another ball.
    Example:
        >>> from spikeproof.threats import Threat
        >>> voice = Band(((300.0, 3400.0),), rate_hz=8000)
        >>> Threat(voice, 0.1, Domain(kind="audio", shape=(800,), low=-1.0)).level
        '-49.0 dBFS'
    """

    facts: ClassVar[Mapping[str, ThreatFacts]] = {
        "band": ThreatFacts(symbol="band", title="length of the change within bands", settings=None)
    }

    bands: tuple[tuple[float, float], ...]
    rate_hz: float
    ball: str = "l2"
    leak: float = 0.01

    def __post_init__(self) -> None:
        check_positive(self, "rate_hz")
        check_fraction(self, "leak")
        check_one_of(self.ball, ("l2", "linf"), "Band.ball")
        bands = tuple((float(low), float(high)) for low, high in self.bands)
        object.__setattr__(self, "bands", bands)
        for low, high in bands:
            if not 0 <= low < high <= self.rate_hz / 2:
                raise SettingError(
                    f"Band: a band goes from a lower to a higher frequency, up to half the rate "
                    f"({self.rate_hz / 2:g} Hz); got {low:g} to {high:g}."
                )
        if not bands or self.leak == 0:
            raise SettingError("Band needs at least one band and a leak above 0, such as 0.01.")

    @property
    def name(self) -> str:
        """``"band"``."""
        return "band"

    def check(self, radius: float, domain: Domain | Views) -> None:
        """Refuse what is no waveform, and bands between two bins of this one."""
        super().check(radius, domain)
        if not self._mask(domain.size, torch.device("cpu")).any():
            raise SettingError(
                f"No frequency of {domain.size} samples at {self.rate_hz:g} Hz lies in "
                f"{self.bands}; bins are {self.rate_hz / domain.size:g} Hz apart."
            )

    def level(self, radius: float, domain: Domain | Views) -> str:
        """Against full scale, as for the ball without bands."""
        full = max(abs(domain.low), abs(domain.high)) if isinstance(domain, Domain) else 1.0
        share = radius / full / (domain.size**0.5 if self.ball == "l2" else 1.0)
        return f"{-decibels(share):.1f} dBFS" if 0 < share < float("inf") else ""

    def _mask(self, length: int, device: torch.device) -> Tensor:
        """Which bins of a transform lie in a band."""
        bins = torch.arange(length // 2 + 1, dtype=torch.float64, device=device)
        hz = bins * (self.rate_hz / length)
        inside = [(hz >= low) & (hz <= high) for low, high in self.bands]
        return torch.stack(inside).any(0)

    def _inside(self, change: Tensor) -> Tensor:
        """The part of changes in the bands."""
        length = change.shape[1]
        spectrum = torch.fft.rfft(change) * self._mask(length, change.device)
        return torch.fft.irfft(spectrum, length)

    def _norm(self, change: Tensor) -> Tensor:
        if self.ball == "linf":
            return change.abs().amax(1)
        return change.square().sum(1).sqrt()

    def _length(self, change: Tensor, x: Tensor) -> Tensor:
        outside = self._norm(change - self._inside(change))
        return torch.maximum(self._norm(change), outside / self.leak)

    def _nearest(self, change: Tensor, x: Tensor, radius: Tensor) -> Tensor:
        change = self._inside(change)
        if self.ball == "linf":
            for _ in range(ROUNDS):
                change = self._inside(change.clamp(-radius, radius))
        size = self._norm(change)[:, None]
        return torch.where(size > radius, change * (radius / size.clamp(min=1e-300)), change)

    def _steepest(self, grad: Tensor, x: Tensor) -> Tensor:
        inside = self._inside(grad)
        if self.ball == "l2":
            return inside
        along = self._inside(inside.sign())
        for _ in range(ROUNDS):
            along = self._inside(along.clamp(-1, 1))
        return along
