"""Which threats are about events: flips of bits, and times."""

from __future__ import annotations

from spikeproof.data import Domain
from spikeproof.threats import Geometry, Relative, Retiming, Threat, Within

__all__ = ["on_bits", "retimes", "widest_shift"]


def on_bits(threat: Threat) -> bool:
    """Whether single cells of a grid of bits may change."""
    domain = threat.domain
    bits = isinstance(domain, Domain) and domain.integer and (domain.low, domain.high) == (0, 1)
    return bits and not retimes(threat)


def retimes(threat: Threat) -> bool:
    """Whether events may only move in time."""
    return isinstance(_counted_in(threat), Retiming)


def widest_shift(threat: Threat) -> int | None:
    """How many steps one event may move under a retiming, where the threat says so."""
    geometry = _counted_in(threat)
    if isinstance(geometry, Retiming) and geometry.measure == "inf":
        return max(1, int(threat.radius))
    return None


def _counted_in(threat: Threat) -> Geometry:
    """The geometry in whose units a threat counts."""
    geometry: Geometry = threat.geometry
    while isinstance(geometry, Relative | Within):
        geometry = geometry.geometry
    return geometry
