"""Where things are printed: results to standard output, everything else to standard error."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import typer

from spikeproof.names import printable

__all__ = ["note", "print_json", "print_table", "say"]

# A number, perhaps with its interval; a dash stands for one that is not there.
_NUMBER = re.compile(r"–|[-+]?\d[\d.]*(e-?\d+)?( \(.*)?")


def say(text: str) -> None:
    """Print a result; what would command the terminal is spelt out, as in all that is printed."""
    typer.echo(printable(text))


def note(text: str) -> None:
    """Print a line for the person at the terminal, never for a program reading the output."""
    typer.echo(printable(text), err=True)


def print_json(value: Any) -> None:
    """Print plain data as JSON, the only thing on standard output; numbers that are not finite,
    which JSON does not have, become null."""
    typer.echo(json.dumps(_finite(value), indent=1, sort_keys=True, allow_nan=False))


def _finite(value: Any) -> Any:
    """Plain data with None for what is not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    return [_finite(each) for each in value] if isinstance(value, list | tuple) else value


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None
) -> None:
    """Print an aligned table; numbers to the right, the last text column may wrap."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    columns = [printable(column, breaks=False) for column in columns]
    body = [[printable(str(cell)) for cell in row] for row in rows]
    title = None if title is None else printable(title, breaks=False)
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(columns):
        cells = [row[number] for row in body]
        right = bool(cells) and all(_NUMBER.fullmatch(cell) for cell in cells)
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    for row in body:
        table.add_row(*row)
    # A file or pipe has no width: give it one that no table here needs to break at.
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False, markup=False)
    console.print(table)
