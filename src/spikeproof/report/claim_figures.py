"""Figures that verdicts bring along as plain data: curves, scatter, dot plots."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spikeproof.report.charts import Cloud, Curves, Forest, ForestRow, Line, PointGroup
from spikeproof.report.figures import Figure
from spikeproof.report.labels import data_title, pretty, threat_title
from spikeproof.report.plots import percents, scatter
from spikeproof.threats import shown_facts

__all__ = ["figure", "forest"]

# Order along p: the colours run from dark to light with it.
_NUMBERS = {math.inf: 0, 2.0: 1, 1.0: 2, 0.0: 3}
# What came out → the colour of its dot.
_COLOURS = {"supported": "good", "contradicted": "bad", "undecided": "open"}


def figure(name: str, title: str, spec: Mapping[str, Any]) -> Figure | None:
    """Draw what a verdict brings along.

    Args:
        name: Id in the page.
        title: Heading.
        spec: ``kind``, ``x``, ``y``, ``log`` and ``series``, as ``analysis.Verdict.figure``; dot
            plots may bring ``thresholds``.
    Returns:
        The figure; None for an empty one.
    """
    makers = {"curves": _curves, "scatter": _scatter, "bars": _bars}
    if spec.get("kind") not in makers or not spec.get("series"):
        return None
    return makers[spec["kind"]](name, title, spec)


def forest(
    name: str, title: str, rows: Sequence[Mapping[str, Any]], *, unit: str,
    thresholds: Sequence[float] = (),
) -> Figure:  # fmt: skip
    """Estimates with their intervals, one row each.

    Args:
        name: Id in the page.
        title: Heading.
        rows: ``label``, ``value``, ``low``, ``high``; ``verdict`` where a row has one of its own.
        unit: What the values are.
        thresholds: Where an estimate changes sides.
    """
    drawn = [
        ForestRow(
            name=str(row["label"]),
            value=float(row["value"]),
            low=float(row["low"]),
            high=float(row["high"]),
            colour=_COLOURS.get(row.get("verdict", ""), "accent"),
        )
        for row in rows
    ]
    chart = Forest(rows=drawn, unit=unit, thresholds=thresholds)
    return Figure(name=name, title=title, alt=chart.alt, chart=chart, kind="forest", width=420.0)


def _look(threat: str, otherwise: int) -> dict[str, Any]:
    """The name, colour and symbol of a threat: those of its norm, where it measures in one."""
    order = shown_facts(threat).order
    number = None if order is None else _NUMBERS.get(order)
    colour, symbol = ("ink", otherwise) if number is None else (f"n{number}", number)
    return {"name": threat_title(threat), "colour": colour, "symbol": symbol}


def _curves(name: str, title: str, spec: Mapping[str, Any]) -> Figure:
    """Accuracy against a length, or against the radius as a share of the largest one."""
    shared = spec["x"] != "radius"
    lines = []
    for number, one in enumerate(spec["series"]):
        top = 1.0 if shared or not one["x"] else max(one["x"]) or 1.0
        x, y, random = [value / top for value in one["x"]], one["y"], one["random"]
        look = _look(one["name"], number)
        lines.append(Line(**look, x=x, y=percents(y), random=percents(random)))
    what = pretty(spec["x"]) if shared else "radius (1 = the largest of its norm)"
    ends = "; ".join(f"{line.name} ends at {line.y[-1]:.0f} %" for line in lines)
    alt = f"Accuracy against {what}: {ends}."
    chart = Curves(lines=lines, x_title=what, keyed=True)
    return Figure(name=name, title=title, alt=alt, chart=chart, kind="curves")


def _scatter(name: str, title: str, spec: Mapping[str, Any]) -> Figure:
    """Items as points, and a line where both axes are equal."""
    groups = [
        PointGroup(
            **_look(one["name"], number),
            x=np.array(one["x"], dtype=float),
            y=np.array(one["y"], dtype=float),
        )
        for number, one in enumerate(spec["series"])
    ]
    axes = (pretty(spec["x"]), pretty(spec["y"]))
    return scatter(name, title, Cloud(groups=groups, axes=axes, diagonal=True, keyed=True))


def _bars(name: str, title: str, spec: Mapping[str, Any]) -> Figure:
    """Estimates with their intervals."""
    rows = [
        {"label": _label(label), "value": value, "low": low, "high": high}
        for one in spec["series"]
        for label, value, low, high in zip(one["x"], one["y"], one["low"], one["high"], strict=True)
    ]
    limits = spec.get("thresholds", (0.0,))
    return forest(name, title, rows, unit=pretty(spec["y"]), thresholds=limits)


def _label(name: str) -> str:
    """A row's name; a data set in words, where the row is one."""
    first = name.split(" ", 1)[0]
    title = data_title(first)
    return pretty(name) if title == first else title
