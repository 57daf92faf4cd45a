"""The accuracy table as coloured squares with their numbers."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from spikeproof.report.drawing import Drawing, Plate, Words, text_width
from spikeproof.report.drawing.marks import Mark
from spikeproof.report.tables import Heat, HeatCell

__all__ = ["HeatMap"]

_TALL = 40.0


@dataclass(frozen=True, kw_only=True)
class HeatMap:
    """A table of accuracies.

    Args:
        table: Its cells, with their colours.
        about: What stands above it.
    """

    table: Heat
    about: str

    def drawing(self, width: float, keyed: bool = True) -> Drawing:
        """The sheet; ``keyed`` changes nothing, since the numbers stand in the cells."""
        del keyed
        names = [name for name, _ in self.table.rows]
        left = min(max((text_width(name) for name in names), default=0) + 10, 0.35 * width)
        wide = (width - left) / max(1, len(self.table.columns))
        lines = textwrap.wrap(self.about, max(20, int(width / 5.9)))
        marks: list[Mark] = [
            Words(x=0, y=12 + 15 * i, text=line, size=11, colour="muted")
            for i, line in enumerate(lines)
        ]
        top = 15 * len(lines) + 22.0
        for i, (_, title, _) in enumerate(self.table.columns):
            middle = left + wide * (i + 0.5)
            marks.append(Words(x=middle, y=top - 5, text=title, anchor="middle", bold=True))
        for row, (name, cells) in enumerate(self.table.rows):
            y = top + _TALL * row
            marks += _name(name, left, y)
            for column, cell in enumerate(cells):
                marks += _cell(cell, left + wide * column, y, wide)
        return Drawing(width=width, height=top + _TALL * len(names), marks=marks)


def _name(name: str, left: float, y: float) -> list[Mark]:
    """The name of a row, in two lines at most."""
    lines = textwrap.wrap(name, max(6, int((left - 8) / 6.4)))[:2]
    first = y + _TALL / 2 + 4 - 7 * (len(lines) - 1)
    return [Words(x=0, y=first + 14 * i, text=line) for i, line in enumerate(lines)]


def _cell(cell: HeatCell, x: float, y: float, wide: float) -> list[Mark]:
    """One cell: its colour, its number and its interval."""
    middle, small = x + wide / 2, min(9.0, 9.0 * (wide - 6) / max(1, text_width(cell.small, 9)))
    edge = "ink" if cell.own else ""
    ink = cell.ink or "muted"
    return [
        Plate(x=x + 1.5, y=y + 1.5, width=wide - 3, height=_TALL - 3, colour=cell.fill or "soft",
              edge=edge),
        Words(x=middle, y=y + 18, text=cell.text, size=13, colour=ink, anchor="middle", bold=True),
        Words(x=middle, y=y + 31, text=cell.small, size=small, colour=ink, anchor="middle"),
    ]  # fmt: skip
