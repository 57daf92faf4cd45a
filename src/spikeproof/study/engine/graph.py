"""Which cells may begin: the bookkeeping that executors share."""

from __future__ import annotations

import heapq
import itertools
import math

from spikeproof.base import InputError
from spikeproof.study.cells import Cell
from spikeproof.study.compute import Done

__all__ = ["Graph"]


class Graph:
    """Cells and what they wait for; hands out those that may begin: diagnoses, then the longest.

    A cell counts with the longest of those that wait for it: of two equally long ones the
    training goes first, which keeps others waiting. Order changes no result.
    """

    def __init__(self) -> None:
        self._cells: dict[str, Cell] = {}
        self._followers: dict[str, list[str]] = {}
        # A heap of (rank, number of arrival, id); in disorder while cells are added.
        self._ready: list[tuple[float, int, str]] = []
        self._sorted = True
        self._arrivals = itertools.count()
        self._open: set[str] = set()

    def __bool__(self) -> bool:
        """Whether any cell has not ended."""
        return bool(self._open)

    def add(self, cell: Cell, *, after: str | None = None) -> None:
        """Take a cell, which waits for one that was taken before, or for none.

        Raises:
            InputError: nobody has handed over what it waits for.
        """
        if after is not None and after not in self._cells:
            raise InputError(f"{cell.title} waits for the cell {after}, which was not submitted.")
        self._cells[cell.id] = cell
        self._open.add(cell.id)
        self._sorted = False  # what a cell keeps waiting counts with it
        if after is None:
            self._ready.append((0.0, next(self._arrivals), cell.id))
        else:
            self._followers.setdefault(after, []).append(cell.id)

    def next(self) -> Cell | None:
        """The longest cell that may begin; None where all that is left waits or runs."""
        if not self._sorted:
            self._ready = [(self._rank(id), number, id) for _, number, id in self._ready]
            heapq.heapify(self._ready)
            self._sorted = True
        return self._cells[heapq.heappop(self._ready)[2]] if self._ready else None

    def requeue(self, cell: Cell) -> None:
        """Take back a cell that could not begin."""
        heapq.heappush(self._ready, (self._rank(cell.id), next(self._arrivals), cell.id))

    def end(self, done: Done) -> list[Done]:
        """Note how a cell ended, and return it with those that cannot be tried because of it."""
        self._open.discard(done.id)
        followers = self._followers.pop(done.id, [])
        if done.error is None:
            for id in followers:
                self.requeue(self._cells[id])
            return [done]
        error = f"its network is missing, as {self._cells[done.id].title} failed."
        return [done, *(end for id in followers for end in self.end(Done(id, 0.0, error)))]

    def _rank(self, id: str) -> float:
        """The smallest comes first: what a network is said to lack is known before its attacks."""
        return -math.inf if self._cells[id].kind == "diagnosis" else -self._length(id)

    def _length(self, id: str) -> float:
        """Expected effort of a cell and of the longest chain that waits for it."""
        after = (self._length(follower) for follower in self._followers.get(id, ()))
        return self._cells[id].cost + max(after, default=0.0)
