"""What the attacker may do (Threat, geometries) and wants (Goal)."""

from spikeproof.threats.band import Band
from spikeproof.threats.box import Boxed
from spikeproof.threats.counts import Counts
from spikeproof.threats.energy import Energy
from spikeproof.threats.facts import ThreatFacts
from spikeproof.threats.flips import Flips
from spikeproof.threats.geometry import Geometry
from spikeproof.threats.goal import LOSSES, Goal, Misclassification, OutputChange
from spikeproof.threats.joint import Joint
from spikeproof.threats.l0 import L0
from spikeproof.threats.l1 import L1
from spikeproof.threats.l2 import L2
from spikeproof.threats.linf import Linf
from spikeproof.threats.masked import Masked
from spikeproof.threats.naming import radius_of, threat_from
from spikeproof.threats.rasters import ChannelShift, TimestampShift
from spikeproof.threats.registry import (
    GEOMETRIES,
    by_order,
    geometry_named,
    shown_facts,
    threat_facts,
)
from spikeproof.threats.relative import Relative
from spikeproof.threats.retiming import Retiming
from spikeproof.threats.snr import Snr, decibels, ratio_of
from spikeproof.threats.standard import as_threats, standard_threats, threat_of
from spikeproof.threats.threat import Threat
from spikeproof.threats.within import Within

__all__ = [
    "GEOMETRIES",
    "L0",
    "L1",
    "L2",
    "LOSSES",
    "Band",
    "Boxed",
    "ChannelShift",
    "Counts",
    "Energy",
    "Flips",
    "Geometry",
    "Goal",
    "Joint",
    "Linf",
    "Masked",
    "Misclassification",
    "OutputChange",
    "Relative",
    "Retiming",
    "Snr",
    "Threat",
    "ThreatFacts",
    "TimestampShift",
    "Within",
    "as_threats",
    "by_order",
    "decibels",
    "geometry_named",
    "radius_of",
    "ratio_of",
    "shown_facts",
    "standard_threats",
    "threat_facts",
    "threat_from",
    "threat_of",
]
