"""Small tables as HTML that needs nothing else: what a notebook shows of a result."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from spikeproof.names import printable

__all__ = ["html_table"]

_CELL = "text-align:{side};padding:2px 8px"


def html_table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], *, caption: str = "", notes: str = ""
) -> str:
    """Return a table as HTML; every text is escaped, and nothing is loaded.

    Args:
        heads: Heads of the columns; the first column holds names, the others numbers.
        rows: Texts, a row each.
        caption: What stands above.
        notes: What stands below, lines.
    Example:
        >>> html_table(["a"], [["<b>"]]).count("&lt;b&gt;")
        1
    """
    body = "".join(_row(row, "td") for row in rows)
    above = f'<caption style="text-align:left">{_text(caption)}</caption>' if caption else ""
    below = "".join(f"<div>{_text(line)}</div>" for line in notes.splitlines())
    return (
        f'<table style="border-collapse:collapse">{above}<thead>{_row(heads, "th")}</thead>'
        f"<tbody>{body}</tbody></table>{below}"
    )


def _row(cells: Sequence[str], tag: str) -> str:
    """A row."""
    sides = ["left", *["right"] * (len(cells) - 1)]
    return (
        "<tr>"
        + "".join(
            f'<{tag} style="{_CELL.format(side=side)}">{_text(cell)}</{tag}>'
            for side, cell in zip(sides, cells, strict=True)
        )
        + "</tr>"
    )


def _text(text: str) -> str:
    """A text as HTML."""
    return escape(printable(text, breaks=False))
