"""The claim that sparse-gradient training raises robust accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spikeproof.analysis.claims.claim import (
    Verdict,
    VerdictPart,
    above,
    gain_bars,
    missing,
    points,
    show,
    verdict_of,
)
from spikeproof.analysis.claims.gaps import gap_part, middle, sentence
from spikeproof.analysis.results import Results
from spikeproof.analysis.tables import Table, align
from spikeproof.metrics import Bootstrap, Floats, bootstrap_p, holm
from spikeproof.threats import by_order

__all__ = [
    "SparseTrainingHelps",
]


@dataclass(frozen=True, kw_only=True)
class SparseTrainingHelps:
    """What sparse-gradient training adds to robust accuracy, per norm and in the mean."""

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
        boot, gains = results.bootstrap(pairs[norms[0]][0]), _gains(pairs)
        mean = points(boot.mean(np.mean([gains[norm] for norm in norms], axis=0)))
        parts = _gain_parts(boot, gains)
        parts += _whole_parts(boot, pairs)
        for other in trained[1:]:
            parts += _other_training(results, data, other, base, norms)
        each = "; ".join(sentence(part) for part in parts)
        return verdict_of(
            self,
            data,
            verdict=above(mean, 0.0),
            estimate=mean,
            unit="points of robust accuracy, mean over norms",
            explanation=(
                f"{trained[0]!r} minus {base!r} at the standard radii, mean over "
                f"{', '.join(norms)}: "
                f"{show(mean, '.1f')} points; {each}."
            ),
            parts=tuple(parts),
            figure=gain_bars(parts),
        )


def _gain_parts(boot: Bootstrap, gains: dict[str, Floats]) -> list[VerdictPart]:
    """The gain in each norm, with p values adjusted for the number of norms."""
    draws = {norm: boot.means(gain) for norm, gain in gains.items()}
    adjusted = holm([bootstrap_p(values) for values in draws.values()])
    return [
        gap_part(norm, boot.mean(gains[norm]), 0.0, f"p = {p:.3f} after Holm")
        for norm, p in zip(gains, adjusted, strict=True)
    ]


def _whole_parts(boot: Bootstrap, pairs: dict[str, tuple[Table, Table]]) -> list[VerdictPart]:
    """The gain in the union of the norms, and what it costs on clean inputs."""
    ours = np.minimum.reduce([middle(pair[0]) for pair in pairs.values()])
    theirs = np.minimum.reduce([middle(pair[1]) for pair in pairs.values()])
    first, second = next(iter(pairs.values()))
    clean = boot.difference(first.values["clean"], second.values["clean"])
    return [
        gap_part("union", boot.difference(ours, theirs), 0.0),
        gap_part("clean accuracy", clean, 0.0),
    ]


def _other_training(
    results: Results, data: str, training: str, base: str, norms: list[str]
) -> list[VerdictPart]:
    """The mean gain of another sparse-gradient training."""
    pairs = _pairs(results, data, training, base, norms)
    if pairs is None:
        return []
    boot = results.bootstrap(pairs[norms[0]][0])
    gain = np.mean(list(_gains(pairs).values()), axis=0)
    return [gap_part(f"mean over norms of {training!r}", boot.mean(gain), 0.0)]


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


def _gains(pairs: dict[str, tuple[Table, Table]]) -> dict[str, Floats]:
    """Survival of the first training minus survival of the second, per seed and item."""
    return {norm: middle(ours) - middle(theirs) for norm, (ours, theirs) in pairs.items()}
