"""Figures as plain Plotly data.

Colours are tokens, ``"@s1"`` or ``"@s1/0.2"``; the page puts in the reader's theme. Building plain
data instead of ``graph_objects`` keeps the import small; a test has Plotly validate every figure.
"""

from __future__ import annotations

import html
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["SYMBOLS", "Figure", "axis", "bars", "curves", "forest", "safe", "sheet"]

SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "x", "star", "hexagon")
_FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One figure of the page.

    Args:
        name: Its id in the page.
        title: Short heading.
        alt: What it shows, for readers who cannot see it.
        data: Plotly traces.
        layout: Plotly layout.
    """

    name: str
    title: str
    alt: str
    data: list[dict[str, Any]]
    layout: dict[str, Any]


def safe(text: object) -> str:
    """Text that Plotly shows as it is: it reads a little HTML otherwise."""
    return html.escape(str(text), quote=True)


def axis(title: str, **more: Any) -> dict[str, Any]:
    """An axis in the house style; a long title is broken so that a phone shows all of it."""
    return {
        "title": {
            "text": "<br>".join(textwrap.wrap(title, 30)),
            "standoff": 8,
            "font": {"size": 13},
        },
        "automargin": True,
        "gridcolor": "@line",
        "linecolor": "@line",
        "zeroline": False,
        "showline": True,
        "ticks": "outside",
        "tickcolor": "@line",
        "ticklen": 4,
        "fixedrange": True,
        **more,
    }


def sheet(x: Mapping[str, Any], y: Mapping[str, Any], height: int, **more: Any) -> dict[str, Any]:
    """A layout in the house style; backgrounds are left to the page."""
    return {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": _FONT, "size": 12, "color": "@ink"},
        "margin": {"l": 8, "r": 12, "t": 12, "b": 8},
        "height": height,
        "showlegend": False,
        "hovermode": "closest",
        "hoverlabel": {"bgcolor": "@card", "bordercolor": "@line", "font": {"color": "@ink"}},
        "dragmode": False,
        "xaxis": dict(x),
        "yaxis": dict(y),
        **more,
    }


def _band(line: Mapping[str, Any]) -> dict[str, Any]:
    """The 95 % band of a curve."""
    x, low, high = list(line["radii"]), _hundred(line["low"]), _hundred(line["high"])
    return {
        "type": "scatter",
        "x": [*x, *reversed(x)],
        "y": [*high, *reversed(low)],
        "fill": "toself",
        "fillcolor": f"@s{line['series']}/0.16",
        "line": {"width": 0},
        "hoverinfo": "skip",
        "mode": "lines",
    }


def curves(
    name: str, title: str, lines: Sequence[Mapping[str, Any]], *, unit: str, chance: float | None
) -> Figure:
    """Accuracy against radius, one line per training.

    Args:
        name: Id in the page.
        title: Heading.
        lines: ``training``, ``series``, ``radii``, ``accuracy``, ``low``, ``high``,
            ``random_accuracy``; the last four as shares.
        unit: What the radius counts.
        chance: Accuracy of guessing; no line where unknown.
    Returns:
        The figure; accuracies in per cent.
    """
    data: list[dict[str, Any]] = []
    data += [_band(line) for line in lines]
    for line in lines:
        chosen = _hundred(line["random_accuracy"])
        data.append(_line(line, chosen, "random changes", dash="dash"))
        data.append(_line(line, _hundred(line["accuracy"]), "attacked", dash="solid"))
    radii = sorted({r for line in lines for r in line["radii"]})
    x = axis(
        f"radius ({unit})", range=[-0.03 * radii[-1], 1.03 * radii[-1]], tickvals=_ticks(radii)
    )
    y = axis("accuracy (%)", range=[-2, 102], tickvals=[0, 25, 50, 75, 100])
    shapes = [] if chance is None else [_level(100 * chance)]
    ends = "; ".join(
        f"{line['training']} ends at {100 * line['accuracy'][-1]:.0f} %" for line in lines
    )
    alt = f"Accuracy falling with the radius. At the largest radius: {ends}."
    layout = sheet(x, y, 290, shapes=shapes)
    return Figure(name=name, title=title, alt=alt, data=data, layout=layout)


def _ticks(radii: Sequence[float]) -> list[float]:
    """Ticks at the measured radii, leaving out those too near to their right neighbour."""
    kept: list[float] = []
    for radius in reversed(radii):
        if not kept or kept[-1] - radius > 0.11 * radii[-1]:
            kept.append(radius)
    return kept[::-1]


def _hundred(shares: Sequence[float]) -> list[float]:
    """Shares in per cent."""
    return [round(100 * float(share), 4) for share in shares]


def _level(height: float) -> dict[str, Any]:
    """A dotted line across the plot."""
    return {
        "type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": height, "y1": height,
        "line": {"color": "@muted", "width": 1.5, "dash": "dot"},
    }  # fmt: skip


def _line(line: Mapping[str, Any], y: list[float], what: str, *, dash: str) -> dict[str, Any]:
    """One curve with its marks."""
    series = line["series"]
    drawn = dash == "solid"
    hover = f"{safe(line['training'])}, {what}<br>radius %{{x:.4g}}: %{{y:.1f}} %<extra></extra>"
    return {
        "type": "scatter",
        "mode": "lines+markers" if drawn else "lines",
        "name": safe(line["training"]),
        "x": list(line["radii"]),
        "y": y,
        "line": {"color": f"@s{series}", "width": 2.25 if drawn else 1.5, "dash": dash},
        "marker": {"symbol": SYMBOLS[series % 8], "size": 8, "color": f"@s{series}"},
        "hovertemplate": hover,
    }


def forest(
    name: str, title: str, rows: Sequence[Mapping[str, Any]], *, unit: str, mark: float | None = 0.0
) -> Figure:
    """Estimates with their intervals, one row each.

    Args:
        name: Id in the page.
        title: Heading.
        rows: ``label``, ``value``, ``low``, ``high``.
        unit: What the values are.
        mark: Where an estimate changes sides; a dotted line.
    Returns:
        The figure.
    """
    labels = [safe(row["label"]) for row in rows]
    values = [float(row["value"]) for row in rows]
    error = {
        "type": "data", "symmetric": False, "thickness": 2.25, "width": 5, "color": "@accent",
        "array": [row["high"] - row["value"] for row in rows],
        "arrayminus": [row["value"] - row["low"] for row in rows],
    }  # fmt: skip
    dots = {
        "type": "scatter", "mode": "markers", "x": values, "y": labels, "error_x": error,
        "marker": {"size": 11, "color": "@accent"},
        "hovertemplate": "%{y}: %{x:.3g}<extra></extra>",
    }  # fmt: skip
    shapes = [] if mark is None else [_post(mark)]
    ends = [-0.6, len(labels) - 0.4]
    y = axis("", categoryorder="array", categoryarray=labels[::-1], showgrid=False, ticks="")
    layout = sheet(axis(unit), {**y, "range": ends}, 84 + 32 * len(labels), shapes=shapes)
    numbers = "; ".join(
        f"{row['label']} {row['value']:.3g} ({row['low']:.3g} to {row['high']:.3g})" for row in rows
    )
    return Figure(name=name, title=title, alt=f"{unit}: {numbers}.", data=[dots], layout=layout)


def _post(place: float) -> dict[str, Any]:
    """A dotted line up the plot."""
    return {
        "type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": place, "x1": place,
        "line": {"color": "@muted", "width": 1.5, "dash": "dot"},
    }  # fmt: skip


def bars(name: str, title: str, groups: Sequence[Mapping[str, Any]], *, unit: str) -> Figure:
    """Grouped bars, one group per label, one bar per training.

    Args:
        name: Id in the page.
        title: Heading.
        groups: ``training``, ``series``, ``labels``, ``values``.
        unit: What the values are.
    """
    data = [{
        "type": "bar", "name": safe(group["training"]),
        "x": [safe(label) for label in group["labels"]], "y": [float(v) for v in group["values"]],
        "marker": {"color": f"@s{group['series']}"},
        "hovertemplate": f"{safe(group['training'])}, %{{x}}: %{{y:.3g}}<extra></extra>",
    } for group in groups]  # fmt: skip
    alt = "; ".join(
        f"{g['training']}: "
        + ", ".join(f"{k} {v:.3g}" for k, v in zip(g["labels"], g["values"], strict=True))
        for g in groups
    )
    layout = sheet(
        axis("", type="category"), axis(unit, rangemode="tozero"), 270, barmode="group", bargap=0.25
    )
    return Figure(name=name, title=title, alt=f"{unit}. {alt}.", data=data, layout=layout)
