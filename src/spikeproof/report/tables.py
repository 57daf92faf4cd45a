"""Tables: accuracy by training and threat, transfer, cost and activity."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spikeproof.analysis import DataSummary, MatrixCell, TransferRow
from spikeproof.metrics import Estimate
from spikeproof.names import counted
from spikeproof.report.colours import ACCURACY, DIVERGING, at, ink_on
from spikeproof.report.labels import interval, measure, percent, radius_words, threat_title

__all__ = ["Heat", "HeatCell", "levels", "matrix", "transfer"]

_LEVEL_NAMES = {1: ("standard",), 2: ("low", "high"), 3: ("low", "standard", "high")}


@dataclass(frozen=True, kw_only=True)
class HeatCell:
    """One coloured cell.

    Args:
        training: Its row.
        threat: Its column.
        value: The number behind the text; None where there is none.
        text: What is written large.
        small: What is written under it.
        fill: Background, hex; empty for none.
        ink: Colour of the text on it.
        points: The value is a gain in points, in a table of ratios.
        own: The row was trained against this column.
        note: What a pointer or a screen reader is given besides.
        link: Id of the row that names its cell; empty for none.
    """

    training: str
    threat: str
    value: float | None
    text: str
    small: str = ""
    fill: str = ""
    ink: str = ""
    points: bool = False
    own: bool = False
    note: str = ""
    link: str = ""


@dataclass(frozen=True, kw_only=True)
class Heat:
    """A heat map that is a table.

    Args:
        name: ``"low"``, ``"standard"``, ``"high"`` or a number.
        columns: ``(threat, title, what the radius counts and how large it is)``.
        rows: ``(training, cells)``.
        n: Items per network; None where unknown.
        seeds: Networks per cell; None where unknown.
    """

    name: str
    columns: list[tuple[str, str, str]]
    rows: list[tuple[str, list[HeatCell]]]
    n: int | None = None
    seeds: int | None = None
    given: str = ""

    @property
    def size(self) -> str:
        """How much each number rests on, in words; empty where unknown."""
        return _size(self.n, self.seeds) if self.n and self.seeds else ""


def _size(items: int, seeds: int) -> str:
    return f"{counted(items, 'item')} × {counted(seeds, 'seed')}"


def levels(count: int) -> tuple[str, ...]:
    """The names of ``count`` radii of a ladder, ascending."""
    return _LEVEL_NAMES.get(count, tuple(str(i + 1) for i in range(count)))


def _filled(cell: dict[str, Any], share: float, colours: tuple[str, ...]) -> HeatCell:
    """A cell with its background and a readable ink."""
    fill = at(share, colours)
    return HeatCell(**cell, fill=fill, ink=ink_on(fill))


def _accuracy(
    training: str, threat: str, estimate: Estimate | None, own: bool = False, link: str = ""
) -> HeatCell:
    """A cell of the accuracy table."""
    if estimate is None or math.isnan(estimate.value):
        return HeatCell(training=training, threat=threat, value=None, text="–", note="not measured")
    fields = {
        "training": training,
        "threat": threat,
        "value": float(estimate.value),
        "text": percent(estimate.value),
        "small": interval(estimate.low, estimate.high).replace(" to ", "–"),
        "own": own,
        "note": f"{_size(estimate.n, estimate.seeds)}, interval {estimate.given}",
        "link": link,
    }
    return _filled(fields, estimate.value, ACCURACY)


def matrix(
    summary: DataSummary, links: Mapping[tuple[str, str, str], str] | None = None
) -> list[Heat]:
    """Accuracy of every training under every threat, one table per level, ascending.

    Args:
        summary: What a run says of a data set.
        links: Data set, training and column → the id of the row that names the cell.
    Returns:
        Tables whose columns are clean, each threat, and all threats at once.
    """
    own, rows_of = _dedicated(summary), links or {}
    steps = sorted({cell.level for cell in summary.matrix})
    first = next(iter(summary.clean.values()), None)
    n, seeds = (first.n, first.seeds) if first else (None, None)
    given = first.given if first else ""
    tables = []
    for step, name in zip(steps, levels(len(steps)), strict=True):
        cells = {(c.training, c.threat): c for c in summary.matrix if c.level == step}
        threats = list(dict.fromkeys(threat for _, threat in cells))
        threats.sort(key=lambda threat: threat == "union")
        columns = [("clean", threat_title("clean"), measure("clean"))]
        columns += [(t, threat_title(t), _radius(cells, t)) for t in threats]
        rows = []
        for training in summary.trainings:
            there = {t: rows_of.get((summary.data, training, t), "") for t in ("clean", *threats)}
            clean = summary.clean.get(training)
            row = [_accuracy(training, "clean", clean, link=there["clean"])]
            for threat in threats:
                cell = cells.get((training, threat))
                mine = own.get(threat) == training
                found = cell.estimate if cell else None
                row.append(_accuracy(training, threat, found, mine, there[threat]))
            rows.append((training, row))
        tables.append(Heat(name=name, columns=columns, rows=rows, n=n, seeds=seeds, given=given))
    return tables


def _radius(cells: dict[tuple[str, str], MatrixCell], threat: str) -> str:
    """What a column's radius counts and how large it is."""
    cell = next(cell for (_, name), cell in cells.items() if name == threat)
    if threat == "union":
        return ", ".join(map(threat_title, cell.members)) + " at once"
    return f"{radius_words(cell.radius, cell.decibels)}: {measure(threat)}"


