"""The threats a report uses: one ladder of radii for every norm the data set declares."""

from __future__ import annotations

from collections.abc import Mapping

from spikeproof.base import SettingError
from spikeproof.data import Dataset, DataSpec, Domain, Views
from spikeproof.threats.counts import Counts
from spikeproof.threats.geometry import Geometry
from spikeproof.threats.joint import Joint
from spikeproof.threats.l0 import L0
from spikeproof.threats.l1 import L1
from spikeproof.threats.l2 import L2
from spikeproof.threats.linf import Linf
from spikeproof.threats.threat import Threat

__all__ = ["standard_threats"]

PLAIN: dict[str, Geometry] = {
    "counts": Counts(),
    "l0": L0(),
    "l0-features": L0(pixels=False),
    "l1": L1(),
    "l2": L2(),
    "linf": Linf(),
}


def standard_threats(data: Dataset) -> dict[str, tuple[Threat, ...]]:
    """Return the ladder of threats for every norm that a data set declares radii for.

    Norms on event counts are attacked in frame space (the box without the grid); ``counts``
    keeps the grid. ``joint`` is l_inf on every view, with the view radii of ``data.spec.joint``.

    Args:
        data: A data set; only its spec and domain are read.
    Returns:
        Threat name → threats of ascending radius.
    Raises:
        SettingError: the spec names an unknown threat, or ``joint`` without view radii.
    """
    return {
        name: tuple(_threat(name, data.spec, data.domain, radius) for radius in sorted(radii))
        for name, radii in data.spec.radii.items()
    }


def _threat(name: str, spec: DataSpec, domain: Domain | Views, radius: float) -> Threat:
    """One threat of a ladder."""
    if name == "counts":
        return Threat(Counts(), radius, domain)
    if name == "joint":
        views: Mapping[str, float] = spec.joint
        if not views:
            raise SettingError(f"Data set {spec.name!r} declares joint radii but no view radii.")
        return Threat(Joint({v: (Linf(), r) for v, r in views.items()}), radius, domain.relaxed())
    if name not in PLAIN:
        raise SettingError(
            f"Data set {spec.name!r} declares radii for {name!r}; known: {', '.join(PLAIN)}, joint."
        )
    return Threat(PLAIN[name], radius, domain.relaxed())
