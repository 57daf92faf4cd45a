"""The claim that what sparse-gradient training gains, it gains in every modality."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from spikeproof.analysis.claims.claim import (
    Verdict,
    VerdictPart,
    combine,
    gain_bars,
    missing,
    show,
    verdict_of,
)
from spikeproof.analysis.claims.sparse_training import SparseTrainingHelps
from spikeproof.analysis.inputs import recorded_domain
from spikeproof.analysis.results import Results
from spikeproof.base import SpikeproofError
from spikeproof.data import describe, modality_of

__all__ = ["EveryModality"]


@dataclass(frozen=True, kw_only=True)
class EveryModality:
    """Does sparse-gradient training gain on every data set, images and events among them?"""

    key: ClassVar[str] = "every-modality"
    title: ClassVar[str] = "the gain of sparse-gradient training holds in every modality"
    judged: ClassVar[str] = (
        "Whether sparse-gradient training raises robust accuracy, in the mean over the norms, on "
        "every data set of the run, image and event data among them."
    )

    def judge(self, results: Results, data: str) -> Verdict:
        """The gain on one data set."""
        row = SparseTrainingHelps().judge(results, data)
        return replace(row, claim=self.key, title=self.title, judged=self.judged)

    def overall(self, results: Results, rows: Sequence[Verdict]) -> Verdict:
        """The verdict over all data sets, decided by the weakest."""
        found = {row.data: _modality(results, row.data) for row in rows}
        absent = [kind for kind in ("image", "events") if kind not in found.values()]
        if absent:
            return missing(self, "all", f"this run holds no {' and no '.join(absent)} data")
        parts = tuple(
            VerdictPart(
                name=f"{row.data} ({found[row.data]})",
                verdict=row.verdict,
                estimate=row.estimate,
                unit=row.unit,
                note="" if row.estimate else row.explanation,
            )
            for row in rows
        )
        known = [part.estimate for part in parts if part.estimate is not None]
        if not known:
            return missing(self, "all", "no data set holds both trainings yet")
        weakest = min(known, key=lambda estimate: estimate.value)
        each = "; ".join(
            f"{part.name} {part.verdict}"
            + (f", {show(part.estimate, '.1f')}" if part.estimate else "")
            for part in parts
        )
        return verdict_of(
            self,
            "all",
            verdict=combine(parts),
            thresholds=(0.0,),
            estimate=weakest,
            unit=rows[0].unit or "points of robust accuracy, mean over norms",
            explanation=f"Mean gain over the norms in points, data set by data set: {each}.",
            parts=parts,
            figure=gain_bars(parts),
        )


def _modality(results: Results, data: str) -> str:
    """Modality of a data set: of its record, else of the set that comes with the package."""
    domain = recorded_domain(results.cells, data)
    if domain is not None:
        return modality_of(domain)
    try:
        return describe(data).modality
    except SpikeproofError:
        return "unknown"
