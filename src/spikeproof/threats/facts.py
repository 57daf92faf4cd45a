"""What tables, plots, theory and verification have to know of a threat."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from spikeproof.base import SettingError
from spikeproof.data import Domain, Views

__all__ = ["Described", "ThreatFacts"]


@dataclass(frozen=True, kw_only=True)
class ThreatFacts:
    """The facts of one threat, kept by its geometry under the threat's name.

    Args:
        symbol: The short name in tables and plots, e.g. ``"ℓ∞"``.
        title: What the radius measures, in words, e.g. ``"largest change of any one value"``.
        unit: What a radius counts, e.g. ``"events"``; None where it is in the unit of the data.
        order: p where the distance is the l_p norm of the whole change, with math.inf for the
            largest and 0 for the number of changed values or pixels; None for everything else,
            which then brings a ``length`` of its own.
        settings: What makes the geometry of this name; None where a name does not say enough.
        example: A radius that the contracts of attacks try, on items of some hundred values in
            [0, 1]; None leaves the threat out.
    Example:
        >>> ThreatFacts(symbol="ℓ₂", title="Euclidean length of the change", order=2.0).unit is None
        True
    """

    symbol: str
    title: str
    unit: str | None = None
    order: float | None = None
    settings: Mapping[str, Any] | None = field(default_factory=dict)
    example: float | None = None


class Described:
    """What a geometry says of the threats that it makes; every geometry is one.

    ``facts`` holds them by the name of the threat. ``grid`` says whether event counts stay whole;
    otherwise events are attacked as real-valued frames.
    """

    facts: ClassVar[Mapping[str, ThreatFacts]] = {}
    grid: ClassVar[bool] = False

    @property
    def about(self) -> ThreatFacts:
        """The facts of the threat with this geometry."""
        name = str(getattr(self, "name", type(self).__name__))
        return self.facts.get(name, ThreatFacts(symbol=name, title="radius"))

    @property
    def by_pixel(self) -> bool:
        """Whether a unit of the radius is a pixel with all its channels."""
        return False

    def length(
        self, change: npt.NDArray[np.float64], domain: Domain | Views
    ) -> npt.NDArray[np.float64]:
        """Length of every change, ``(N, *shape)``, to verify ``distance`` by, float64 ``(N,)``.

        For geometries whose ``facts`` name no order. It is written from the formula, without the
        code of ``distance``, so that a mistake in one cannot hide in the other.

        Raises:
            SettingError: a geometry without an order that does not define it.
        """
        raise SettingError(
            f"Results under {self.about.symbol} cannot be verified: {type(self).__name__} names "
            "neither an order in its facts nor a length(change, domain) of its own."
        )

    def length_between(
        self,
        x_adv: npt.NDArray[np.float64],
        x: npt.NDArray[np.float64],
        domain: Domain | Views,
    ) -> npt.NDArray[np.float64]:
        """The same where the change alone does not say it, from both inputs, ``(N, *shape)``."""
        return self.length(x_adv - x, domain)

    def radius_from(self, given: float) -> float:
        """The radius for the number that a person gives, who may think in another unit."""
        return given

    def spelled(self, radius: float) -> str:
        """The number that a person gives for this radius, as text; what ``radius_from`` undoes."""
        return f"{radius:g}"

    def level(self, radius: float, domain: Domain | Views) -> str:
        """A radius on a waveform in decibels, as text; empty where decibels say nothing.

        Of the largest sample (l_inf), or of the root mean square over the samples (l_2), against
        full scale, the largest value that the domain allows.
        """
        order = self.about.order
        if radius <= 0 or not isinstance(domain, Domain) or domain.kind != "audio":
            return ""
        full = max(abs(domain.low), abs(domain.high))
        if order not in (2.0, math.inf) or not math.isfinite(full):
            return ""
        amplitude = radius / full / (math.sqrt(domain.size) if order == 2.0 else 1.0)
        return f"{20 * math.log10(amplitude):.1f} dBFS"
