"""Everything the page shows of one data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spikeproof.analysis import DataSummary, MaskingSigns, Summary
from spikeproof.report import gallery as show
from spikeproof.report import plots, tables
from spikeproof.report.figures import Figure
from spikeproof.report.labels import (
    data_title,
    interval,
    listed,
    number,
    percent,
    pretty,
    radius_words,
    threat_title,
)
from spikeproof.report.origin import origin

__all__ = ["Section", "sections"]

_MEDIANS = {
    "g_l0": "‖g‖₀ (values)", "g_l1": "‖g‖₁", "g_l2": "‖g‖₂", "g_linf": "‖g‖∞",
    "g_pr": "participation ratio",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Section:
    """One data set on the page; a sentence stands for each empty field.

    Args:
        id: For the page.
        title: What the data show.
        matrix: Accuracy, one table per level.
        middle: Which level is standard.
        transfer: Transfer ratios.
        without_ratio: One sentence on the cells that hold no ratio; empty where all do.
        curves: Security curves.
        curve_rows: The same as text.
        timing: ``heads`` and ``rows`` of accuracy under random timing; no rows where not asked.
        gradients: Figures of the probes.
        signs: Signs of masking, one per training.
        medians: ``heads`` and ``rows`` of the probes.
        gallery: Attacked items.
        unshown: Why there are none.
        activity: Firing rates.
        activity_rows: The same as text.
    """

    id: str
    title: str
    matrix: list[tables.Heat] = field(default_factory=list)
    middle: int = 0
    transfer: tables.Heat | None = None
    without_ratio: str = ""
    curves: list[Figure] = field(default_factory=list)
    curve_rows: list[list[str]] = field(default_factory=list)
    timing: dict[str, Any] = field(default_factory=dict)
    gradients: list[Figure] = field(default_factory=list)
    signs: list[MaskingSigns] = field(default_factory=list)
    medians: dict[str, Any] = field(default_factory=dict)
    gallery: list[show.GalleryItem] = field(default_factory=list)
    unshown: str = ""
    activity: Figure | None = None
    activity_rows: list[list[str]] = field(default_factory=list)


def sections(
    summary: Summary, links: Mapping[tuple[str, str, str], str] | None = None
) -> list[Section]:
    """One section per data set of a run.

    Args:
        summary: What the run says.
        links: Data set, training and column → the id of the row that names the cell.
    """
    return [_section(summary, one, links or {}) for one in summary.data]


def _section(
    summary: Summary, one: DataSummary, links: Mapping[tuple[str, str, str], str]
) -> Section:
    """Everything about one data set."""
    matrix, ratios, colours = tables.matrix(one, links), tables.transfer(one), plots.series(summary)
    known = origin(summary.cells, one.data)
    gallery, unshown = show.gallery_of(summary, one, known)
    return Section(
        id=plots.slug(one.data),
        title=data_title(one.data),
        matrix=matrix,
        middle=len(matrix) // 2,
        transfer=ratios,
        without_ratio=_without_ratio(ratios),
        curves=plots.security(one, colours, known),
        curve_rows=_curve_rows(one),
        timing=_timing(one),
        gradients=plots.gradients(one, colours),
        signs=list(one.masking),
        medians=_medians({t: arrays for t, arrays in one.probes.items() if arrays}),
        gallery=gallery,
        unshown=unshown,
        activity=plots.activity(one, colours),
        activity_rows=_activity_rows(one),
    )


def _without_ratio(ratios: tables.Heat | None) -> str:
    """Which cells hold no ratio, and why, in one sentence; empty where all do."""
    where: dict[str, dict[str, list[str]]] = {}
    for name, row in ratios.rows if ratios else ():
        for cell in row:
            if (cell.points or cell.value is None) and cell.note:
                reason = cell.note.replace(f"dedicated to {cell.threat}", "dedicated to it")
                trainings = where.setdefault(reason, {}).setdefault(cell.threat, [])
                trainings.append(name)
    if not where or ratios is None:
        return ""
    everybody = [name for name, _ in ratios.rows]
    told = []
    for reason, threats in where.items():
        whole = [threat_title(t) for t, names in threats.items() if names == everybody]
        parts = [listed(whole)] if whole else []
        parts += [
            f"{threat_title(threat)} for {listed(names)}"
            for threat, names in threats.items()
            if names != everybody
        ]
        told.append(f"under {listed(parts)} ({pretty(reason)})")
    return f"There is no ratio {'; '.join(told)}: those cells hold gains in points."


def _curve_rows(summary: DataSummary) -> list[list[str]]:
    """Security curves as text."""
    loud = {(cell.threat, cell.radius): cell.decibels for cell in summary.matrix}
    out = []
    for curve in summary.curves:
        for i, radius in enumerate(curve.radii):
            told = radius_words(radius, loud.get((curve.threat, radius), ""))
            out.append([
                curve.training, threat_title(curve.threat), told,
                percent(curve.accuracy[i]),
                interval(curve.low[i], curve.high[i]),
                percent(curve.random_accuracy[i]),
                percent(curve.area.value) if i == 0 else "",
            ])  # fmt: skip
    return out


def _timing(summary: DataSummary) -> dict[str, Any]:
    """Accuracy under random timing: trainings down, kinds and levels across."""
    table: dict[str, dict[str, str]] = {}
    for row in summary.timing:
        head = f"{row.kind} {number(row.level)}" if row.level else row.kind
        ends = interval(row.estimate.low, row.estimate.high)
        table.setdefault(row.training, {})[head] = f"{percent(row.estimate.value)} ({ends})"
    heads = list(dict.fromkeys(head for values in table.values() for head in values))
    rows = [(t, [values.get(head, "–") for head in heads]) for t, values in table.items()]
    return {"heads": heads, "rows": rows}


def _medians(probes: dict[str, Any]) -> dict[str, Any]:
    """Medians over items of everything a probe measured."""
    heads = dict(_MEDIANS)
    for norm in plots.norms_of(probes.values()):
        heads[f"ratio_{norm}"] = f"adversarial ÷ random, {threat_title(norm)}"
        heads[f"theory_{norm}"] = f"predicted, {threat_title(norm)}"
    rows = [(t, [_median(arrays.get(key)) for key in heads]) for t, arrays in probes.items()]
    return {"heads": list(heads.values()), "rows": rows}


def _median(values: Any) -> str:
    """The median of what is finite."""
    if values is None:
        return "–"
    kept = np.asarray(values, dtype=float)
    kept = kept[np.isfinite(kept)]
    return number(float(np.median(kept))) if len(kept) else "–"


def _activity_rows(summary: DataSummary) -> list[list[str]]:
    """Firing rates as text."""
    return [
        [training, row.layer, number(row.rate), percent(row.dead), percent(row.saturated)]
        for training, layers in summary.activity.items()
        for row in layers
    ]
