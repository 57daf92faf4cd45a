"""What claims about robust accuracy share: differences of accuracies as parts of a verdict."""

from __future__ import annotations

import numpy as np

from spikeproof.analysis.claims.claim import VerdictPart, above, points, show
from spikeproof.analysis.tables import Table
from spikeproof.metrics import Estimate, Floats

__all__ = [
    "gap_part",
    "middle",
    "sentence",
]


def gap_part(name: str, gap: Estimate, threshold: float, note: str = "") -> VerdictPart:
    """A difference of accuracies as a part, in points."""
    return VerdictPart(
        name=name, verdict=above(gap, threshold), estimate=points(gap), unit="points", note=note
    )


def sentence(part: VerdictPart) -> str:
    """A part as text."""
    if part.estimate is None:
        return f"{part.name} undecided, {part.note}"
    return f"{part.name} {show(part.estimate, '.1f')}" + (f" ({part.note})" if part.note else "")


def middle(table: Table) -> Floats:
    """Survival at the standard radius, ``(S, N)``."""
    return np.asarray(table.values["alive"][:, table.middle])
