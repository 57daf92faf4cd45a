"""Dot plots: estimates with their intervals, one row each, and the thresholds that judge them."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from spikeproof.report.drawing import (
    Bunch,
    Drawing,
    Scale,
    Spots,
    Stroke,
    Words,
    linear,
    logarithmic,
    text_width,
)
from spikeproof.report.drawing.axes import DOTTED
from spikeproof.report.drawing.marks import Mark
from spikeproof.report.drawing.scales import tick_text

__all__ = ["Forest", "ForestRow"]

_SQUEEZED = 20.0  # positive numbers further apart than this are drawn on equal ratios


@dataclass(frozen=True, kw_only=True)
class ForestRow:
    """One estimate; ``colour`` is a token, such as the one of its verdict."""

    name: str
    value: float
    low: float
    high: float
    colour: str = "accent"


@dataclass(frozen=True, kw_only=True)
class Forest:
    """Estimates under each other.

    Args:
        rows: What to draw.
        unit: What the values are.
        thresholds: Where an estimate changes sides; dotted lines with their numbers.
    """

    rows: Sequence[ForestRow]
    unit: str
    thresholds: Sequence[float] = ()

    @property
    def alt(self) -> str:
        """What it shows, in words."""
        numbers = "; ".join(
            f"{r.name} {r.value:.3g} ({r.low:.3g} to {r.high:.3g})" for r in self.rows
        )
        limits = ", ".join(f"{limit:g}" for limit in self.thresholds)
        return f"{self.unit}: {numbers}." + (f" Threshold: {limits}." if limits else "")

    def drawing(self, width: float, keyed: bool = True) -> Drawing:
        """The sheet; ``keyed`` changes nothing, since every row bears its name."""
        del keyed
        widest = max((text_width(row.name) for row in self.rows), default=0.0)
        left = min(widest + 12, 0.42 * width)
        names = [textwrap.wrap(row.name, max(8, int((left - 12) / 6.8))) for row in self.rows]
        scale = self._scale(left + 8, width - 14)
        top = y = 22.0 if self.thresholds else 6.0
        marks: list[Mark] = []
        for row, name in zip(self.rows, names, strict=True):
            tall = 15 * len(name) + 13
            first = y + tall / 2 - 7.5 * (len(name) - 1) + 4
            marks += [Words(x=2, y=first + 15 * i, text=t) for i, t in enumerate(name)]
            marks.append(_estimate(scale, row, y + tall / 2))
            y += tall
        marks = [*self._limits(scale, top, y), *marks, *_axis(scale, y)]
        below = textwrap.wrap(self.unit, max(12, int((width - left) / 6.2)))
        middle = (scale.start + scale.end) / 2
        for i, text in enumerate(below):
            under = y + 36 + 15 * i
            marks.append(Words(x=middle, y=under, text=text, colour="muted", anchor="middle"))
        return Drawing(width=width, height=y + 28 + 15 * len(below), marks=marks)

    def _scale(self, start: float, end: float) -> Scale:
        """Everything in view, thresholds too."""
        values = [v for row in self.rows for v in (row.low, row.value, row.high)]
        values += list(self.thresholds)
        low, high = min(values), max(values)
        if low > 0 and high / low > _SQUEEZED:
            return logarithmic(low, high, start, end)
        room = 0.04 * (high - low) or 0.05 * abs(high) or 0.5
        return linear(low - room, high + room, start, end)

    def _limits(self, scale: Scale, top: float, bottom: float) -> list[Mark]:
        """The thresholds."""
        marks: list[Mark] = []
        for limit in self.thresholds:
            at = scale.at(limit)
            line = [(at, top - 4), (at, bottom)]
            marks.append(Stroke(points=line, colour="ink", width=1.25, dash=DOTTED))
            named = tick_text(limit)
            marks.append(Words(x=at, y=top - 9, text=named, size=11, anchor="middle"))
        return marks


def _estimate(scale: Scale, row: ForestRow, y: float) -> Bunch:
    """A dot with its interval."""
    low, high = scale.at(row.low), scale.at(row.high)
    marks: list[Mark] = [Stroke(points=[(low, y), (high, y)], colour=row.colour, width=2.25)]
    marks += [
        Stroke(points=[(end, y - 4), (end, y + 4)], colour=row.colour, width=2.25)
        for end in (low, high)
    ]
    marks.append(Spots(points=[(scale.at(row.value), y)], colour=row.colour, symbol=0, size=5))
    tip = f"{row.name}: {row.value:.3g} ({row.low:.3g} to {row.high:.3g})"
    return Bunch(marks=marks, tip=tip)


def _axis(scale: Scale, y: float) -> list[Mark]:
    """The axis below, with ticks that do not run into each other."""
    marks: list[Mark] = [Stroke(points=[(scale.start, y), (scale.end, y)], colour="muted")]
    last = float("inf")
    for value, text in reversed(scale.ticks):
        at, half = scale.at(value), text_width(text) / 2
        marks.append(Stroke(points=[(at, y), (at, y + 4)], colour="muted"))
        if at + half + 3 < last:
            marks.append(Words(x=at, y=y + 17, text=text, colour="muted", anchor="middle"))
            last = at - half
    return marks
