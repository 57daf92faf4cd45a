"""A drawing as PDF or PNG, by matplotlib."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from spikeproof.base import SettingError, printable
from spikeproof.report.drawing.marks import (
    Blob,
    Bunch,
    Drawing,
    Mark,
    Pixels,
    Plate,
    Spots,
    Stroke,
    Words,
    outline,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["printed"]

# Twelve pixels of the page are 8.6 points of a paper.
_POINTS = 0.72
_ANCHORS = {"start": "left", "middle": "center", "end": "right"}


def printed(drawing: Drawing, colours: Mapping[str, str], form: Literal["pdf", "png"]) -> bytes:
    """Return a drawing as a file.

    Args:
        drawing: What to draw.
        colours: Token → hex colour.
        form: ``"pdf"``, with fonts as outlines that can be searched, or ``"png"`` at 200 dots an
            inch.
    Returns:
        The bytes, the same for the same drawing: no date is in them.
    Raises:
        SettingError: matplotlib is not installed.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise SettingError(
            f"Drawing {form.upper()} needs matplotlib; run `pip install spikeproof[figures]`, or "
            "draw SVG, which does without."
        ) from None

    settings: Any = {"pdf.fonttype": 42, "font.family": ["DejaVu Sans"], "text.parse_math": False}
    with rc_context(settings):
        inches = (_POINTS * drawing.width / 72, _POINTS * drawing.height / 72)
        figure = Figure(figsize=inches, facecolor="white")
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set_xlim(0, drawing.width)
        axes.set_ylim(drawing.height, 0)
        for number, mark in enumerate(drawing.marks):
            _put(axes, mark, colours, number)
        buffer = io.BytesIO()
        dated = {"Software": None} if form == "png" else {"CreationDate": None, "Producer": None}
        figure.savefig(buffer, format=form, dpi=200, metadata=dated)
    return buffer.getvalue()


def _put(axes: Axes, mark: Mark, colours: Mapping[str, str], order: int) -> None:
    """Draw one mark above those before it."""
    if isinstance(mark, Bunch):
        for one in mark.marks:
            _put(axes, one, colours, order)
    elif isinstance(mark, Pixels):
        _pixels(axes, mark, order)
    elif isinstance(mark, Words):
        axes.text(
            mark.x, mark.y, printable(mark.text), size=_POINTS * mark.size, zorder=order,
            color=_colour(mark.colour, colours), ha=_ANCHORS[mark.anchor], va="baseline",
            weight="bold" if mark.bold else "normal",
        )  # fmt: skip
    else:
        _shape(axes, mark, colours, order)


def _colour(token: str, colours: Mapping[str, str]) -> str:
    """A token as a colour."""
    return token if token.startswith("#") or token == "none" else colours[token]


def _shape(
    axes: Axes, mark: Stroke | Blob | Plate | Spots, colours: Mapping[str, str], order: int
) -> None:
    """Draw a line, an area, a rectangle or symbols."""
    from matplotlib.patches import Polygon, Rectangle

    colour = _colour(mark.colour, colours)
    more: dict[str, Any] = {"zorder": order}
    if isinstance(mark, Stroke):
        x, y = zip(*mark.points, strict=True)
        width = _POINTS * mark.width
        dash = (0, tuple(length / mark.width for length in mark.dash)) if mark.dash else "solid"
        axes.plot(x, y, color=colour, linewidth=width, linestyle=dash, clip_on=False, **more)
    elif isinstance(mark, Blob):
        axes.add_patch(Polygon(list(mark.points), color=colour, alpha=mark.opacity, lw=0, **more))
    elif isinstance(mark, Plate):
        edge = _colour(mark.edge, colours) if mark.edge else "none"
        place = (mark.x, mark.y)
        axes.add_patch(
            Rectangle(place, mark.width, mark.height, facecolor=colour, edgecolor=edge, **more)
        )
    else:
        _spots(axes, mark, colour, _colour(mark.edge or "none", colours), order)


def _spots(axes: Axes, mark: Spots, colour: str, edge: str, order: int) -> None:
    """Draw symbols, as outlines in the units of the sheet."""
    from matplotlib.patches import Circle, Polygon

    look: dict[str, Any] = {"facecolor": colour, "edgecolor": edge, "zorder": order}
    look |= {"alpha": mark.opacity, "linewidth": 1.0 if mark.edge else 0.0}
    for x, y in mark.points:
        shape = outline(mark.symbol, mark.size)
        if shape:
            axes.add_patch(Polygon([(x + a, y + b) for a, b in shape], **look))
        else:
            axes.add_patch(Circle((x, y), mark.size, **look))


def _pixels(axes: Axes, mark: Pixels, order: int) -> None:
    """Draw a picture, every pixel a square."""
    ends = (mark.x, mark.x + mark.width, mark.y + mark.height, mark.y)
    how: Any = "bilinear" if mark.smooth else "nearest"
    across, down = axes.get_xlim(), axes.get_ylim()
    axes.imshow(mark.values, extent=ends, interpolation=how, aspect="auto", zorder=order)
    axes.set_xlim(across)  # imshow fits the axes to the picture; the sheet is larger
    axes.set_ylim(down)
