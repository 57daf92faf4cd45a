"""The threats a report uses: one ladder of radii for every norm the data set declares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from spikeproof.base import SettingError, placed
from spikeproof.data import Dataset, DataSpec, Domain, Views
from spikeproof.threats.joint import Joint
from spikeproof.threats.linf import Linf
from spikeproof.threats.registry import geometry_named
from spikeproof.threats.threat import Threat

__all__ = ["as_threats", "standard_threats", "threat_of"]


def standard_threats(
    data: Dataset, radii: Mapping[str, Sequence[float]] | None = None
) -> dict[str, tuple[Threat, ...]]:
    """Return the ladder of threats for every norm that a data set declares radii for.

    Norms on event counts are attacked in frame space (the box without the grid); ``counts``
    keeps the grid. ``joint`` is l_inf on every view, with the view radii of ``data.spec.joint``.

    Args:
        data: A data set; only its spec and domain are read.
        radii: Radii of other threats, or others than the data set declares, by threat name.
    Returns:
        Threat name → threats of ascending radius.
    Raises:
        SettingError: the spec names an unknown threat, or ``joint`` without view radii.
    """
    return {
        name: tuple(
            sorted(
                (_threat(name, data.spec, data.domain, radius) for radius in ladder),
                key=lambda threat: threat.radius,
            )
        )
        for name, ladder in {**data.spec.radii, **(radii or {})}.items()
    }


def threat_of(data: Dataset, name: str, radius: float) -> Threat:
    """Return the threat of a name on a data set, also where the data set declares no radii for it.

    Args:
        data: A data set; only its spec and domain are read.
        name: A threat, of spikeproof or of another package.
        radius: In the unit of the threat.
    Raises:
        SettingError: an unknown name, a radius that makes no sense on the domain, or ``joint``
            without view radii.
    Example:
        >>> from spikeproof.data import load
        >>> threat_of(load("digits"), "l0-features", 4).radius
        4.0
    """
    return _threat(name, data.spec, data.domain, radius)


def _threat(name: str, spec: DataSpec, domain: Domain | Views, radius: float) -> Threat:
    """One threat of a ladder."""
    if name in Joint.facts:
        views: Mapping[str, float] = spec.joint
        if not views:
            raise SettingError(f"Data set {spec.name!r} declares joint radii but no view radii.")
        return Threat(Joint({v: (Linf(), r) for v, r in views.items()}), radius, domain.relaxed())
    with placed(f"data set {spec.name!r}"):
        geometry = geometry_named(name)
    far = geometry.radius_from(radius)
    return Threat(geometry, far, domain if geometry.grid else domain.relaxed())


def as_threats(threats: Threat | Iterable[Threat], what: str) -> tuple[Threat, ...]:
    """Return threats as a tuple; one alone is a list of one.

    Args:
        threats: One, or several.
        what: What to call them in an error.
    Raises:
        SettingError: something else.
    Example:
        >>> as_threats("linf", "audit: threats")
        Traceback (most recent call last):
        spikeproof.base.errors.SettingError: audit: threats must be Threat objects; got 'linf'. \
Write Threat(Linf(), 8 / 255, data.domain), or threat_of(data, 'linf', 8 / 255).
    """
    if isinstance(threats, Threat):
        return (threats,)
    several = isinstance(threats, Iterable) and not isinstance(threats, str)
    found: tuple[Threat, ...] = tuple(threats) if several else (threats,)  # type: ignore[assignment]
    for one in found:
        if not isinstance(one, Threat):
            raise SettingError(
                f"{what} must be Threat objects; got {one!r}. Write Threat(Linf(), 8 / 255, "
                "data.domain), or threat_of(data, 'linf', 8 / 255)."
            )
    return found
