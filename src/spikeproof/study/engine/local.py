"""Executors for one machine: this process, or fresh ones beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from spikeproof.base import check_positive
from spikeproof.study.cells import Cell
from spikeproof.study.compute import Done, attempt
from spikeproof.study.engine.executor import Session
from spikeproof.study.engine.graph import Graph
from spikeproof.study.engine.pool import Pool

__all__ = ["InProcess", "ProcessPool"]


@dataclass(frozen=True, kw_only=True)
class InProcess:
    """Compute one cell after the other in this process, on one thread."""

    def open(self, cells: Path) -> Session:
        """Return a session that computes while it is asked for the ends."""
        return _Serial(cells)


class _Serial:
    """Cells of one run, computed here."""

    def __init__(self, cells: Path) -> None:
        self._cells = cells
        self._graph = Graph()

    def submit(self, cell: Cell, *, after: str | None = None) -> None:
        """Hand over a cell."""
        self._graph.add(cell, after=after)

    def ended(self) -> Iterator[Done]:
        """Compute the cells and yield how each ended."""
        while (cell := self._graph.next()) is not None:
            yield from self._graph.end(attempt(self._cells, cell))

    def close(self) -> None:
        """Nothing runs between two ends."""


@dataclass(frozen=True, kw_only=True)
class ProcessPool:
    """Compute cells in fresh processes, one thread each.

    Processes are spawned, not forked: a fork would copy locks of torch's threads. A process that
    dies fails the cell it was computing and is replaced; one whose parent dies ends itself.

    Args:
        workers: How many processes at most.
    """

    workers: int = 1

    def __post_init__(self) -> None:
        check_positive(self, "workers")

    def open(self, cells: Path) -> Session:
        """Return a session whose processes begin when there is work for them."""
        return Pool(cells, self.workers)
