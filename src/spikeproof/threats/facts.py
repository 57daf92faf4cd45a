"""What tables, plots, theory and verification have to know of a threat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Facts"]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The facts of one threat, kept by its geometry under the threat's name.

    Args:
        symbol: The short name in tables and plots, e.g. ``"ℓ∞"``.
        title: What the radius measures, in words, e.g. ``"largest change of any one value"``.
        unit: What a radius counts, e.g. ``"events"``; None where it is in the unit of the data.
        order: p where the distance is the l_p norm of the whole change, with math.inf for the
            largest and 0 for the number of changed values or pixels; None for everything else,
            which then brings a ``length`` of its own.
        settings: What makes the geometry of this name; None where a name does not say enough.
    Example:
        >>> Facts(symbol="ℓ₂", title="Euclidean length of the change", order=2.0).unit is None
        True
    """

    symbol: str
    title: str
    unit: str | None = None
    order: float | None = None
    settings: Mapping[str, Any] | None = field(default_factory=dict)
