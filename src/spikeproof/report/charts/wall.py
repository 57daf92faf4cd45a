"""One item under every training and norm, as pictures: what was answered, and what was changed."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from spikeproof.report.drawing import Drawing, Pixels, Words, text_width
from spikeproof.report.drawing.marks import Mark

__all__ = ["Wall", "WallCell"]

_LINE = 13.0


@dataclass(frozen=True, kw_only=True)
class WallCell:
    """What became of the item under one training and norm; no pictures where none were kept."""

    pictures: Sequence[np.ndarray]
    lines: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Wall:
    """Trainings down, norms across.

    Args:
        clean: Pictures of the clean item.
        about: What the clean item is.
        rows: Trainings.
        columns: Norms.
        cells: ``(training, norm)`` → what became of it.
    """

    clean: Sequence[np.ndarray]
    about: str
    rows: Sequence[str]
    columns: Sequence[str]
    cells: Mapping[tuple[str, str], WallCell]

    def drawing(self, width: float, keyed: bool = True) -> Drawing:
        """The sheet; ``keyed`` changes nothing."""
        del keyed
        left = min(max((text_width(name) for name in self.rows), default=0) + 10, 0.25 * width)
        wide = (width - left) / max(1, len(self.columns))
        marks: list[Mark] = []
        side = min(wide * 0.46, 64.0)
        for i, picture in enumerate(self.clean):
            marks.append(_picture(picture, left + i * (side + 4), 2, side))
        beside = left + len(self.clean) * (side + 4) + 6
        for i, line in enumerate(textwrap.wrap(self.about, max(12, int((width - beside) / 6)))):
            marks.append(Words(x=beside, y=14 + 15 * i, text=line, size=11))
        y = side + 28
        for i, name in enumerate(self.columns):
            marks.append(Words(x=left + i * wide, y=y - 6, text=name, bold=True))
        for name in self.rows:
            row = [self.cells.get((name, column)) for column in self.columns]
            marks.append(Words(x=0, y=y + 14, text=name))
            tall = [_cell(one, left + i * wide, y, wide, marks) for i, one in enumerate(row) if one]
            y += max(tall, default=20.0) + 10
        return Drawing(width=width, height=y, marks=marks)


def _picture(values: np.ndarray, x: float, y: float, side: float) -> Pixels:
    """A picture in a square, in its own proportions."""
    tall, wide = values.shape[:2]
    scale = side / max(tall, wide)
    return Pixels(x=x, y=y, width=wide * scale, height=tall * scale, values=values)


def _cell(cell: WallCell, x: float, y: float, wide: float, marks: list[Mark]) -> float:
    """Draw one cell; how tall it is."""
    side = min((wide - 8) / max(1, len(cell.pictures)) - 3, 64.0)
    for i, picture in enumerate(cell.pictures):
        marks.append(_picture(picture, x + i * (side + 3), y, side))
    top = y + (side + 11 if cell.pictures else 11)
    room = max(8, int((wide - 6) / 4.6))
    lines = [part for line in cell.lines for part in textwrap.wrap(line, room)]
    for i, line in enumerate(lines):
        marks.append(Words(x=x, y=top + _LINE * i, text=line, size=9, colour="muted"))
    return top - y + _LINE * len(lines)
