"""A drawing as SVG: in a page its colours are the page's, in a paper they are written out."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

from spikeproof.base import printable
from spikeproof.report.drawing.marks import (
    Blob,
    Bunch,
    Drawing,
    Mark,
    Pixels,
    Plate,
    Point,
    Spots,
    Stroke,
    Words,
    outline,
)
from spikeproof.report.pictures import data_uri, png

__all__ = ["FACE", "svg"]

FACE = "DejaVu Sans, Helvetica, Arial, sans-serif"
_POINTS_PER_PIXEL = 0.72  # twelve pixels of the page are 8.6 points of a paper


def svg(drawing: Drawing, alt: str, colours: Mapping[str, str] | None = None) -> str:
    """Return a drawing as an ``svg`` element.

    Args:
        drawing: What to draw.
        alt: What it shows, in words.
        colours: Token → hex colour for a file that stands alone; None in a page, whose style sheet
            defines the tokens as custom properties.
    Returns:
        Text; the same drawing gives the same bytes.
    """
    size = f'viewBox="0 0 {_n(drawing.width)} {_n(drawing.height)}"'
    if colours is None:
        head = f'<svg {size} style="max-width:{_n(1.15 * drawing.width)}px" class="fig"'
    else:
        ends = (_n(_POINTS_PER_PIXEL * end) for end in (drawing.width, drawing.height))
        size += ' width="{}pt" height="{}pt"'.format(*ends)
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{FACE}"'
    pen = _Pen(colours)
    body = "".join(pen.written(mark) for mark in drawing.marks)
    return f'{head} font-size="12" role="img" aria-label="{_text(alt)}">{body}</svg>'


def _n(value: float) -> str:
    """A length with a tenth of a pixel, as short as can be."""
    text = f"{value:.1f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _text(text: str) -> str:
    """Text that cannot end an attribute or an element, or turn the page round."""
    return html.escape(printable(text), quote=True)


def _path(points: Sequence[Point], closed: bool = False) -> str:
    """Points as a path, each but the first relative to the one before."""
    x, y = (round(float(end), 1) for end in points[0])
    parts = [f"M{_n(x)} {_n(y)}l"] if len(points) > 1 else [f"M{_n(x)} {_n(y)}h0"]
    for point in points[1:]:
        across, down = round(float(point[0]) - x, 1), round(float(point[1]) - y, 1)
        x, y = x + across, y + down
        gap = "" if len(parts) == 1 or across < 0 else " "
        parts.append(f"{gap}{_n(across)}{'' if _n(down)[0] == '-' else ' '}{_n(down)}")
    return "".join(parts) + ("z" if closed else "")


class _Pen:
    """Writes marks in the colours of a page or of a paper."""

    def __init__(self, colours: Mapping[str, str] | None) -> None:
        self.colours = colours

    def colour(self, token: str) -> str:
        """A token as a colour."""
        if token.startswith("#") or token == "none":
            return token
        return f"var(--{token})" if self.colours is None else self.colours[token]

    def written(self, mark: Mark) -> str:
        """One mark."""
        match mark:
            case Stroke():
                return self._stroke(mark)
            case Blob():
                return (
                    f'<path fill="{self.colour(mark.colour)}"{_see_through(mark.opacity)} '
                    f'd="{_path(mark.points, True)}"/>'
                )
            case Plate():
                return self._plate(mark)
            case Spots():
                return self._spots(mark)
            case Words():
                return self._words(mark)
            case Pixels():
                return _pixels(mark)
            case Bunch():
                return self._bunch(mark)

    def _stroke(self, mark: Stroke) -> str:
        """A line."""
        dash = f' stroke-dasharray="{" ".join(map(_n, mark.dash))}"' if mark.dash else ""
        return (
            f'<path fill="none" stroke="{self.colour(mark.colour)}" '
            f'stroke-width="{mark.width:g}"{dash} stroke-linejoin="round" '
            f'd="{_path(mark.points)}"/>'
        )

    def _plate(self, mark: Plate) -> str:
        """A rectangle."""
        edge = f' stroke="{self.colour(mark.edge)}"' if mark.edge else ""
        ends = (_n(v) for v in (mark.x, mark.y, mark.width, mark.height))
        box = 'x="{}" y="{}" width="{}" height="{}"'.format(*ends)
        return f'<rect {box} fill="{self.colour(mark.colour)}"{edge}/>'

    def _spots(self, mark: Spots) -> str:
        """Symbols; a plain dot is the round end of a line without length."""
        colour, through = self.colour(mark.colour), _see_through(mark.opacity)
        if mark.symbol < 0:
            dots = "".join(f"M{_n(x)} {_n(y)}h0" for x, y in mark.points)
            return (
                f'<path fill="none" stroke="{colour}"{through} stroke-linecap="round" '
                f'stroke-width="{_n(2 * mark.size)}" d="{dots}"/>'
            )
        shape = outline(mark.symbol, mark.size)
        if shape:
            d = "".join(_path([(x + a, y + b) for a, b in shape], True) for x, y in mark.points)
        else:
            r, across = _n(mark.size), _n(2 * mark.size)
            arcs = f"a{r} {r} 0 1 0 {across} 0a{r} {r} 0 1 0-{across} 0z"
            d = "".join(f"M{_n(x - mark.size)} {_n(y)}{arcs}" for x, y in mark.points)
        edge = f' stroke="{self.colour(mark.edge)}" stroke-width="1.5"' if mark.edge else ""
        return f'<path fill="{colour}"{through}{edge} d="{d}"/>'

    def _words(self, mark: Words) -> str:
        """A line of text."""
        more = f' font-size="{mark.size:g}"' if mark.size != 12 else ""
        more += f' text-anchor="{mark.anchor}"' if mark.anchor != "start" else ""
        more += ' font-weight="600"' if mark.bold else ""
        return (
            f'<text x="{_n(mark.x)}" y="{_n(mark.y)}" fill="{self.colour(mark.colour)}"{more}>'
            f"{_text(mark.text)}</text>"
        )

    def _bunch(self, mark: Bunch) -> str:
        """Marks in a group."""
        body = "".join(self.written(one) for one in mark.marks)
        more = f' class="{_text(mark.classes)}"' if mark.classes and self.colours is None else ""
        more += f' data-tip="{_text(mark.tip)}"' if mark.tip and self.colours is None else ""
        return f"<g{more}>{body}</g>" if more else body


def _see_through(opacity: float) -> str:
    """The attribute of an opacity."""
    return "" if opacity == 1 else f' opacity="{opacity:g}"'


def _pixels(mark: Pixels) -> str:
    """A picture."""
    ends = (_n(v) for v in (mark.x, mark.y, mark.width, mark.height))
    box = 'x="{}" y="{}" width="{}" height="{}"'.format(*ends)
    how = "" if mark.smooth else ' style="image-rendering:pixelated"'
    uri = data_uri(png(mark.values), "image/png")
    return f'<image {box} preserveAspectRatio="none"{how} href="{uri}"/>'
