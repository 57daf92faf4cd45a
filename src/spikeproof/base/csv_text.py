"""Tables as CSV: one form for everything that a spreadsheet or a data frame reads."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from typing import Any

from spikeproof.names import printable

__all__ = ["csv_text"]

# What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@")


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    r"""Return a table as CSV of UTF-8, commas, and one line break, ``\n``, after each row.

    None and NaN are empty cells, numbers have all their digits, truth is ``true`` or ``false``. A
    text that a spreadsheet would run as a formula begins with an apostrophe, and control characters
    are spelt out.

    Args:
        columns: Names of the columns.
        rows: Values, a row each.
    Example:
        >>> print(csv_text(["name", "share"], [["a,b", 0.25], ["=1+1", None]]), end="")
        name,share
        "a,b",0.25
        '=1+1,
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_shown(value) for value in row] for row in rows)
    return stream.getvalue()


def _shown(value: Any) -> str:
    """A value as a cell."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(float(value))  # a number of numpy has another repr
    text = printable(str(value), breaks=False)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text
