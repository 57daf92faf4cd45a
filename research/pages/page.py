"""What the pages of evidence share: tables, verdicts, numbers, writing and checking."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from research import ROOT


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
