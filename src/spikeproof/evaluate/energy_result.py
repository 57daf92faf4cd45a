"""What attacks on energy made a network spend, item by item and radius by radius."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikeproof.base import (
    FileProblem,
    digest_file,
    is_sealed,
    read_arrays,
    read_json,
    sealed,
    write_arrays,
    write_json,
)
from spikeproof.metrics import Estimate, Intervals

__all__ = ["EnergyAudit", "EnergyRung"]

Array = np.ndarray[Any, Any]
_RECORD, _ITEMS = "energy.json", "items.npz"
_OWN, _PER_RUNG = ("items", "y", "correct", "before"), (
    "after", "random", "member", "distance", "x_adv",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class EnergyRung:
    """What was spent under one threat at one radius; N items.

    Args:
        threat: Its name.
        radius: Its radius.
        level: The radius on a sound in decibels, as text; else empty.
        after: Synaptic operations of the dearest input found within this radius or a smaller one
            that keeps the answer, counted anew, float64 ``(N,)``; those of the clean item where
            nothing dearer was found.
        random: Those of the dearest of the random draws at this radius that keep the answer.
        member: Which attack found it, an index into the names of the audit; -1 for none.
        distance: How far it lies, in the unit of the radius, float64 ``(N,)``.
        x_adv: It, ``(N, *shape)``.
    """

    threat: str
    radius: float
    level: str
    after: Array
    random: Array
    member: Array
    distance: Array
    x_adv: Array


@dataclass(frozen=True, kw_only=True, eq=False)
class EnergyAudit:
    """What attacks on energy made a network spend; every input is legal and keeps its answer.

    Args:
        data: Data set.
        members: Names of the attacks; the random draws stand last.
        source: What the numbers depend on, plain data.
        flags: Names of what the checks before the attacks saw.
        left_out: Layers whose work is not counted, since they read real numbers.
        items: Numbers of the items, ``(N,)``.
        y: True classes, ``(N,)``.
        correct: Right when clean, bool ``(N,)``; the others are not attacked and count nowhere.
        before: Synaptic operations of the clean items, float64 ``(N,)``.
        rungs: What was spent, threat by threat and radius by radius.
    """

    data: str
    members: tuple[str, ...]
    source: Mapping[str, Any]
    flags: tuple[str, ...]
    left_out: tuple[str, ...]
    items: Array
    y: Array
    correct: Array
    before: Array
    rungs: tuple[EnergyRung, ...]

    def __len__(self) -> int:
        """How many items."""
        return len(self.y)

    def ratio(self, spent: Array) -> Array:
        """Operations over those of the clean item, of the items that are right when clean."""
        return np.asarray((spent / np.maximum(self.before, 1))[self.correct])

    def mean(self, spent: Array) -> Estimate | None:
        """The mean of these ratios with its 95 % interval; None where no item is right."""
        ratios = self.ratio(spent)
        return Intervals(1, len(ratios)).mean(ratios[None]) if len(ratios) else None

    def to_dict(self) -> dict[str, Any]:
        """Every number as plain data, without the per-item arrays."""
        return {
            "data": self.data,
            "n": len(self),
            "right": int(self.correct.sum()),
            "operations": float(self.before[self.correct].mean()) if self.correct.any() else None,
            "left_out": list(self.left_out),
            "members": list(self.members),
            "flags": list(self.flags),
            "source": dict(self.source),
            "threats": [self._rung(rung) for rung in self.rungs],
        }

    def _rung(self, rung: EnergyRung) -> dict[str, Any]:
        """The numbers of one radius."""
        found = self.ratio(rung.after)
        some = len(found) > 0
        first = [int((rung.member[self.correct] == k).sum()) for k in range(len(self.members))]
        return {
            "threat": rung.threat,
            "radius": rung.radius,
            **({"level": rung.level} if rung.level else {}),
            "ratio": _plain(self.mean(rung.after)),
            "median": float(np.median(found)) if some else None,
            "largest": float(found.max()) if some else None,
            "dearer": float((found > 1).mean()) if some else None,
            "random": _plain(self.mean(rung.random)),
            "found_by": dict(zip(self.members, first, strict=True)),
        }

    def save(self, folder: Path | str) -> None:
        """Write ``items.npz`` with every array, and then ``energy.json`` with its hash.

        Raises:
            FileProblem: the folder cannot be written.
        """
        place = Path(folder)
        arrays = {name: getattr(self, name) for name in _OWN}
        for number, rung in enumerate(self.rungs):
            arrays |= {f"{number}.{name}": getattr(rung, name) for name in _PER_RUNG}
        write_arrays(place / _ITEMS, arrays)
        named = [{"threat": r.threat, "radius": r.radius, "level": r.level} for r in self.rungs]
        record = {"schema": 1, **self.to_dict(), "rungs": named}
        record["files"] = {_ITEMS: digest_file(place / _ITEMS)}
        write_json(place / _RECORD, sealed(json.loads(json.dumps(record))))

    @classmethod
    def load(cls, folder: Path | str) -> EnergyAudit:
        """Read what ``save`` wrote.

        Raises:
            FileProblem: no such audit there, or files that were changed since.
        """
        path = Path(folder) / _RECORD
        record = read_json(path, "energy audit")
        if not isinstance(record, dict) or record.get("schema") != 1 or not is_sealed(record):
            raise FileProblem(f"{path} is no energy audit, or was changed; run it again.")
        try:
            sha256 = str(record["files"][_ITEMS])
            arrays = read_arrays(path.with_name(_ITEMS), "array file of an audit", sha256=sha256)
            rungs = tuple(
                EnergyRung(
                    threat=str(named["threat"]),
                    radius=float(named["radius"]),
                    level=str(named["level"]),
                    **{name: arrays[f"{number}.{name}"] for name in _PER_RUNG},
                )
                for number, named in enumerate(record["rungs"])
            )
            return cls(
                data=record["data"],
                members=tuple(record["members"]),
                source=record["source"],
                flags=tuple(record["flags"]),
                left_out=tuple(record["left_out"]),
                rungs=rungs,
                **{name: arrays[name] for name in _OWN},
            )
        except (AttributeError, KeyError, TypeError, ValueError) as problem:
            raise FileProblem(f"{path} is not a whole audit ({problem}); run it again.") from None


def _plain(found: Estimate | None) -> dict[str, float] | None:
    """A number with its ends."""
    return None if found is None else {"value": found.value, "low": found.low, "high": found.high}
