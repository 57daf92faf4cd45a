"""Where the numbers come from: when, by which command, with which code, and from which cells."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spikeproof.analysis import CellRecord, Summary
from spikeproof.names import counted
from spikeproof.report.labels import data_title, threat_title
from spikeproof.report.limits import over

__all__ = ["CELL_HEADS", "CellRow", "Provenance", "cell_links", "cell_rows", "provenance"]

CELL_HEADS = ("data", "training", "seed", "what", "threat", "items", "finished", "folder")

_ORDER = ("train", "network", "diagnosis", "doctor", "attack", "grid", "probe", "timing")


@dataclass(frozen=True, kw_only=True)
class CellRow:
    """One cell of a run, as a row that numbers link to.

    Args:
        id: Of the cell; also its place on the page, after ``cell-``.
        values: Under ``CELL_HEADS``.
    """

    id: str
    values: list[str]


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """What made a run.

    Args:
        rows: ``(what, value)``, short enough for a table.
        documents: ``(what, JSON)``, the rest.
        cells: Every completed cell.
    """

    rows: list[tuple[str, str]]
    documents: list[tuple[str, str]]
    cells: list[CellRow]


def provenance(summary: Summary) -> Provenance:
    """Sort what a run says of itself into a table, documents and a list of its cells."""
    entries = summary.provenance
    documents = [
        (title, json.dumps(value, indent=1, sort_keys=True, default=str, ensure_ascii=False))
        for title, value in (("plan", entries["plan"]), ("networks", entries["models"]))
    ]
    rows = [row for row in _rows(summary, entries) if row[1]]
    return Provenance(rows=rows, documents=documents, cells=cell_rows(summary))


def _rows(summary: Summary, entries: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is short, in the order in which a reader asks."""
    yield "run", summary.name
    dates = entries.get("dates")
    if dates:
        first, last = dates["first"], dates["last"]
        yield "computed (UTC)", first if first == last else f"{first} to {last}"
    calls = entries.get("calls") or ()
    for command, times in _commands(calls).items():
        yield "command", f"{command} ({counted(times, 'time')})" if times > 1 else command
    if not calls:
        yield "command", "not recorded in this run"
    commits = _texts(call.get("commit") for call in calls)
    yield "git commit of spikeproof", ", ".join(commits) or "not known"
    yield "SHA-256 of the package", ", ".join(_texts(call.get("package_sha256") for call in calls))
    for versions in entries["versions"]:
        told = (f"{name} {value}" for name, value in versions.items())
        yield "versions", ", ".join(told)
    yield from _hosts(summary.cells)
    seconds = entries["wall_seconds"]
    yield "time of computing", "" if seconds is None else _span(float(seconds))
    count = entries["cells"]
    total = f" of {count['total']:,}" if count["total"] else ""
    yield "cells", f"{count['complete']:,}{total} complete"
    yield "seeds", ", ".join(map(str, entries["seeds"]))
    yield "items", f"{summary.split} part of each data set"
    kind = entries["intervals"]
    yield (
        "intervals",
        f"{100 * kind['level']:.0f} %, {over(len(entries['seeds']))}; medians and rank "
        f"correlations from {kind['draws']:,} resamples of the items",
    )
    yield "SHA-256 of the plan", str(entries["plan_sha256"])
    for data, hashes in entries["data_sha256"].items():
        yield f"SHA-256 of {data}", ", ".join(hashes)
    codes = entries["code_sha256"]
    yield "SHA-256 of the code behind each kind of cell", ", ".join(str(c)[:16] for c in codes)


def _texts(values: Iterator[Any] | Sequence[Any]) -> list[str]:
    """The different texts, in their order."""
    return list(dict.fromkeys(str(value) for value in values if value))


def _commands(calls: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Command line → how often it was given."""
    found: dict[str, int] = {}
    for call in calls:
        line = shlex.join(call["command"])
        found[line] = found.get(line, 0) + 1
    return found


def _hosts(cells: Sequence[CellRecord]) -> Iterator[tuple[str, str]]:
    """Hosts by number, with what they were and how many cells each computed."""
    counts: dict[str, int] = {}
    for cell in cells:
        host = cell.wall().get("host")
        if host:
            parts = [str(host[key]) for key in ("system", "machine") if key in host]
            parts += [counted(int(host["cpus"]), "processor")] if host.get("cpus") else []
            parts += [f"Python {host['python']}"] if "python" in host else []
            told = ", ".join(parts)
            counts[told] = counts.get(told, 0) + 1
    for number, (told, count) in enumerate(counts.items(), 1):
        yield f"host {number}", f"{told} ({counted(count, 'cell')})"


def _span(seconds: float) -> str:
    """A time in the unit that suits it."""
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def cell_rows(summary: Summary) -> list[CellRow]:
    """Every completed cell, in the order of the tables."""
    order = {
        (one.data, name): number
        for number, (one, name) in enumerate(
            (one, name) for one in summary.data for name in one.trainings
        )
    }
    threats = {one.data: ["", *one.threats] for one in summary.data}

    def place(cell: CellRecord) -> tuple[int, ...]:
        threat = str(cell.cell.get("threat", {}).get("name", ""))
        kind = _ORDER.index(cell.kind) if cell.kind in _ORDER else len(_ORDER)
        row = order[cell.data, cell.training]
        return row, cell.seed, kind, threats[cell.data].index(threat)

    cells = sorted(summary.cells, key=place)
    return [CellRow(id=cell.id, values=_values(cell)) for cell in cells]


def _values(cell: CellRecord) -> list[str]:
    """One cell under ``CELL_HEADS``."""
    threat = str(cell.cell.get("threat", {}).get("name", ""))
    return [
        data_title(cell.data),
        cell.training,
        str(cell.seed),
        cell.kind,
        threat_title(threat) if threat else "–",
        str(cell.result.get("n", cell.cell.get("items", "–"))),
        str(cell.wall().get("finished", "–")),
        f"cells/{cell.id}",
    ]


def cell_links(summary: Summary) -> dict[tuple[str, str, str], str]:
    """Data set, training and column → the row of the first cell that its number comes from."""
    links: dict[tuple[str, str, str], str] = {}
    threats = {one.data: one.threats for one in summary.data}
    cells = [cell for cell in summary.cells if cell.kind == "attack"]

    def place(cell: CellRecord) -> tuple[int, int]:
        return cell.seed, threats[cell.data].index(str(cell.cell["threat"]["name"]))

    for cell in sorted(cells, key=place):
        for column in (str(cell.cell["threat"]["name"]), "clean", "union"):
            links.setdefault((cell.data, cell.training, column), f"cell-{cell.id}")
    return links
