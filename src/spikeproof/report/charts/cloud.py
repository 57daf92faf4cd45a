"""Scatter plots on logarithmic axes: a point per item, a large mark for the middle of a group."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from spikeproof.report.drawing import (
    Bunch,
    Drawing,
    Frame,
    LegendEntry,
    Spots,
    Stroke,
    frame,
    logarithmic,
)
from spikeproof.report.drawing.axes import DOTTED

__all__ = ["MOST", "Cloud", "PointGroup"]

MOST = 120  # points drawn per group


@dataclass(frozen=True, kw_only=True)
class PointGroup:
    """The items of one group; values that are not positive cannot be drawn and are left out."""

    name: str
    colour: str
    symbol: int
    x: np.ndarray
    y: np.ndarray
    classes: str = ""

    @property
    def kept(self) -> tuple[np.ndarray, np.ndarray]:
        """What a logarithmic axis can show."""
        x, y = np.asarray(self.x, float), np.asarray(self.y, float)
        keep = (x > 0) & (y > 0) & np.isfinite(x) & np.isfinite(y)
        return x[keep], y[keep]

    @property
    def middle(self) -> tuple[float, float] | None:
        """The medians of x and of y; None of no item."""
        x, y = self.kept
        return (float(np.median(x)), float(np.median(y))) if len(x) else None


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """Groups of points.

    Args:
        groups: What to draw.
        axes: What x and y are, with units.
        diagonal: Whether to draw y = x.
        keyed: Whether the figure always needs a key of its own.
    """

    groups: Sequence[PointGroup]
    axes: tuple[str, str]
    diagonal: bool = False
    keyed: bool = False

    @property
    def alt(self) -> str:
        """What it shows, in words."""
        known = [(group.name, group.middle) for group in self.groups if group.middle]
        values = "; ".join(f"{name} {m[0]:.3g} and {m[1]:.3g}" for name, m in known if m)
        return (
            f"{self.axes[1]} against {self.axes[0]}, one point per item. "
            f"Medians of x and y: {values}."
        )

    def drawing(self, width: float, keyed: bool = True) -> Drawing:
        """The sheet."""
        shown = [group for group in self.groups if group.middle]
        spans = [_span([group.kept[i] for group in shown]) for i in (0, 1)]
        keys = [LegendEntry(name=g.name, colour=g.colour, symbol=g.symbol) for g in shown]
        if self.diagonal:
            keys.append(LegendEntry(name="equal", colour="muted", dash=DOTTED))
        plot = frame(
            width, 220, partial(logarithmic, *spans[0]), partial(logarithmic, *spans[1]),
            x_title=self.axes[0], y_title=self.axes[1], keys=keys if keyed or self.keyed else (),
        )  # fmt: skip
        points = [_points(plot, group) for group in shown]
        middles = [_middle(plot, group) for group in shown]
        return plot.drawing([*(_equal(plot) if self.diagonal else ()), *points, *middles])


def _span(values: Sequence[np.ndarray]) -> tuple[float, float]:
    """From the smallest to the largest."""
    if not values:
        return 0.1, 1.0
    return float(min(v.min() for v in values)), float(max(v.max() for v in values))


def _points(plot: Frame, group: PointGroup) -> Bunch:
    """At most ``MOST`` items, evenly through them."""
    x, y = group.kept
    step = max(1, math.ceil(len(x) / MOST))
    places = [plot.place(a, b) for a, b in zip(x[::step], y[::step], strict=True)]
    spots = Spots(points=places, colour=group.colour, size=2, opacity=0.4)
    return Bunch(marks=[spots], classes=group.classes)


def _middle(plot: Frame, group: PointGroup) -> Bunch:
    """The median of a group."""
    assert group.middle is not None
    x, y = group.middle
    spot = Spots(
        points=[plot.place(x, y)], colour=group.colour, symbol=group.symbol, size=6.5, edge="card"
    )
    tip = f"{group.name}: median {x:.3g} across, {y:.3g} up"
    return Bunch(marks=[spot], tip=tip, classes=group.classes)


def _equal(plot: Frame) -> list[Stroke]:
    """The line y = x where it crosses the plot."""
    low, high = max(plot.x.low, plot.y.low), min(plot.x.high, plot.y.high)
    if high <= low:
        return []
    ends = [plot.place(low, low), plot.place(high, high)]
    return [Stroke(points=ends, colour="muted", width=1.5, dash=DOTTED)]
