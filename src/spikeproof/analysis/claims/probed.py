"""What claims about probes share: the plain network's probe, quotients, parts and plots."""

from __future__ import annotations

from typing import Any

import numpy as np

from spikeproof.analysis.claims.claim import Claim, Verdict, VerdictPart, missing
from spikeproof.analysis.results import Results
from spikeproof.analysis.tables import Table
from spikeproof.metrics import Estimate, Floats
from spikeproof.threats import by_order

__all__ = [
    "needed_share",
    "norms_in",
    "part_of",
    "probed",
    "quotient",
    "scatter",
]


def probed(
    results: Results, data: str, claim: Claim
) -> tuple[str, Table, dict[str, float]] | Verdict:
    """The undefended training, its probe and the radii; or the verdict that they are missing."""
    training = results.undefended(data)
    if training is None:
        return missing(claim, data, "this run has no training with cross-entropy alone")
    table = results.probe(data, training)
    if table is None:
        return missing(claim, data, f"the probe of {training!r} is not complete")
    return training, table, results.probe_radii(data, training)


def norms_in(table: Table) -> list[str]:
    """The norms that a probe holds, from large to small p."""
    start = "rho_random_"
    return by_order(
        key.removeprefix(start)
        for key in table.values
        if key.startswith(start) and not key.startswith(f"{start}se_")
    )


def quotient(above_line: Floats, below: Floats) -> Floats:
    """A quotient that is NaN where it has no meaning, without warnings."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(above_line / below)


def part_of(name: str, answer: Any, estimate: Estimate, unit: str, note: str = "") -> VerdictPart:
    """One comparison behind a verdict."""
    return VerdictPart(name=name, verdict=answer, estimate=estimate, unit=unit, note=note)


def scatter(x: str, y: str, series: list[dict[str, Any]]) -> dict[str, Any]:
    """A scatter plot as plain data, one series per norm, both axes logarithmic."""
    return {"kind": "scatter", "x": x, "y": y, "log": True, "series": series}


def needed_share(threshold: float, few: str) -> str:
    """What share is needed, and the cases that are lacking to show it."""
    return f"needed: {threshold:.0%}{f'; {few}' if few else ''}"
