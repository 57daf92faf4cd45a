"""Accuracy against a radius or a length, one line per training or per norm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from spikeproof.report.drawing import (
    Blob,
    Bunch,
    Drawing,
    Frame,
    LegendEntry,
    Scale,
    Spots,
    Stroke,
    frame,
    linear,
    logarithmic,
)
from spikeproof.report.drawing.axes import DASHED, DOTTED

__all__ = ["Curves", "Line"]

# From this ratio between the largest and the smallest of the measured places on, equal steps
# would squeeze the small ones into a corner.
_FAR = 16.0


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line: accuracies in per cent at ascending places.

    Args:
        name: What it is about.
        colour: Its token.
        symbol: Its mark.
        x: Places.
        y: Accuracy under attack.
        low: Lower ends of the 95 % intervals; empty without.
        high: Upper ends.
        random: Accuracy under random changes; empty without.
        classes: Of the page, so that a reader can choose it.
    """

    name: str
    colour: str
    symbol: int
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    random: Sequence[float] = ()
    classes: str = ""


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Lines on one pair of axes.

    Args:
        lines: What to draw.
        x_title: What x is.
        guessing: Accuracy of guessing in per cent; None where unknown.
        keyed: Whether the figure needs a key of its own also in a page.
    """

    lines: Sequence[Line]
    x_title: str
    guessing: float | None = None
    keyed: bool = False

    def drawing(self, width: float, keyed: bool = True) -> Drawing:
        """The sheet, with a key where asked for or where the page has none."""
        keys = self._keys() if keyed or self.keyed else []
        x = partial(_places, [line.x for line in self.lines])
        y = partial(linear, 0.0, 100.0, ticks=(0, 25, 50, 75, 100))
        plot = frame(width, 190, x, y, x_title=self.x_title, y_title="accuracy (%)", keys=keys)
        marks = [_band(plot, line) for line in self.lines if len(line.low)]
        if self.guessing is not None:
            across = [(plot.x.start_of_axis, plot.y.at(self.guessing)),
                      (plot.x.end, plot.y.at(self.guessing))]  # fmt: skip
            level = Stroke(points=across, colour="muted", width=1.5, dash=DOTTED)
            marks.append(Bunch(marks=[level], tip=f"guessing: {self.guessing:.3g} %"))
        return plot.drawing([*marks, *(_drawn(plot, line) for line in self.lines)])

    def _keys(self) -> list[LegendEntry]:
        """Lines by name, then what dashes and dots mean."""
        keys = [LegendEntry(name=o.name, colour=o.colour, symbol=o.symbol) for o in self.lines]
        if any(len(line.random) for line in self.lines):
            keys.append(LegendEntry(name="random changes", colour="muted", dash=DASHED))
        if self.guessing is not None:
            keys.append(LegendEntry(name="guessing", colour="muted", dash=DOTTED))
        return keys


def _places(all_x: Sequence[Sequence[float]], start: float, end: float) -> Scale:
    """Equal steps with ticks where was measured; equal ratios where places differ too much."""
    measured = sorted({value for x in all_x for value in x})
    positive = [value for value in measured if value > 0] or [1.0]
    largest = [max(x) for x in all_x if len(x) and max(x) > 0] or [1.0]
    if positive[-1] / positive[0] > _FAR and positive[-1] / min(largest) > _FAR / 4:
        return logarithmic(positive[0], positive[-1], start, end, zero=measured[0] <= 0)
    if positive[-1] / positive[0] > 4 * _FAR:
        return logarithmic(positive[0], positive[-1], start, end, zero=measured[0] <= 0)
    return linear(0.0, positive[-1], start, end - 4, ticks=measured if len(measured) <= 8 else ())


def _band(plot: Frame, line: Line) -> Bunch:
    """The 95 % band of a line."""
    up = [plot.place(x, y) for x, y in zip(line.x, line.high, strict=True)]
    down = [plot.place(x, y) for x, y in zip(line.x, line.low, strict=True)]
    area = Blob(points=[*up, *reversed(down)], colour=line.colour, opacity=0.16)
    return Bunch(marks=[area], classes=line.classes)


def _drawn(plot: Frame, line: Line) -> Bunch:
    """A line with its marks, each of which a pointer can read."""
    marks: list[Stroke | Bunch] = []
    if len(line.random):
        dashed = [plot.place(x, y) for x, y in zip(line.x, line.random, strict=True)]
        marks.append(Stroke(points=dashed, colour=line.colour, width=1.5, dash=DASHED))
    points = [plot.place(x, y) for x, y in zip(line.x, line.y, strict=True)]
    marks.append(Stroke(points=points, colour=line.colour, width=2.25))
    for i, point in enumerate(points):
        spot = Spots(points=[point], colour=line.colour, symbol=line.symbol)
        marks.append(Bunch(marks=[spot], tip=_tip(line, i)))
    return Bunch(marks=marks, classes=line.classes)


def _tip(line: Line, i: int) -> str:
    """What one point says."""
    text = f"{line.name} at {line.x[i]:.4g}: {line.y[i]:.1f} %"
    if len(line.low):
        text += f" ({line.low[i]:.1f} to {line.high[i]:.1f})"
    if len(line.random):
        text += f", random changes {line.random[i]:.1f} %"
    return text
