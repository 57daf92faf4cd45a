"""Claims about robust accuracy: norms against each other, and random changes against attacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from spikeproof.analysis.claims.claim import (
    FAR_BETTER,
    Claim,
    Verdict,
    VerdictPart,
    combine,
    given,
    missing,
    value_of,
    verdict_of,
)
from spikeproof.analysis.claims.gaps import gap_part, middle, sentence
from spikeproof.analysis.results import Results
from spikeproof.analysis.tables import Table, align
from spikeproof.metrics import Floats, Intervals
from spikeproof.threats import by_order

__all__ = [
    "LinfDestroysMost",
    "NoiseIsSurvived",
    "survival_at",
    "typical_lengths",
]

RIVALS = ("l2", "l0")


@dataclass(frozen=True, kw_only=True)
class LinfDestroysMost:
    """Is less left under l_inf than under l_2 and l_0?

    Decided at the standard radii of the data set. The comparison at equal l_2 length is reported
    beside it: an l_2 ball holds every perturbation of its length, so there a perfect l_2 attack
    can never do less than l_inf.
    """

    key: ClassVar[str] = "linf-destroys-most"
    title: ClassVar[str] = "l_inf attacks destroy most, at the standard radii"
    judged: ClassVar[str] = (
        "Whether less accuracy is left under l_inf attacks than under l_2 and under l_0 attacks, "
        "each at its standard radius."
    )

    def judge(self, results: Results, data: str) -> Verdict:
        """The verdict on one data set."""
        found = _attacked(results, data, self, ("linf", *RIVALS))
        if isinstance(found, Verdict):
            return found
        training, by_threat = found
        intervals, linf = results.intervals(by_threat["linf"]), by_threat["linf"]
        standard, equal = [], []
        for rival in RIVALS:
            other = by_threat[rival]
            gap = intervals.difference(middle(other), middle(linf))
            radii = f"radius {other.radii[other.middle]:g} against {linf.radii[linf.middle]:g}"
            standard.append(gap_part(f"{rival} minus linf at standard radii", gap, 0.0, radii))
            equal.append(_at_equal_length(intervals, rival, other, linf))
        smallest = min(standard, key=lambda part: value_of(part))
        each = "; ".join(sentence(part) for part in (*standard, *equal))
        return verdict_of(
            self,
            data,
            verdict=combine(standard),
            thresholds=(0.0,),
            estimate=smallest.estimate,
            unit="points of robust accuracy",
            explanation=(
                f"On {training!r}, decided at the standard radii{given(smallest.estimate)}: {each}."
            ),
            parts=(*standard, *equal),
            figure=_curves("l_2 length of the perturbation", by_threat, lengths=True),
        )


@dataclass(frozen=True, kw_only=True)
class NoiseIsSurvived:
    """Is accuracy under the largest random changes far above accuracy under the standard attack?"""

    key: ClassVar[str] = "noise-is-survived"
    title: ClassVar[str] = "random changes are survived far better than attacks"
    judged: ClassVar[str] = (
        "Whether accuracy under random changes of the largest radius lies at least "
        f"{100 * FAR_BETTER:.0f} points "
        "above robust accuracy at the standard radius, in every norm."
    )

    def judge(self, results: Results, data: str) -> Verdict:
        """The verdict on one data set."""
        norms = by_order(results.threats(data))
        found = _attacked(results, data, self, norms)
        if isinstance(found, Verdict):
            return found
        training, by_threat = found
        parts = []
        for norm, table in by_threat.items():
            intervals = results.intervals(table)
            gap = intervals.difference(table.values["random"][:, -1], middle(table))
            note = f"random changes at {table.radii[-1]:g}, attack at {table.radii[table.middle]:g}"
            parts.append(gap_part(f"{norm}", gap, FAR_BETTER, note))
        smallest = min(parts, key=lambda part: value_of(part))
        each = "; ".join(sentence(part) for part in parts)
        return verdict_of(
            self,
            data,
            verdict=combine(parts),
            thresholds=(100 * FAR_BETTER,),
            estimate=smallest.estimate,
            unit="points, random minus robust accuracy",
            explanation=(
                f"On {training!r}, accuracy under the largest random changes minus robust "
                f"accuracy at the standard radius (far better means {100 * FAR_BETTER:.0f} points)"
                f"{given(smallest.estimate)}: {each}."
            ),
            parts=tuple(parts),
            figure=_curves("radius", by_threat, lengths=False),
        )


def _attacked(
    results: Results, data: str, claim: Claim, threats: Any
) -> tuple[str, dict[str, Table]] | Verdict:
    """The undefended training under the threats, aligned; or the verdict that it is missing."""
    training = results.undefended(data)
    if training is None:
        return missing(claim, data, "this run has no training with cross-entropy alone")
    found = {threat: results.table(data, training, threat) for threat in threats}
    absent = [threat for threat, table in found.items() if table is None]
    if absent or not found:
        names = ", ".join(absent) or "any l_p threat"
        return missing(claim, data, f"no complete attack on {training!r} under {names}")
    aligned = align(*(table for table in found.values() if table is not None))
    if aligned is None:
        return missing(claim, data, f"the attacks on {training!r} share no items and seeds")
    return training, dict(zip(found, aligned, strict=True))


def _at_equal_length(intervals: Intervals, rival: str, other: Table, linf: Table) -> VerdictPart:
    """The comparison where both perturbations are equally long in l_2."""
    name = f"{rival} minus linf at equal l2 length"
    lengths = typical_lengths(other), typical_lengths(linf)
    known = [one[np.isfinite(one)] for one in lengths]
    if not all(one.size for one in known) or not np.isfinite(lengths[1][linf.middle]):
        return VerdictPart(
            name=name, verdict="undecided", estimate=None, unit="points", note="nothing was broken"
        )
    length = min(float(lengths[1][linf.middle]), *(float(one.max()) for one in known))
    gap = intervals.difference(
        survival_at(other, lengths[0], length), survival_at(linf, lengths[1], length)
    )
    return gap_part(name, gap, 0.0, f"l2 length {length:.3g}")


def typical_lengths(table: Table) -> Floats:
    """Mean l_2 length of the perturbations that first broke a right item, per radius; else NaN."""
    alive = np.concatenate([table.values["clean"][:, None], table.values["alive"]], axis=1)
    fresh = (alive[:, :-1] > alive[:, 1:]).astype(np.float64)
    count = fresh.sum((0, 2))
    total = (fresh * table.values["length"]).sum((0, 2))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def survival_at(table: Table, lengths: Floats, length: float) -> Floats:
    """Survival per seed and item at an l_2 length, linear between the radii, clean at length 0.

    Radii that broke nothing new have no length and are left out; so are those whose length does
    not exceed that of a smaller radius.
    """
    marks, levels = [0.0], [table.values["clean"]]
    for level, mark in enumerate(lengths):
        if np.isfinite(mark) and mark > marks[-1]:
            marks.append(float(mark))
            levels.append(table.values["alive"][:, level])
    right = min(int(np.searchsorted(marks, length)), len(marks) - 1)
    if right == 0 or length >= marks[right]:
        return np.asarray(levels[right])
    part = (length - marks[right - 1]) / (marks[right] - marks[right - 1])
    return np.asarray((1 - part) * levels[right - 1] + part * levels[right])


def _curves(x: str, by_threat: dict[str, Table], *, lengths: bool) -> dict[str, Any]:
    """Accuracy against radius or length as plain data, one series per threat."""
    series = []
    for threat, table in by_threat.items():
        marks = typical_lengths(table) if lengths else np.asarray(table.radii)
        kept = np.isfinite(marks)
        clean = float(table.values["clean"].mean())
        one: dict[str, Any] = {"name": threat, "x": [0.0, *map(float, marks[kept])]}
        for key, name in (("y", "alive"), ("random", "random")):
            heights = table.values[name].mean((0, 2))[kept]
            one[key] = [clean, *map(float, heights)]
        series.append(one)
    return {"kind": "curves", "x": x, "y": "accuracy", "log": False, "series": series}
