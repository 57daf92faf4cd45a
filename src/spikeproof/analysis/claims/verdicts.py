"""What a run says about the seven claims the project starts from."""

from __future__ import annotations

from dataclasses import replace

from spikeproof.analysis.claims.claim import (
    CLAIMS,
    Verdict,
    VerdictPart,
    combine,
    gain_bars,
    missing,
    show,
    verdict_on,
)
from spikeproof.analysis.claims.robustness import (
    linf_destroys_most,
    noise_is_survived,
    sparse_gradients_help,
)
from spikeproof.analysis.claims.vulnerability import (
    attack_is_supremum,
    random_follows_gradient,
    sparsity_bounds_gap,
)
from spikeproof.analysis.results import Results
from spikeproof.base import SpikeproofError
from spikeproof.data import describe

__all__ = ["CLAIMS", "Verdict", "VerdictPart", "verdicts"]

_JUDGES = {
    1: random_follows_gradient,
    2: attack_is_supremum,
    3: linf_destroys_most,
    4: noise_is_survived,
    5: sparsity_bounds_gap,
    6: sparse_gradients_help,
}


def verdicts(results: Results) -> list[Verdict]:
    """Judge every claim on every data set of a run, and the last one over all of them.

    A verdict is decided by the whole 95 % interval of its number against a threshold that is fixed
    in code; what the run does not hold gives ``undecided`` with the reason. The rules are listed
    in the documentation under Claims.

    Args:
        results: From :func:`spikeproof.analysis.results`.
    Returns:
        Verdicts in the order of the claims, within a claim in the order of the data sets; claim 7
        ends with a verdict on ``"all"``.
    """
    names = results.data()
    rows = [judge(results, data) for judge in _JUDGES.values() for data in names]
    claim = CLAIMS[7]
    seventh = [
        replace(row, claim=7, title=claim.title, statement=claim.statement)
        for row in rows
        if row.claim == 6
    ]
    return [*rows, *seventh, _everywhere(seventh)]


def _everywhere(rows: list[Verdict]) -> Verdict:
    """Claim 7 over all data sets; image and event data must be among them."""
    found = {row.data: _modality(row.data) for row in rows}
    absent = [kind for kind in ("image", "events") if kind not in found.values()]
    if absent:
        return missing(7, "all", f"this run holds no {' and no '.join(absent)} data")
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
        return missing(7, "all", "no data set holds both trainings yet")
    weakest = min(known, key=lambda estimate: estimate.value)
    each = "; ".join(
        f"{part.name} {part.verdict}" + (f", {show(part.estimate, '.1f')}" if part.estimate else "")
        for part in parts
    )
    return verdict_on(
        7,
        "all",
        verdict=combine(parts),
        estimate=weakest,
        unit=rows[0].unit or "points of robust accuracy, mean over norms",
        explanation=f"Mean gain over the norms in points, data set by data set: {each}.",
        parts=parts,
        figure=gain_bars(parts),
    )


def _modality(data: str) -> str:
    """Modality of a data set, ``"unknown"`` for one that does not come with the package."""
    try:
        return describe(data).modality
    except SpikeproofError:
        return "unknown"
