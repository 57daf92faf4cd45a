"""Grids of joint budgets as figures and tables, for the page of a grid and that of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikeproof.analysis import GridSummary, Summary
from spikeproof.metrics import Estimate
from spikeproof.report.charts import HeatMap
from spikeproof.report.colours import ACCURACY, DIVERGING, at, ink_on
from spikeproof.report.figures import Figure
from spikeproof.report.labels import (
    data_title,
    interval,
    number,
    percent,
    radius_words,
    threat_title,
)
from spikeproof.report.plots import slug
from spikeproof.report.tables import Heat, HeatCell

__all__ = ["ShownGrid", "grid_figures", "grid_lead", "grid_measures", "grid_stealth", "shown_grids"]


@dataclass(frozen=True, kw_only=True)
class ShownGrid:
    """The grid of one network of a run.

    Args:
        where: Data set, training and seed.
        lead: What the grid says, in two sentences.
        figures: The grid.
        measures: ``heads`` and ``rows`` by budget.
        stealth: What can be noticed of what broke items, a row each.
        sound: Whether the grid agrees with itself on every item.
        n: Items.
        suite: Which suite attacked.
    """

    where: str
    lead: str
    figures: list[Figure]
    measures: dict[str, Any]
    stealth: list[list[str]]
    sound: bool
    n: int
    suite: str


def shown_grids(summary: Summary) -> list[ShownGrid]:
    """Every grid of a run, network by network.

    Args:
        summary: What the run says.
    """
    return [
        ShownGrid(
            where=f"{data_title(row.data)}, {row.training}, seed {row.seed}",
            lead=grid_lead(row.summary),
            figures=grid_figures(row.summary, slug(row.data, row.training, row.seed)),
            measures=grid_measures(row.summary),
            stealth=grid_stealth(row.summary),
            sound=not any(row.summary.violations.values()),
            n=row.summary.n,
            suite=row.suite,
        )
        for row in summary.grids
    ]


def grid_figures(summary: GridSummary, of: str = "") -> list[Figure]:
    """Return the grid of robust accuracy, and that of the fusion gain where there are twins.

    Args:
        summary: What the grid says.
        of: Whose grid it is, for the names of the figures where a page has several.
    """
    first, second = summary.views
    table = _table(summary, "accuracy", lambda i, j: _accuracy(summary.accuracy[i][j]))
    about = (
        f"Robust accuracy in %, {summary.n} items: budget of {first} downwards, of {second} to the "
        "right, in multiples of each view's own radius. The first row and column attack one view."
    )
    title = "Robust accuracy on the grid of joint budgets"
    figures = [_figure(slug("joint-grid", of), title, table, about)]
    if summary.gains is not None:
        gains = summary.gains
        table = _table(summary, "gain", lambda i, j: _gain(*gains[i][j]))
        about = (
            "Points of robust accuracy that the fusion keeps more than the best of its unimodal "
            "twins, each attacked within the budget of its own view; the letter names that twin."
        )
        figures.append(_figure(slug("joint-gain", of), "Fusion gain under attack", table, about))
    return figures


def _figure(name: str, title: str, table: Heat, about: str) -> Figure:
    """A grid as coloured squares."""
    rows = "; ".join(f"{row}: {', '.join(c.text for c in cells)}" for row, cells in table.rows)
    alt = f"{title}. {about} {rows}."
    chart = HeatMap(table=table, about=about)
    return Figure(name=name, title=title, alt=alt, chart=chart, kind="matrix", width=480)


def _table(summary: GridSummary, name: str, cell: Callable[[int, int], HeatCell]) -> Heat:
    """The grid with one cell per pair of budgets."""
    first, second = summary.views
    levels = range(len(summary.factors))
    return Heat(
        name=name,
        columns=[
            (second, f"{second} ×{number(factor)}", _radius(summary, second, j))
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


def _radius(summary: GridSummary, view: str, level: int) -> str:
    """A radius of a view, with its decibels on a sound."""
    loud = summary.decibels.get(view)
    return radius_words(summary.radii[view][level], loud[level] if loud else "")


def grid_lead(summary: GridSummary) -> str:
    """Return what a grid says, in two sentences.

    Args:
        summary: What the grid says.
    """
    first, second = summary.views
    one, two = (threat_title(summary.geometries[view]) for view in summary.views)
    level = summary.factors.index(1.0) if 1.0 in summary.factors else len(summary.factors) // 2
    both, left, right = (
        summary.accuracy[i][j] for i, j in ((level, level), (level, 0), (0, level))
    )
    factor = number(summary.factors[level])
    return (
        f"Of {summary.n} items {percent(summary.accuracy[0][0].value)} % are right when clean. At "
        f"{factor} times each view's own radius ({one} {_radius(summary, first, level)} on "
        f"{first}, {two} {_radius(summary, second, level)} on {second}) "
        f"{percent(left.value)} % stand with {first} attacked, {percent(right.value)} % with "
        f"{second} attacked, and {percent(both.value)} % with both "
        f"({interval(both.low, both.high)})."
    )


def grid_measures(summary: GridSummary) -> dict[str, Any]:
    """Return gap, twins and rescue by level, as text under ``heads``.

    Args:
        summary: What the grid says.
    """
    first, second = summary.views
    heads = ["budget", *(f"radius of {view}" for view in summary.views)]
    heads += [f"gap: {first} − {second} attacked, points"]
    heads += [f"twin of {view}, %" for view in summary.twins]
    heads += [f"rescued when {view} is attacked, %" for view in summary.rescues]
    rows = []
    for level, factor in enumerate(summary.factors[1:], 1):
        row = [f"×{number(factor)}", *(_radius(summary, view, level) for view in summary.views)]
        row += [_with_ends(summary.gaps[level - 1])]
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


def grid_stealth(summary: GridSummary) -> list[list[str]]:
    """Return the medians of what can be noticed, a row each.

    Args:
        summary: What the grid says.
    """
    return [
        [one.view, _SEEN[key], number(value), str(one.n)]
        for one in summary.stealth
        for key, value in one.values.items()
    ]
