"""The frame round a plot: axes with ticks, titles, a grid, and a key above where it needs one."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from spikeproof.report.drawing.marks import Drawing, Mark, Spots, Stroke, Words, text_width
from spikeproof.report.drawing.scales import Scale

__all__ = ["DASHED", "DOTTED", "Frame", "LegendEntry", "frame"]

DASHED, DOTTED = (5.0, 4.0), (1.5, 4.0)
_ROW = 17.0


@dataclass(frozen=True, kw_only=True)
class LegendEntry:
    """One entry of a key: a line with a symbol, and what it stands for; symbol -1 is none."""

    name: str
    colour: str
    symbol: int = -1
    dash: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Frame:
    """Where a plot lies on its sheet, and everything round it."""

    width: float
    height: float
    x: Scale
    y: Scale
    behind: list[Mark] = field(default_factory=list)

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Where a point lies."""
        return self.x.at(x), self.y.at(y)

    def drawing(self, marks: Sequence[Mark]) -> Drawing:
        """The sheet with marks on it."""
        return Drawing(width=self.width, height=self.height, marks=[*self.behind, *marks])


ScaleOf = Callable[[float, float], Scale]


def frame(
    width: float, height: float, x_of: ScaleOf, y_of: ScaleOf, *, x_title: str, y_title: str,
    keys: Sequence[LegendEntry] = (),
) -> Frame:  # fmt: skip
    """Lay out a plot: the title of y stands over its axis, level, so that nothing is turned.

    Args:
        width: Of the sheet.
        height: Of the plot between its axes; ticks, titles and the key come on top.
        x_of: Makes the scale of x from where it starts and ends.
        y_of: The same for y.
        x_title: What x is.
        y_title: What y is.
        keys: Entries of the key; none where a key would say nothing.
    """
    key, top = _key(keys, width)
    lines = textwrap.wrap(y_title, max(12, int(width / 6.2)))
    heads: list[Mark] = [
        Words(x=2, y=top + 12 + 15 * i, text=line, colour="muted") for i, line in enumerate(lines)
    ]
    top += 15 * len(lines) + (10 if lines else 4)
    y = y_of(top + height, top)
    left = max((text_width(text) for _, text in y.ticks), default=0) + 10
    x = x_of(left, width - 10)
    marks = [*key, *heads, *_rulings(x, y), *_x_ticks(x, y)]
    below = textwrap.wrap(x_title, max(12, int((width - left) / 6.2)))
    middle = (left + width - 10) / 2
    for i, line in enumerate(below):
        under = top + height + 36 + 15 * i
        marks.append(Words(x=middle, y=under, text=line, colour="muted", anchor="middle"))
    tall = top + height + 24 + 15 * len(below) + (4 if below else 0)
    return Frame(width=width, height=tall, x=x, y=y, behind=marks)


def _key(keys: Sequence[LegendEntry], width: float) -> tuple[list[Mark], float]:
    """The key as rows that fit, and where the plot may begin."""
    marks: list[Mark] = []
    x, y = 2.0, 2.0
    for one in keys:
        wide = 30 + text_width(one.name) + 12
        if x > 2 and x + wide > width:
            x, y = 2.0, y + _ROW
        line = [(x, y + 7), (x + 22, y + 7)]
        marks.append(Stroke(points=line, colour=one.colour, width=2, dash=one.dash))
        if one.symbol >= 0:
            spot = [(x + 11, y + 7)]
            marks.append(Spots(points=spot, colour=one.colour, symbol=one.symbol, size=4))
        marks.append(Words(x=x + 28, y=y + 11, text=one.name))
        x += wide
    return marks, y + _ROW + 4 if keys else 0.0


def _rulings(x: Scale, y: Scale) -> list[Mark]:
    """Grid lines of y with their numbers, and the axes."""
    marks: list[Mark] = []
    for value, text in y.ticks:
        at = y.at(value)
        marks.append(Stroke(points=[(x.start_of_axis, at), (x.end, at)], colour="line"))
        marks.append(
            Words(x=x.start_of_axis - 6, y=at + 4, text=text, anchor="end", colour="muted")
        )
    base = [(x.start_of_axis, y.start), (x.end, y.start)]
    return [*marks, Stroke(points=base, colour="muted")]


def _x_ticks(x: Scale, y: Scale) -> list[Mark]:
    """Ticks of x that do not run into each other, and the break of a broken scale."""
    marks: list[Mark] = []
    last = float("inf")
    for value, text in reversed(x.ticks):
        at, half = x.at(value), text_width(text, 11) / 2
        marks.append(Stroke(points=[(at, y.start), (at, y.start + 4)], colour="muted"))
        if at + half + 3 < last:
            end = min(at, x.end + 9 - half)
            marks.append(Words(x=end, y=y.start + 17, text=text, anchor="middle", colour="muted"))
            last = at - half
    if x.zero is not None:
        gap = (x.zero + x.start) / 2
        for shift in (-2.0, 2.0):
            slant = [(gap + shift - 2, y.start + 4), (gap + shift + 2, y.start - 4)]
            marks.append(Stroke(points=slant, colour="muted", width=1.25))
    return marks
