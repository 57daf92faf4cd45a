"""Figures of a run, for a page and for a paper: one description, one drawing code.

``draw(figure, "page")`` gives SVG whose colours follow the reader's theme, and
``draw(figure, "paper")`` a file that stands alone, in fixed colours and with a key, as SVG, PDF or
PNG. :func:`spikeproof.report.figures_of` describes the figures of a run: ``kind`` is ``"matrix"``,
``"curves"``, ``"scatter"`` or ``"gallery"``. SVG is written here, mark by mark: such a file is
a few kilobytes, takes a millisecond, and needs no library installed.
Only PDF and PNG ask for matplotlib, when they are drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from spikeproof.base import SettingError
from spikeproof.report.drawing import Drawing, svg

__all__ = ["PAPER", "Chart", "Figure", "Format", "draw"]

Format = Literal["svg", "pdf", "png"]
_PAGE_WIDTH, _PAPER_WIDTH = 340.0, 340.0

PAPER = {
    "ink": "#1b2330", "muted": "#576072", "line": "#dfe2e6", "card": "#ffffff", "soft": "#eef0f1",
    "accent": "#0b6670", "good": "#0b6b3f", "bad": "#a3350b", "open": "#5b5f12",
    "s0": "#5c6675", "s1": "#0072b2", "s2": "#c95700", "s3": "#00825f", "s4": "#b04f8b",
    "s5": "#9a7500", "s6": "#2a8bc4", "s7": "#7a4fc0",
    "n0": "#46106b", "n1": "#a52c7a", "n2": "#d9533f", "n3": "#c98a00",
}  # fmt: skip
"""Token → colour on paper; the style sheet of the page has the same for light screens."""


class Chart(Protocol):
    """What a figure holds, and how it is drawn."""

    def drawing(self, width: float, keyed: bool = True) -> Drawing:
        """The sheet.

        Args:
            width: Of the sheet, in pixels.
            keyed: Whether to draw a key; a page has keys of its own.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One figure.

    Args:
        name: Its id in the page, and a name for its file.
        title: Short heading.
        alt: What it shows, for readers who cannot see it.
        chart: What is drawn.
        kind: ``"matrix"``, ``"curves"``, ``"scatter"``, ``"gallery"``, ``"bars"`` or ``"forest"``.
        width: Of its sheet, in pixels.
    """

    name: str
    title: str
    alt: str
    chart: Chart
    kind: str
    width: float = _PAGE_WIDTH


def draw(
    figure: Figure, style: Literal["page", "paper"] = "paper", *, form: Format = "svg"
) -> bytes:
    """Draw a figure.

    Args:
        figure: From :func:`spikeproof.report.figures_of`.
        style: ``"page"`` leaves colours and the key to the page of the report and is SVG only;
            ``"paper"`` is a file that stands alone.
        form: ``"svg"``; or ``"pdf"`` or ``"png"``, for which matplotlib must be installed.
    Returns:
        The bytes; the same figure gives the same ones.
    Raises:
        SettingError: an unknown style or form, or matplotlib is needed and not installed.
    Cost:
        About a millisecond as SVG; as PDF a tenth of a second, after a second of imports.
    Example:
        >>> from spikeproof.report.charts import Forest, ForestRow
        >>> row = ForestRow(name="digits", value=2.0, low=1.0, high=3.0)
        >>> chart = Forest(rows=[row], unit="points", thresholds=[0.0])
        >>> figure = Figure(name="gain", title="Gain", alt=chart.alt, chart=chart, kind="forest")
        >>> draw(figure)[:4], b"Threshold: 0" in draw(figure, "page")
        (b'<svg', True)
    """
    if style not in ("page", "paper") or form not in ("svg", "pdf", "png"):
        raise SettingError(
            f"A figure is drawn in the style 'page' as 'svg' or in the style 'paper' as 'svg', "
            f"'pdf' or 'png'; got {style!r} as {form!r}."
        )
    if style == "page":
        if form != "svg":
            raise SettingError(f"The style 'page' is SVG only; draw {form!r} in the style 'paper'.")
        return svg(figure.chart.drawing(figure.width, False), figure.alt).encode()
    sheet = figure.chart.drawing(figure.width, True)
    if form == "svg":
        return svg(sheet, figure.alt, PAPER).encode()
    from spikeproof.report.drawing.printed import printed  # matplotlib, only where it is needed

    return printed(sheet, PAPER, form)
