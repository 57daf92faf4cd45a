"""What a drawing is made of: lines, areas, symbols, words and pictures on a sheet.

Lengths are CSS pixels from the upper left corner. A colour is a token of the page, such as
``"s1"`` or ``"ink"``, which takes the reader's theme, or a hex text, which stays as it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

__all__ = [
    "SYMBOLS",
    "Blob",
    "Bunch",
    "Drawing",
    "Mark",
    "Pixels",
    "Plate",
    "Spots",
    "Stroke",
    "Words",
    "outline",
    "shifted",
    "text_width",
]

Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Stroke:
    """A line through points."""

    points: Sequence[Point]
    colour: str
    width: float = 1.0
    dash: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Blob:
    """A filled area within points."""

    points: Sequence[Point]
    colour: str
    opacity: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Plate:
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float
    colour: str
    edge: str = ""


@dataclass(frozen=True, kw_only=True)
class Spots:
    """The same symbol at many points; number -1 is a plain dot, 0 a disc with an edge."""

    points: Sequence[Point]
    colour: str
    symbol: int = -1
    size: float = 4.0
    opacity: float = 1.0
    edge: str = ""


@dataclass(frozen=True, kw_only=True)
class Words:
    """A line of text; ``anchor`` is ``"start"``, ``"middle"`` or ``"end"``."""

    x: float
    y: float
    text: str
    size: float = 12.0
    colour: str = "ink"
    anchor: str = "start"
    bold: bool = False


@dataclass(frozen=True, kw_only=True)
class Pixels:
    """A picture whose pixels stay squares: uint8 ``(H, W, 3)``."""

    x: float
    y: float
    width: float
    height: float
    values: np.ndarray
    smooth: bool = False


@dataclass(frozen=True, kw_only=True)
class Bunch:
    """Marks that belong together: what a pointer reads over them, and the classes of a page."""

    marks: Sequence[Mark]
    tip: str = ""
    classes: str = ""


Mark = Stroke | Blob | Plate | Spots | Words | Pixels | Bunch


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A finished sheet."""

    width: float
    height: float
    marks: Sequence[Mark] = field(default_factory=list)


# A rough width of each character as a share of the size, on the safe side for common faces.
_NARROW, _WIDE = set("iljtfrI.,:;|'!()[] ·"), set("mwMW%@—∞")


def text_width(text: str, size: float = 12.0) -> float:
    """About how wide a text is, rather too wide than too narrow.

    Example:
        >>> text_width("0.25") < text_width("accuracy")
        True
    """
    shares = (0.34 if c in _NARROW else 0.92 if c in _WIDE else 0.6 for c in text)
    return size * sum(shares)


def _star() -> list[Point]:
    """A star with five points."""
    radii = (1.25, 0.5) * 5
    turns = (math.pi * (i / 5 - 0.5) for i in range(10))
    return [(r * math.cos(t), r * math.sin(t)) for r, t in zip(radii, turns, strict=True)]


def _plus(turn: float) -> list[Point]:
    """A thick cross."""
    arm, half = 1.15, 0.36
    corner = [(-half, -arm), (half, -arm), (half, -half), (arm, -half), (arm, half), (half, half)]
    corner += [(-x, -y) for x, y in corner]
    c, s = math.cos(turn), math.sin(turn)
    return [(x * c - y * s, x * s + y * c) for x, y in corner]


# Outlines round the origin, about one wide to each side; the first is a disc, which has none.
SYMBOLS: tuple[list[Point], ...] = (
    [],
    [(0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)],
    [(-0.92, -0.92), (0.92, -0.92), (0.92, 0.92), (-0.92, 0.92)],
    [(0, -1.15), (1.2, 0.95), (-1.2, 0.95)],
    _plus(0.0),
    _plus(math.pi / 4),
    _star(),
    [(1.1 * math.cos(math.pi * i / 3), 1.1 * math.sin(math.pi * i / 3)) for i in range(6)],
)


def outline(symbol: int, radius: float) -> list[Point]:
    """The corners of a symbol round the origin; none for a disc."""
    return [(radius * x, radius * y) for x, y in SYMBOLS[max(0, symbol) % len(SYMBOLS)]]


def shifted(mark: Mark, x: float, y: float) -> Mark:
    """The same mark further right by ``x`` and down by ``y``."""
    if isinstance(mark, Bunch):
        return replace(mark, marks=[shifted(one, x, y) for one in mark.marks])
    if isinstance(mark, Stroke | Blob | Spots):
        return replace(mark, points=[(a + x, b + y) for a, b in mark.points])
    return replace(mark, x=mark.x + x, y=mark.y + y)
