"""What the pages of evidence share: reading, tables, verdicts, numbers, writing and checking."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from research import ROOT
from spikeproof.analysis import Results, extracted

# Trainings that were called otherwise when their studies were run.
_RENAMED = {"multinorm-sparse": "multinorm"}


def stored(path: Path) -> Results:
    """A study's extract, with its trainings under the names of today."""
    run = extracted(path)
    plan = run.record["plan"]
    tables = [{**t, "name": _RENAMED.get(t["name"], t["name"])} for t in plan["training"]]
    cells = [
        replace(one, cell={**one.cell, "training": _RENAMED.get(one.training, one.training)})
        for one in run.cells
    ]
    return Results(path, {**run.record, "plan": {**plan, "training": tables}}, cells)


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n" + "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)


def verdict(met: bool) -> str:
    """A target's fate."""
    return "met" if met else "**missed**"


def percent(value: float, digits: int = 1) -> str:
    """A share or a number of points."""
    return f"{value:.{digits}f}"


def number(value: float | None) -> str:
    """A measurement with three digits, or that there is none."""
    return "none" if value is None else f"{value:.3g}"


def publish(page: Path, text: str, name: str) -> int:
    """Write a page, or with ``--check`` only say whether it is current; returns the exit code."""
    if "--check" in sys.argv:
        current = page.exists() and page.read_text(encoding="utf-8") == text
        if not current:
            place = page.relative_to(ROOT).as_posix()
            print(f"{place} is stale; run python -m research.pages.{name}", file=sys.stderr)
        return 0 if current else 1
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(text, encoding="utf-8")
    print(page)
    return 0
