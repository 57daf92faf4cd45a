"""Figures that verdicts bring along as plain data: curves, scatter, bars."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from spikeproof.report.figures import SYMBOLS, Figure, axis, forest, sheet
from spikeproof.report.labels import data_title, pretty, threat_title
from spikeproof.report.scatter import clouds
from spikeproof.threats import shown_facts

__all__ = ["NORMS", "figure"]

# Order along p: the colours run from dark to light with it.
_NUMBERS = {math.inf: 0, 2.0: 1, 1.0: 2, 0.0: 3}
NORMS = list(zip(("ℓ∞", "ℓ₂", "ℓ₁", "ℓ₀"), _NUMBERS.values(), strict=True))


def figure(name: str, title: str, spec: Mapping[str, Any]) -> Figure | None:
    """Draw what a verdict brings along.

    Args:
        name: Id in the page.
        title: Heading.
        spec: ``kind``, ``x``, ``y``, ``log`` and ``series``, as ``analysis.Verdict.figure``.
    Returns:
        The figure; None for an empty one.
    """
    makers = {"curves": _curves, "scatter": _scatter, "bars": _bars}
    if spec.get("kind") not in makers or not spec.get("series"):
        return None
    return makers[spec["kind"]](name, title, spec)


def _number(threat: str) -> int | None:
    """The number of the norm that a threat measures in; None for every other threat."""
    order = shown_facts(threat).order
    return None if order is None else _NUMBERS.get(order)


def _colour(threat: str) -> str:
    """The colour token of a threat's norm."""
    number = _number(threat)
    return "ink" if number is None else f"n{number}"


def _mark(threat: str, otherwise: int) -> int:
    """The number of the symbol of a threat's norm."""
    number = _number(threat)
    return otherwise if number is None else number


def _curves(name: str, title: str, spec: Mapping[str, Any]) -> Figure:
    """Accuracy against a length, or against the radius as a share of the largest one."""
    shared = spec["x"] != "radius"
    data = []
    for number, one in enumerate(spec["series"]):
        norm, colour = one["name"], _colour(one["name"])
        top = 1.0 if shared or not one["x"] else max(one["x"]) or 1.0
        x = [value / top for value in one["x"]]
        for key, dash in (("random", "dash"), ("y", "solid")):
            mode = "lines+markers" if key == "y" else "lines"
            what = "attacked" if key == "y" else "random changes"
            data.append({
                "type": "scatter", "mode": mode, "x": x, "y": [100 * v for v in one[key]],
                "line": {"color": f"@{colour}", "width": 2.25 if key == "y" else 1.5, "dash": dash},
                "marker": {"symbol": SYMBOLS[_mark(norm, number)], "size": 8},
                "hovertemplate": f"{threat_title(norm)}, {what}<br>%{{x:.3g}}: %{{y:.1f}} %"
                                 "<extra></extra>",
            })  # fmt: skip
    what = pretty(spec["x"]) if shared else "radius (1 = the largest of its norm)"
    y = axis("accuracy (%)", range=[-2, 102], tickvals=[0, 25, 50, 75, 100])
    ends = "; ".join(
        f"{threat_title(one['name'])} ends at {100 * one['y'][-1]:.0f} %" for one in spec["series"]
    )
    layout = sheet(axis(what, rangemode="tozero"), y, 270)
    alt = f"Accuracy against {what}: {ends}."
    return Figure(name=name, title=title, alt=alt, data=data, layout=layout)


def _scatter(name: str, title: str, spec: Mapping[str, Any]) -> Figure:
    """Items as points, a line where both axes are equal, and the bound as a line above."""
    groups = []
    for number, one in enumerate(spec["series"]):
        known = [
            (x, y)
            for x, y in zip(one["x"], one["y"], strict=True)
            if x is not None and y is not None
        ]
        groups.append({
            "name": threat_title(one["name"]), "colour": _colour(one["name"]),
            "symbol": _mark(one["name"], number),
            "x": [x for x, _ in known], "y": [y for _, y in known],
        })  # fmt: skip
    axes = (pretty(spec["x"]), pretty(spec["y"]))
    return clouds(name, title, groups, axes=axes, diagonal=True, height=290)


def _bars(name: str, title: str, spec: Mapping[str, Any]) -> Figure:
    """Estimates with their intervals."""
    rows = [
        {"label": _label(label), "value": value, "low": low, "high": high}
        for one in spec["series"]
        for label, value, low, high in zip(one["x"], one["y"], one["low"], one["high"], strict=True)
    ]
    return forest(name, title, rows, unit=pretty(spec["y"]), mark=0.0)


def _label(name: str) -> str:
    """A row's name; a data set in words, where the row is one."""
    first = name.split(" ", 1)[0]
    title = data_title(first)
    return pretty(name) if title == first else title
