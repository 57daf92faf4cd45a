"""Kinds of geometries, and the plain records that configuration files and results hold."""

from __future__ import annotations

from spikeproof.base import Registry
from spikeproof.threats.counts import Counts
from spikeproof.threats.geometry import Geometry
from spikeproof.threats.joint import Joint
from spikeproof.threats.l0 import L0
from spikeproof.threats.l1 import L1
from spikeproof.threats.l2 import L2
from spikeproof.threats.linf import Linf

__all__ = ["GEOMETRIES"]


GEOMETRIES: Registry[Geometry] = Registry(
    "geometry",
    {"counts": Counts, "joint": Joint, "l0": L0, "l1": L1, "l2": L2, "linf": Linf},
    group="spikeproof.threats",
    of=Geometry,
)
