"""What runs cells: any object that turns cells into reports of how they ended."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Protocol

from spikeproof.study.cells import Cell
from spikeproof.study.compute import Done

__all__ = ["Executor"]


class Executor(Protocol):
    """Compute cells that do not depend on each other, in any order and any number at a time.

    Implementations call ``attempt(cells, cell)``; everything else (which cells, when, what is
    done already) is decided by whoever calls ``map``.
    """

    def map(self, cells: Path, work: Sequence[Cell]) -> Generator[Done, None, None]:
        """Yield how each cell ended, as soon as it has.

        Args:
            cells: The folder that holds one folder per cell.
            work: Cells, the longest first.
        """
        ...
