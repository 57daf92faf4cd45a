"""Scatter plots on logarithmic axes: a point per item, a large mark for the middle of a group."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spikeproof.report.figures import SYMBOLS, Figure, axis, safe, sheet

__all__ = ["MOST", "clouds", "log_ticks"]

MOST = 120  # points drawn per group


def clouds(
    name: str, title: str, groups: Sequence[Mapping[str, Any]], *, axes: tuple[str, str],
    diagonal: bool = False, height: int = 330,
) -> Figure:  # fmt: skip
    """One point per item and the median of each group.

    Args:
        name: Id in the page.
        title: Heading.
        groups: ``name``, ``colour`` (a token without its @), ``symbol`` (a number), ``x``, ``y``;
            values that are not positive cannot be drawn and are left out.
        axes: What x and y are, with units.
        diagonal: Also draw y = x.
        height: Pixels.
    Returns:
        The figure.
    """
    data, middles, seen = [], [], []
    for group in groups:
        x, y = np.asarray(group["x"], float), np.asarray(group["y"], float)
        keep = (x > 0) & (y > 0) & np.isfinite(x) & np.isfinite(y)
        if keep.any():
            x, y = x[keep], y[keep]
            data.append(_points(group, *_thinned(x, y)))
            middles.append((group, float(np.median(x)), float(np.median(y))))
            seen.append((x.min(), x.max(), y.min(), y.max()))
    data += [_middle(group, x, y) for group, x, y in middles]
    layout = sheet(axis(axes[0], type="log"), axis(axes[1], type="log"), height)
    if seen:
        lows, highs = np.min(seen, axis=0), np.max(seen, axis=0)
        spans = [(float(lows[i]), float(highs[i + 1])) for i in (0, 2)]
        for which, span in zip(("xaxis", "yaxis"), spans, strict=True):
            layout[which] |= log_ticks(*span)
        if diagonal:
            data.insert(0, _diagonal(*spans))
    values = "; ".join(f"{g['name']} {x:.3g} and {y:.3g}" for g, x, y in middles)
    alt = f"{axes[1]} against {axes[0]}, one point per item. Medians of x and y: {values}."
    return Figure(name=name, title=title, alt=alt, data=data, layout=layout)


def log_ticks(low: float, high: float) -> dict[str, Any]:
    """Range and at most about six ticks of a logarithmic axis from ``low`` to ``high``.

    Example:
        >>> log_ticks(0.9, 110.0)["ticktext"]
        ['1', '10', '100']
    """
    first, last = math.log10(low), math.log10(high)
    pad = max(0.04 * (last - first), 0.05)
    first, last = first - pad, last + pad
    steps = (1.0,) if last - first > 2.2 else (1.0, 2.0, 5.0)
    stride = max(1, math.ceil((last - first) / 6)) if len(steps) == 1 else 1
    ticks = [
        step * 10.0**power
        for power in range(math.floor(first), math.ceil(last) + 1)
        if power % stride == 0
        for step in steps
    ]
    ticks = [tick for tick in ticks if first <= math.log10(tick) <= last]
    return {"range": [first, last], "tickvals": ticks, "ticktext": [_tick(t) for t in ticks]}


def _tick(value: float) -> str:
    """A tick as text: plain where that is short, else a power of ten."""
    if 0.1 <= value <= 1000:
        return f"{value:g}"
    power = round(math.log10(value))
    if math.isclose(value, 10.0**power):
        return f"10<sup>{power}</sup>".replace("-", "−")
    return f"{value:g}"


def _thinned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At most ``MOST`` points, evenly through the items."""
    step = max(1, math.ceil(len(x) / MOST))
    return x[::step], y[::step]


def _points(group: Mapping[str, Any], x: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    """The items of one group."""
    marker = {"size": 5, "color": f"@{group['colour']}/0.4", "symbol": SYMBOLS[group["symbol"]]}
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [float(f"{v:.4g}") for v in x],
        "y": [float(f"{v:.4g}") for v in y],
        "marker": marker,
        "hovertemplate": f"{safe(group['name'])}<br>x %{{x:.3g}}, y %{{y:.3g}}<extra></extra>",
    }


def _middle(group: Mapping[str, Any], x: float, y: float) -> dict[str, Any]:
    """The median of one group."""
    marker = {
        "size": 15, "color": f"@{group['colour']}", "symbol": SYMBOLS[group["symbol"]],
        "line": {"width": 2, "color": "@card"},
    }  # fmt: skip
    hover = f"{safe(group['name'])}, median<br>x %{{x:.3g}}, y %{{y:.3g}}<extra></extra>"
    return {
        "type": "scatter", "mode": "markers", "x": [x], "y": [y], "marker": marker,
        "hovertemplate": hover,
    }  # fmt: skip


def _diagonal(x: tuple[float, float], y: tuple[float, float]) -> dict[str, Any]:
    """The line y = x where it crosses the plot."""
    ends = [min(x[0], y[0]), max(x[1], y[1])]
    return {
        "type": "scatter", "mode": "lines", "x": ends, "y": ends,
        "line": {"color": "@muted", "width": 1.5, "dash": "dot"}, "hoverinfo": "skip",
    }  # fmt: skip