def _dedicated(summary: DataSummary) -> dict[str, str]:
    """Threat → the training that was made for it, where the plan has one."""
    return {row.threat: row.dedicated for row in summary.transfer if row.dedicated}


def transfer(summary: DataSummary) -> Heat | None:
    """What every training carries over to every threat; None where there is nothing to compare."""
    if not any(row.gain is not None or row.defined for row in summary.transfer):
        return None
    threats = list(dict.fromkeys(row.threat for row in summary.transfer))
    trainings = list(dict.fromkeys(row.training for row in summary.transfer))
    ratios = {row.threat: row.dedicated for row in summary.transfer if row.defined}
    cells = {
        (row.training, row.threat): _carried(row, plain=row.threat not in ratios)
        for row in summary.transfer
    }
    rows = []
    for training in trainings:
        blank = [HeatCell(training=training, threat=t, value=None, text="–") for t in threats]
        rows.append((training, [cells.get((training, b.threat), b) for b in blank]))
    columns = [
        (t, threat_title(t), f"1 = {ratios[t]}" if t in ratios else "points gained")
        for t in threats
    ]
    return Heat(name="transfer", columns=columns, rows=rows)


def _carried(row: TransferRow, *, plain: bool) -> HeatCell:
    """A cell of the transfer table: the ratio, or the gain in points where there is none."""
    cell = {"training": row.training, "threat": row.threat}
    if row.tau is None or not row.defined:
        return _gain(row, cell, plain=plain)
    small = ""
    if row.low is not None and row.high is not None:
        small = f"{row.low:.2f} to {row.high:.2f}".replace("-", "−")
    if row.training == row.dedicated:
        small = "by definition"
    fields = {
        **cell,
        "value": float(row.tau),
        "text": f"{row.tau:.2f}".replace("-", "−"),
        "small": small,
        "own": row.training == row.dedicated,
        "note": f"measured against {row.dedicated}{_in_points(row)}",
    }
    return _filled(fields, 0.5 + row.tau / 2, DIVERGING)


def _gain(row: TransferRow, cell: dict[str, Any], *, plain: bool) -> HeatCell:
    """What a training gains over the undefended one, in points."""
    if row.gain is None:
        return HeatCell(**cell, value=None, text="–", note=row.reason)
    # Columns of gains name their unit above; in one of ratios the cell does.
    unit = "" if plain else " points"
    value, low, high = (100 * end for end in (row.gain.value, row.gain.low, row.gain.high))
    return HeatCell(
        **cell,
        value=value,
        text=f"{value:+.1f}".replace("-", "−"),
        small=f"{low:+.1f} to {high:+.1f}{unit}".replace("-", "−"),
        points=True,
        own=row.training == row.dedicated,
        note=row.reason,
    )


def _in_points(row: TransferRow) -> str:
    """The gain behind a ratio, for a pointer."""
    return (
        "" if row.gain is None else f"; gains {100 * row.gain.value:+.1f} points".replace("-", "−")
    )
