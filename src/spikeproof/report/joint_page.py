"""A grid of joint budgets as one page: the grid, what fusion gains, and what broke some items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from spikeproof.analysis import GridSummary
from spikeproof.base import write_atomic
from spikeproof.data import Views
from spikeproof.metrics import Estimate
from spikeproof.report.charts import HeatMap
from spikeproof.report.colours import ACCURACY, DIVERGING, at, ink_on
from spikeproof.report.document import asset, environment
from spikeproof.report.figures import Figure
from spikeproof.report.labels import data_title, interval, number, percent, threat_title
from spikeproof.report.shown import SHOWN, ColourScale, Shown, ViewSlice, view_slices
from spikeproof.report.tables import Heat, HeatCell

__all__ = ["GridExample", "grid_figures", "joint_page", "write_joint_page"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, kw_only=True)
class GridExample:
    """One item and the inputs that broke it.

    Args:
        item: Its number.
        y: Its class.
        x: The clean item, ``(D,)``.
        found: ``(multiples of the two views' radii, input)``, single views first.
    """

    item: int
    y: int
    x: Array
    found: tuple[tuple[tuple[float, float], Array], ...]


def write_joint_page(
    path: Path | str,
    summary: GridSummary,
    examples: Sequence[GridExample] = (),
    domain: Views | None = None,
    *,
    rate_hz: int | None = None,
) -> Path:
    """Write the page of a grid as one HTML file that works without a network.

    Args:
        path: The file.
        summary: What the grid says.
        examples: Items to show; none where the clean items are not at hand.
        domain: Their views.
        rate_hz: Samples per second of sound.
    Returns:
        The file.
    Raises:
        FileProblem: it cannot be written.
    """
    target = Path(path)
    page = joint_page(summary, examples, domain, rate_hz=rate_hz)
    write_atomic(target, page.encode("utf-8"))
    return target


def joint_page(
    summary: GridSummary,
    examples: Sequence[GridExample] = (),
    domain: Views | None = None,
    *,
    rate_hz: int | None = None,
) -> str:
    """Return the page of a grid; nothing is computed here that is not in the summary."""
    parts = None if domain is None else view_slices((d for _, d in domain.parts), rate_hz)
    names = [] if domain is None else [name for name, _ in domain.parts]
    shown = [_example(e, parts, names, summary.views) for e in examples] if parts else []
    page = {
        "title": f"{data_title(summary.data)}: joint budgets",
        "lead": _lead(summary),
        "figures": grid_figures(summary),
        "measures": _measures(summary),
        "stealth": _stealth(summary),
        "sound": not any(summary.violations.values()),
        "examples": shown,
        "n": summary.n,
        "css": Markup(asset("page.css")),
        "script": Markup(asset("page.js")),
    }
    return environment().get_template("joint.html.j2").render(page=page)


def grid_figures(summary: GridSummary) -> list[Figure]:
    """Return the grid of robust accuracy, and that of the fusion gain where there are twins."""
    first, second = summary.views
    table = _table(summary, "accuracy", lambda i, j: _accuracy(summary.accuracy[i][j]))
    about = (
        f"Robust accuracy in %, {summary.n} items: budget of {first} downwards, of {second} to the "
        "right, in multiples of each view's own radius. The first row and column attack one view."
    )
    figures = [_figure("joint-grid", "Robust accuracy on the grid of joint budgets", table, about)]
    if summary.gains is not None:
        gains = summary.gains
        table = _table(summary, "gain", lambda i, j: _gain(*gains[i][j]))
        about = (
            "Points of robust accuracy that the fusion keeps more than the best of its unimodal "
            "twins, each attacked within the budget of its own view; the letter names that twin."
        )
        figures.append(_figure("joint-gain", "Fusion gain under attack", table, about))
    return figures


def _figure(name: str, title: str, table: Heat, about: str) -> Figure:
    """A grid as coloured squares."""
    rows = "; ".join(f"{row}: {', '.join(c.text for c in cells)}" for row, cells in table.rows)
    alt = f"{title}. {about} {rows}."
    chart = HeatMap(table=table, about=about)
    return Figure(name=name, title=title, alt=alt, chart=chart, kind="matrix", width=480)


def _table(summary: GridSummary, name: str, cell: Any) -> Heat:
    """The grid with one cell per pair of budgets."""
    first, second = summary.views
    levels = range(len(summary.factors))
    return Heat(
        name=name,
        columns=[
            (second, f"{second} ×{number(factor)}", number(summary.radii[second][j]))
            for j, factor in enumerate(summary.factors)
        ],
        rows=[
            (f"{first} ×{number(factor)}", [cell(i, j) for j in levels])
            for i, factor in enumerate(summary.factors)
        ],
        n=summary.n,
    )


def _accuracy(found: Estimate) -> HeatCell:
    """One robust accuracy."""
    fill = at(found.value, ACCURACY)
    return _cell(found.value, percent(found.value), interval(found.low, found.high), fill)


def _gain(view: str, found: Estimate) -> HeatCell:
    """One gain over the best twin, blue where fusion keeps more."""
    fill = at(0.5 + found.value / 2, DIVERGING)
    text = f"{percent(found.value)} {view[:1].upper()}"
    return _cell(found.value, text, interval(found.low, found.high), fill)


def _cell(value: float, text: str, small: str, fill: str) -> HeatCell:
    """A cell that needs no training and no threat."""
    return HeatCell(
        training="", threat="", value=value, text=text, small=small, fill=fill, ink=ink_on(fill)
    )


def _lead(summary: GridSummary) -> str:
    """What the grid says, in two sentences."""
    first, second = summary.views
    one, two = (threat_title(summary.geometries[view]) for view in summary.views)
    level = summary.factors.index(1.0) if 1.0 in summary.factors else len(summary.factors) // 2
    both, left, right = (
        summary.accuracy[i][j] for i, j in ((level, level), (level, 0), (0, level))
    )
    factor = number(summary.factors[level])
    return (
        f"Of {summary.n} items {percent(summary.accuracy[0][0].value)} % are right when clean. At "
        f"{factor} times each view's own radius ({one} {number(summary.radii[first][level])} on "
        f"{first}, {two} {number(summary.radii[second][level])} on {second}) "
        f"{percent(left.value)} % stand with {first} attacked, {percent(right.value)} % with "
        f"{second} attacked, and {percent(both.value)} % with both "
        f"({interval(both.low, both.high)})."
    )


def _measures(summary: GridSummary) -> dict[str, Any]:
    """Gap, twins and rescue by level, as text."""
    first, second = summary.views
    heads = ["budget", f"gap: {first} − {second} attacked, points"]
    heads += [f"twin of {view}, %" for view in summary.twins]
    heads += [f"rescued when {view} is attacked, %" for view in summary.rescues]
    rows = []
    for level, factor in enumerate(summary.factors[1:], 1):
        row = [f"×{number(factor)}", _with_ends(summary.gaps[level - 1])]
        row += [_with_ends(curve[level]) for curve in summary.twins.values()]
        row += [_with_ends(curve[level - 1]) for curve in summary.rescues.values()]
        rows.append(row)
    return {"heads": heads, "rows": rows}


def _with_ends(found: Estimate) -> str:
    """A share or a difference with its interval."""
    if np.isnan(found.value):
        return "–"
    return f"{percent(found.value)} ({interval(found.low, found.high)})"


_SEEN = {
    "snr_db": "signal to noise, dB", "added": "events added", "removed": "events removed",
    "share": "events moved, share of all", "step_mass": "events that change their frame, share",
    "changed": "values changed", "largest": "largest change",
}  # fmt: skip


def _stealth(summary: GridSummary) -> list[list[str]]:
    """Medians of what can be noticed, a row each."""
    return [
        [one.view, _SEEN[key], number(value), str(one.n)]
        for one in summary.stealth
        for key, value in one.values.items()
    ]


def _example(
    example: GridExample, parts: Sequence[ViewSlice], names: Sequence[str], views: tuple[str, str]
) -> dict[str, Any]:
    """One item: clean, and each input that broke it, view by view."""
    tops = [_top(part, example.x) for part in parts]
    clean = [
        SHOWN[part.kind](part, part.cut(example.x), None, top)
        for part, top in zip(parts, tops, strict=True)
    ]
    cells = []
    for factors, far in example.found:
        shown: Mapping[str, Shown | None] = {
            name: _changed(part, example.x, far, top)
            for name, part, top in zip(names, parts, tops, strict=True)
        }
        told = ", ".join(f"{v} ×{number(f)}" for v, f in zip(views, factors, strict=True) if f)
        cells.append({"head": told, "views": shown})
    scales = [scale for view in clean for scale in view.scales]
    ends = ColourScale(name="change, each up to its largest", low="−", high="+", colours=DIVERGING)
    scales += [ends] if any(part.kind == "image" for part in parts) else []
    return {
        "item": example.item, "y": example.y, "clean": clean, "cells": cells, "scales": scales,
    }  # fmt: skip


def _changed(part: ViewSlice, x: Array, far: Array, top: float) -> Shown | None:
    """One view of an input that broke its item; None where it keeps every bit."""
    near, moved = part.cut(x), part.cut(far)
    if (near == moved).all():
        return None
    full = float(np.abs(moved - near).max()) if part.kind == "image" else top
    return SHOWN[part.kind](part, near, moved, full)


def _top(part: ViewSlice, x: Array) -> float:
    """The value of a view in full colour."""
    return (float(part.cut(x).max()) or 1.0) if part.kind == "events" else part.high
