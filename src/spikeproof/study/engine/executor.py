"""What runs cells: takes them with what they wait for, and reports how each ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from spikeproof.study.cells import Cell
from spikeproof.study.compute import Done

__all__ = ["Executor", "Session"]


class Session(Protocol):
    """The cells of one run in the hands of an executor.

    Implementations call ``attempt(cells, cell)`` somewhere, once what the cell waits for is
    complete; a cell that waits for one that failed is not tried, and reported as failed.
    """

    def submit(self, cell: Cell, *, after: str | None = None) -> None:
        """Hand over a cell.

        Args:
            cell: What to compute.
            after: Id of a cell handed over before this one, which must be complete first.
        """

    def ended(self) -> Iterator[Done]:
        """Yield how each cell ended, as soon as it has, until all have."""
        ...

    def close(self) -> None:
        """Stop what still runs. Files are whole or absent, so this may be at any moment."""


class Executor(Protocol):
    """Where cells are computed: settings that open a session for every run.

    Which cells, in which folder, and what is done already is decided by whoever opens it.
    """

    def open(self, cells: Path) -> Session:
        """Return what takes the cells of one run.

        Args:
            cells: The folder that holds one folder per cell.
        """
        ...
