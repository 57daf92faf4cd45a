"""Where things are printed: results to standard output, everything else to standard error."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import typer

__all__ = ["note", "print_json", "print_table"]

# A number, perhaps with its interval; a dash stands for one that is not there.
_NUMBER = re.compile(r"–|[-+]?\d[\d.]*(e-?\d+)?( \(.*)?")


def note(text: str) -> None:
    """Print a line for the person at the terminal, never for a program reading the output."""
    typer.echo(text, err=True)


def print_json(value: Any) -> None:
    """Print plain data as JSON, the only thing on standard output."""
    typer.echo(json.dumps(value, indent=1, sort_keys=True, allow_nan=False))


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None
) -> None:
    """Print an aligned table; numbers to the right, the last text column may wrap."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    body = [[str(cell) for cell in row] for row in rows]
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
