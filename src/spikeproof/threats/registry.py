"""Kinds of geometries, and the plain records that configuration files and results hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from spikeproof.base import Registry, SettingError, suggestion
from spikeproof.threats.band import Band
from spikeproof.threats.counts import Counts
from spikeproof.threats.facts import ThreatFacts
from spikeproof.threats.flips import Flips
from spikeproof.threats.geometry import Geometry
from spikeproof.threats.joint import Joint
from spikeproof.threats.l0 import L0
from spikeproof.threats.l1 import L1
from spikeproof.threats.l2 import L2
from spikeproof.threats.linf import Linf
from spikeproof.threats.masked import Masked
from spikeproof.threats.rasters import ChannelShift, TimestampShift
from spikeproof.threats.relative import Relative
from spikeproof.threats.retiming import Retiming
from spikeproof.threats.snr import Snr
from spikeproof.threats.within import Within

__all__ = ["GEOMETRIES", "by_order", "geometry_named", "shown_facts", "threat_facts"]


GEOMETRIES: Registry[Geometry] = Registry(
    "geometry",
    {
        "band": Band,
        "channels": ChannelShift,
        "counts": Counts,
        "flips": Flips,
        "joint": Joint,
        "l0": L0,
        "l1": L1,
        "l2": L2,
        "linf": Linf,
        "masked": Masked,
        "relative": Relative,
        "retiming": Retiming,
        "snr": Snr,
        "timestamps": TimestampShift,
        "within": Within,
    },
    group="spikeproof.threats",
    of=Geometry,
)


def threat_facts(name: str) -> ThreatFacts:
    """Return what is known of the threat that tables and records call by this name.

    Raises:
        SettingError: no registered geometry goes by it; the nearest name is given.
    Example:
        >>> threat_facts("l0-features").title
        'values changed'
    """
    return _named(name)[1]


def shown_facts(name: str) -> ThreatFacts:
    """Return what is known of a threat, or only its name where no package here offers it.

    For pages and tables: a run is shown wherever it was made.

    Example:
        >>> shown_facts("l1").symbol, shown_facts("of-elsewhere").symbol
        ('ℓ₁', 'of-elsewhere')
    """
    try:
        return threat_facts(name)
    except SettingError:
        return ThreatFacts(symbol=name, title="radius")


def by_order(names: Iterable[str]) -> list[str]:
    """Return those of the threats that are an l_p norm, from large to small p.

    Example:
        >>> by_order(["counts", "l0", "linf", "l2"])
        ['linf', 'l2', 'l0']
    """
    orders = {name: shown_facts(name).order for name in names}
    known = [(-order, name) for name, order in orders.items() if order is not None]
    return [name for _, name in sorted(known)]


def geometry_named(name: str) -> Geometry:
    """Return the geometry of the threat of this name.

    Raises:
        SettingError: no registered geometry goes by it, or a name does not say enough (joint).
    Example:
        >>> geometry_named("l0-features")
        L0(pixels=False)
    """
    cls, facts = _named(name)
    if facts.settings is None:
        raise SettingError(
            f"The name {name!r} does not say everything about the threat; make {cls.__name__} "
            "yourself."
        )
    return cls(**facts.settings)


def _named(name: str) -> tuple[type[Geometry], ThreatFacts]:
    """The geometry that goes by a name, and its facts; those of other packages come last."""
    known: list[str] = []
    for cls in _classes(name):
        if name in cls.facts:
            return cls, cls.facts[name]
        known += cls.facts
    if name in GEOMETRIES:
        return GEOMETRIES[name], ThreatFacts(symbol=name, title="radius")
    raise SettingError(f"Unknown threat {name!r}. {suggestion(name, known)}")


def _classes(name: str) -> Iterator[type[Geometry]]:
    """Every geometry, the likeliest first, so that other packages are imported only if needed."""
    yield from list(GEOMETRIES.members.values())
    if name in GEOMETRIES:
        yield GEOMETRIES[name]
    yield from GEOMETRIES.working()
