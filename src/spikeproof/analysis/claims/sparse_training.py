"""The claim that sparse-gradient training raises robust accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spikeproof.analysis.claims.claim import (
    Verdict,
    VerdictPart,
    above,
    believed,
    gain_bars,
    given,
    missing,
    points,
    show,
    verdict_of,
)
from spikeproof.analysis.claims.gaps import gap_part, middle, sentence
from spikeproof.analysis.diagnosed import masking_word
from spikeproof.analysis.results import Results
from spikeproof.analysis.tables import Table, align
from spikeproof.metrics import Floats, Intervals, holm
from spikeproof.threats import by_order

__all__ = [
    "SparseTrainingHelps",
]


@dataclass(frozen=True, kw_only=True)
class SparseTrainingHelps:
    """What sparse-gradient training adds to robust accuracy, per norm and in the mean.

    A gain of a network whose gradients are masked is not supported, whatever its interval.
    """

    key: ClassVar[str] = "sparse-training-helps"
    title: ClassVar[str] = "sparse-gradient training raises robust accuracy"
    judged: ClassVar[str] = (
        "Whether robust accuracy under sparse-gradient training, in the mean over the norms at "
        "their standard radii, lies above that of plain training."
    )

    def judge(self, results: Results, data: str) -> Verdict:
        """The verdict on one data set."""
        base, trained = results.undefended(data), results.sparse(data)
        if base is None or not trained:
            what = (
                "training with cross-entropy alone" if base is None else "sparse-gradient training"
            )
            return missing(self, data, f"this run has no {what}")
        norms = by_order(results.threats(data))
        pairs = _pairs(results, data, trained[0], base, norms)
        if pairs is None:
            return missing(
                self, data, f"not every attack on {trained[0]!r} and {base!r} is complete"
            )
        intervals, sides = results.intervals(pairs[norms[0]][0]), _sides(pairs)
        mean = points(intervals.difference(*_means(sides)))
        parts = _gain_parts(intervals, sides)
        parts += _whole_parts(intervals, pairs)
        for other in trained[1:]:
            parts += _other_training(results, data, other, base, norms)
        each = "; ".join(sentence(part) for part in parts)
        word = masking_word(results.masking, data, trained[0])
        return verdict_of(
            self,
            data,
            verdict=believed(above(mean, 0.0), word),
            thresholds=(0.0,),
            estimate=mean,
            unit="points of robust accuracy, mean over norms",
            explanation=(
                f"{trained[0]!r} minus {base!r} at the standard radii, mean over "
                f"{', '.join(norms)}: "
                f"{show(mean, '.1f')} points{given(mean)}; {each}. Gradient masking of "
                f"{trained[0]!r}: {word}."
            ),
            parts=tuple(parts),
            figure=gain_bars(parts),
        )


def _gain_parts(intervals: Intervals, sides: dict[str, tuple[Floats, Floats]]) -> list[VerdictPart]:
    """The gain in each norm, with p values adjusted for the number of norms."""
    adjusted = holm([intervals.p_value(*pair) for pair in sides.values()])
    return [
        gap_part(norm, intervals.difference(*sides[norm]), 0.0, f"p {_shown(p)} after Holm")
        for norm, p in zip(sides, adjusted, strict=True)
    ]


def _shown(p: float) -> str:
    """A p value; where it rounds to nothing, below what."""
    return "< 0.001" if p < 0.0005 else f"= {p:.3f}"


def _whole_parts(intervals: Intervals, pairs: dict[str, tuple[Table, Table]]) -> list[VerdictPart]:
    """The gain in the union of the norms, and what it costs on clean inputs."""
    ours = np.minimum.reduce([middle(pair[0]) for pair in pairs.values()])
    theirs = np.minimum.reduce([middle(pair[1]) for pair in pairs.values()])
    first, second = next(iter(pairs.values()))
    clean = intervals.difference(first.values["clean"], second.values["clean"])
    return [
        gap_part("union", intervals.difference(ours, theirs), 0.0),
        gap_part("clean accuracy", clean, 0.0),
    ]


def _other_training(
    results: Results, data: str, training: str, base: str, norms: list[str]
) -> list[VerdictPart]:
    """The mean gain of another sparse-gradient training."""
    pairs = _pairs(results, data, training, base, norms)
    if pairs is None:
        return []
    intervals = results.intervals(pairs[norms[0]][0])
    gain = intervals.difference(*_means(_sides(pairs)))
    return [gap_part(f"mean over norms of {training!r}", gain, 0.0)]


def _pairs(
    results: Results, data: str, training: str, base: str, norms: list[str]
) -> dict[str, tuple[Table, Table]] | None:
    """Both trainings under every norm, on the seeds and items that all of them share."""
    found = [results.table(data, name, norm) for norm in norms for name in (training, base)]
    present = [table for table in found if table is not None]
    aligned = align(*present) if norms and len(present) == len(found) else None
    if aligned is None:
        return None
    return {norm: (aligned[2 * i], aligned[2 * i + 1]) for i, norm in enumerate(norms)}


def _sides(pairs: dict[str, tuple[Table, Table]]) -> dict[str, tuple[Floats, Floats]]:
    """Survival of both trainings at the standard radius of every norm, per seed and item."""
    return {norm: (middle(ours), middle(theirs)) for norm, (ours, theirs) in pairs.items()}


def _means(sides: dict[str, tuple[Floats, Floats]]) -> list[Floats]:
    """The mean over the norms of both trainings."""
    return [np.mean(each, axis=0) for each in zip(*sides.values(), strict=True)]
