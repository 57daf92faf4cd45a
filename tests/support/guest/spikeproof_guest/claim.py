"""A claim that a run can be judged by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from spikeproof.analysis import Verdict
from spikeproof.analysis.results import Results

__all__ = ["AnythingWasTrained"]


@dataclass(frozen=True, kw_only=True)
class AnythingWasTrained:
    """Does the run hold at least so many trainings?

    Args:
        least: How many.
    """

    key: ClassVar[str] = "anything-was-trained"
    title: ClassVar[str] = "the run trained something"
    judged: ClassVar[str] = "Whether the run holds the trainings that it should."

    least: int = 1

    def judge(self, results: Results, data: str) -> Verdict:
        """The verdict on one data set."""
        count = len(results.trainings(data))
        return Verdict(
            claim=self.key,
            title=self.title,
            judged=self.judged,
            data=data,
            verdict="supported" if count >= self.least else "contradicted",
            estimate=None,
            unit="trainings",
            explanation=f"{count} trainings on {data}.",
        )
