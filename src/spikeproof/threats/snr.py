"""Noise against the signal: the ball of every waveform is as large as its own level allows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from spikeproof.base import Seeds, SettingError
from spikeproof.data import Domain, Views
from spikeproof.threats.facts import ThreatFacts
from spikeproof.threats.geometry import Geometry, Radius
from spikeproof.threats.l2 import L2
from spikeproof.threats.linf import Linf

__all__ = ["Snr", "decibels", "ratio_of"]

Floats = npt.NDArray[np.float64]

# A person's number is refused beyond these: noise louder than the signal, or below 24 bits.
_FEWEST, _MOST = 0.0, 160.0


def decibels(ratio: float) -> float:
    """Return how many decibels a ratio of amplitudes lies below one.

    Example:
        >>> round(decibels(0.1)), decibels(1.0) == 0
        (20, True)
    """
    return math.inf if ratio <= 0 else -20 * math.log10(ratio) + 0.0


def ratio_of(db: float) -> float:
    """Return the ratio of amplitudes that lies so many decibels below one.

    Example:
        >>> ratio_of(20.0)
        0.1
    """
    return float(10 ** (-db / 20))


@dataclass(frozen=True)
class Snr(Geometry):
    r"""The change is at least so many decibels quieter than the waveform it is made to.

    .. math:: \|\delta\|_2 \le \|x\|_2\,10^{-\mathrm{dB}/20}
              \qquad\text{or, of peaks,}\qquad
              \max_i |\delta_i| \le \max_i |x_i|\,10^{-\mathrm{dB}/20}

    The first is the signal-to-noise ratio, the second ``-dB_x(δ)`` of the literature on speech.
    The radius is the ratio :math:`10^{-\mathrm{dB}/20}`, so that a larger one allows more; people
    give decibels: ``"snr:30"``, ``threat_of(data, "snr", 30)``. Each item has its own ball, l_2 or
    l_inf, with all verbs of that ball. A silent item may not change at all.

    Args:
        peak: Compare largest samples instead of energies.
    Raises:
        SettingError: on a domain that is no waveform, outside 0 to 160 dB, or between 0 and 1 dB,
            which is a ratio in the wrong place.
    Example:
        >>> from spikeproof.threats import Threat
        >>> threat = Threat(Snr(), ratio_of(20), Domain(kind="audio", shape=(2,), low=-1.0))
        >>> x = torch.tensor([[0.3, 0.4], [0.0, 0.0]])
        >>> threat.project(x + torch.tensor([0.0, 1.0]), x) - x
        tensor([[0.0000, 0.0500],
                [0.0000, 0.0000]])

    References:
        carlini2018audio
    """

    facts: ClassVar[Mapping[str, ThreatFacts]] = {
        "snr": ThreatFacts(
            symbol="SNR", title="noise over signal, by energy", unit="of the signal"
        ),
        "snr-peak": ThreatFacts(
            symbol="peak SNR",
            title="noise over signal, by largest sample",
            unit="of the signal",
            settings={"peak": True},
        ),
    }

    peak: bool = False

    @property
    def name(self) -> str:
        """``"snr"`` or ``"snr-peak"``."""
        return "snr-peak" if self.peak else "snr"

    def radius_from(self, given: float) -> float:
        """The ratio of so many decibels."""
        if isinstance(given, bool) or not isinstance(given, int | float):
            raise SettingError(f"A radius of {self.name} is a number of decibels; got {given!r}.")
        if not _FEWEST <= given <= _MOST:
            raise SettingError(
                f"A radius of {self.name} is how many decibels the change lies below the signal, "
                f"{_FEWEST:g} to {_MOST:g}; got {given:g}. Write {self.name}:30 for 30 dB."
            )
        if 0 < given < 1:  # noise about as loud as the signal: nobody means that
            raise SettingError(
                f"A radius of {self.name} is how many decibels the change lies below the signal; "
                f"got {given:g}, which looks like a ratio. As one it is {decibels(given):g} dB: "
                f"write {self.name}:{decibels(given):g}."
            )
        return ratio_of(given)

    def spelled(self, radius: float) -> str:
        """The decibels."""
        return f"{decibels(radius):g}"

    def level(self, radius: float, domain: Domain | Views) -> str:
        """The decibels with their unit."""
        return f"{decibels(radius):.4g} dB {'below the peak' if self.peak else 'SNR'}"

    def distance(self, x_adv: Tensor, x: Tensor, domain: Domain | Views) -> Tensor:
        """Noise over signal, float64 ``(N,)``; 0 where nothing changed, inf where x is silent."""
        length = self._ball.distance(x_adv, x, domain)
        ratio = length / self._level(x).flatten()
        return torch.where(length == 0, torch.zeros_like(length), ratio)

    def length_between(self, x_adv: Floats, x: Floats, domain: Domain | Views) -> Floats:
        """The same by numpy."""
        order = np.inf if self.peak else 2
        noise, signal = (
            np.linalg.norm(a.reshape(len(a), -1), ord=order, axis=1) for a in (x_adv - x, x)
        )
        silent = np.where(noise > 0, np.inf, 0.0)
        return np.where(signal > 0, noise / np.where(signal > 0, signal, 1.0), silent)

    def reach(self, x: Tensor, domain: Domain | Views) -> Tensor:
        """The ratio at which every corner of the box is reached; 0 for a silent item."""
        level, far = self._level(x).flatten(), self._ball.reach(x, domain)
        return torch.where(level > 0, far / level, torch.zeros_like(far))

    def project(self, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views) -> Tensor:
        """The nearest point of the item's own ball and the box."""
        return self._ball.project(z, x, radius * self._level(x), domain)

    def relax(self, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views) -> Tensor:
        """The same: the ball is convex."""
        return self._ball.relax(z, x, radius * self._level(x), domain)

    def step(
        self, grad: Tensor, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views
    ) -> Tensor:
        """The steepest step of the item's own ball."""
        own = (radius * self._level(x)).to(grad.dtype)
        return self._ball.step(grad, z, x, own, domain)

    def draw(self, x: Tensor, seeds: Seeds, radius: float, domain: Domain | Views) -> Tensor:
        """Uniform in the item's own ball."""
        unit = self._ball.draw(x, seeds, 1.0, domain).double().flatten(1)
        return (unit * radius * self._level(x)).to(x.dtype).view_as(x)

    def check(self, radius: float, domain: Domain | Views) -> None:
        """Refuse what is no waveform, and noise that is louder than the signal."""
        if not (isinstance(domain, Domain) and domain.kind in ("audio", "real")):
            raise SettingError(
                f"{self.name} compares a waveform with its noise; this {domain.kind} domain holds "
                "none. Use Linf or L2, or Joint with this geometry on the view that is a sound."
            )
        if radius > 1:
            raise SettingError(
                f"The {self.name} radius {radius:g} is a ratio above 1, noise louder than the "
                f"signal; for {radius:g} dB write ratio_of({radius:g}), or {self.name}:{radius:g}."
            )

    @property
    def _ball(self) -> L2 | Linf:
        """What is measured, before it is compared with the signal."""
        return Linf() if self.peak else L2()

    def _level(self, x: Tensor) -> Tensor:
        """Level of every item, float64 ``(N, 1)``."""
        flat = x.double().flatten(1)
        if self.peak:
            return flat.abs().amax(1, keepdim=True)
        return flat.square().sum(1, keepdim=True).sqrt()
