"""Kinds of geometries, and the plain records that configuration files and results hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spikeproof.base import Registry, SettingError
from spikeproof.threats.counts import Counts
from spikeproof.threats.geometry import Geometry
from spikeproof.threats.joint import Joint
from spikeproof.threats.l0 import L0
from spikeproof.threats.l1 import L1
from spikeproof.threats.l2 import L2
from spikeproof.threats.linf import Linf

__all__ = ["GEOMETRIES"]


class _Geometries(Registry[Geometry]):
    """A registry that also knows the geometries inside a Joint."""

    def build(self, record: Mapping[str, Any] | str) -> Geometry:
        """Build a geometry from its record or its bare kind."""
        if isinstance(record, str) or record.get("kind") != "joint":
            return super().build(record)
        views = record.get("views")
        if not isinstance(views, Mapping) or set(record) != {"kind", "views"}:
            raise SettingError(
                "geometry 'joint' needs exactly the setting 'views': "
                "{name: {'geometry': {...}, 'radius': r}}."
            )
        parts = {}
        for name, part in views.items():
            if not isinstance(part, Mapping) or set(part) != {"geometry", "radius"}:
                raise SettingError(
                    f"geometry 'joint': view {name!r} needs exactly 'geometry' and 'radius'."
                )
            parts[name] = (self.build(part["geometry"]), float(part["radius"]))
        return Joint(parts)

    def record(self, member: Geometry) -> dict[str, Any]:
        """Return the plain record of a geometry."""
        if not isinstance(member, Joint):
            return super().record(member)
        views = {
            name: {"geometry": self.record(own), "radius": radius}
            for name, (own, radius) in member.views.items()
        }
        return {"kind": "joint", "views": views}


GEOMETRIES: Registry[Geometry] = _Geometries(
    "geometry",
    {"counts": Counts, "joint": Joint, "l0": L0, "l1": L1, "l2": L2, "linf": Linf},
)
