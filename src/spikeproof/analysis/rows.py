"""The rows that results are made of: small, frozen, and plain enough for JSON."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spikeproof.metrics import Estimate, Over

__all__ = [
    "UNDISTURBED",
    "Competing",
    "Curve",
    "FlagRow",
    "LayerActivity",
    "MatrixCell",
    "TimingRow",
    "TransferRow",
    "level_name",
    "plain",
]

UNDISTURBED = "undisturbed"
"""What results call the items of a timing cell as they are."""


def level_name(kind: str, level: float) -> str:
    """What results call a level, e.g. ``"jitter 0.5"``."""
    return f"{kind} {level:.15g}"


@dataclass(frozen=True, kw_only=True)
class MatrixCell:
    """Robust accuracy of one training under one threat at one radius.

    Args:
        data: Data set.
        training: Name of the training.
        threat: Name of the threat, or ``"union"``.
        radius: Radius; None for the union.
        level: Which radius of the ladder, 0 is the smallest.
        estimate: Robust accuracy with its interval.
        members: Threats that a union is made of; empty otherwise.
        decibels: The radius on a sound in decibels, as text; empty where they say nothing.
    """

    data: str
    training: str
    threat: str
    radius: float | None
    level: int
    estimate: Estimate
    members: tuple[str, ...] = ()
    decibels: str = ""


@dataclass(frozen=True, kw_only=True)
class TimingRow:
    """Accuracy of one training under one strength of random timing noise.

    Args:
        data: Data set.
        training: Name of the training.
        kind: ``"jitter"``, ``"deletion"`` or ``"insertion"``; ``"undisturbed"`` for none.
        level: Strength, as ``evaluate.timing`` counts it; 0 for none.
        estimate: Share of draws answered right, with its interval.
    """

    data: str
    training: str
    kind: str
    level: float
    estimate: Estimate

    @property
    def what(self) -> str:
        """What ``Results.mean`` and ``difference`` call it."""
        return level_name(self.kind, self.level) if self.level else self.kind


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Accuracy of one training against the radius; the first point is clean, radius 0.

    Args:
        data: Data set.
        training: Name of the training.
        threat: Name of the threat.
        radii: Ascending, 0 first.
        accuracy: Robust accuracy at each radius.
        low: Lower ends of the 95 % intervals.
        high: Upper ends.
        random_accuracy: Accuracy under random perturbations of the same radii.
        area: Mean height of the curve, by trapezoids.
    """

    data: str
    training: str
    threat: str
    radii: tuple[float, ...]
    accuracy: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    random_accuracy: tuple[float, ...]
    area: Estimate


@dataclass(frozen=True, kw_only=True)
class TransferRow:
    """What one training brings against one threat, at the standard radius.

    The gain over the undefended network is there wherever both were attacked; its ratio to the gain
    of dedicated training only where the run holds one that gains enough to divide by.

    Args:
        data: Data set.
        training: Name of the training.
        threat: Name of the threat.
        radius: Radius compared at; None where nothing was computed.
        tau: 0 as undefended, 1 as dedicated training; None where undefined.
        low: Lower end of the 95 % interval.
        high: Upper end.
        defined: Whether tau may be read.
        reason: Why not; empty where defined.
        dedicated: Name of the training dedicated to the threat; None where there is none.
        gain: Robust accuracy minus that of the undefended training, paired; None where one of the
            two is not there.
        over: What the interval of tau allows for, as in ``Estimate``.
    """

    data: str
    training: str
    threat: str
    radius: float | None
    tau: float | None
    low: float | None
    high: float | None
    defined: bool
    reason: str
    dedicated: str | None
    gain: Estimate | None
    over: Over = "items"


@dataclass(frozen=True, kw_only=True)
class Competing:
    """Competitiveness of one training against the dedicated ones, clean accuracy excluded.

    Args:
        data: Data set.
        training: Name of the training.
        average: Mean ratio to the dedicated training over the threats that have one.
        worst: Smallest of these ratios.
        threats: The threats that entered.
    """

    data: str
    training: str
    average: float
    worst: float
    threats: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class LayerActivity:
    """Firing of one spiking layer, the mean over the seeds.

    Args:
        layer: Name of the layer.
        rate: Spikes per unit, step and item.
        dead: Share of units that never fire on the sample.
        saturated: Share of units that always fire.
        seeds: Networks averaged.
    """

    layer: str
    rate: float
    dead: float
    saturated: float
    seeds: int


@dataclass(frozen=True, kw_only=True)
class FlagRow:
    """Something seen of a network, or of attacks on it, that makes its numbers doubtful.

    Args:
        data: Data set.
        training: Name of the training, or of a network that was trained before.
        seed: Of the network.
        name: Of the flag.
        stop: Whether robust accuracy means nothing with it.
        overridden: Whether the plan states robust accuracy all the same.
        seen: What was seen, with numbers.
        why: Why it matters.
        mend: What to do.
    """

    data: str
    training: str
    seed: int
    name: str
    stop: bool
    overridden: bool
    seen: str
    why: str
    mend: str


def plain(value: Any) -> Any:
    """Return rows as JSON data: dataclasses as objects, NaN and infinity as null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
