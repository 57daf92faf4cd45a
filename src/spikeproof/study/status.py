"""How far a run has come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from spikeproof.runs import read_run
from spikeproof.study.cells import Cell
from spikeproof.study.store import RunFolder

__all__ = ["CellFailure", "Status", "seconds_left", "status"]


@dataclass(frozen=True)
class CellFailure:
    """A cell that failed and has not been computed since.

    Args:
        id: Of the cell.
        title: Data, training, seed and what was to be done.
        error: The sentence that says why.
    """

    id: str
    title: str
    error: str


@dataclass(frozen=True, kw_only=True)
class Status:
    """How far a run has come.

    Args:
        name: Of the plan.
        split: Which items its numbers are about, ``"test"`` or ``"validation"``.
        done: Complete cells.
        pending: Cells still to compute, failed ones among them.
        failed: Cells that failed when last tried.
        stale: Cells of an earlier plan or other code, kept aside.
        seconds: Wall time spent on the complete cells, added up.
        seconds_left: Expected wall time of the pending ones with one worker; None before any
            cell is done.
        outdated: Whether ids were made by an earlier rule for what code counts: the cells can be
            read, and a run computes them again.
    """

    name: str
    split: str
    done: int
    pending: int
    failed: tuple[CellFailure, ...]
    stale: int
    seconds: float
    seconds_left: float | None
    outdated: bool = False

    @property
    def total(self) -> int:
        """How many cells the plan has."""
        return self.done + self.pending

    @property
    def complete(self) -> bool:
        """Whether every cell is done."""
        return not self.pending


def status(folder: Path | str) -> Status:
    """Return how far the run in a folder has come; computes nothing and changes nothing.

    Args:
        folder: A run folder.
    Returns:
        Counts, failures, and time spent and left.
    Raises:
        FileProblem: no run there, or a file of it is damaged; the file is named.
    """
    run = RunFolder(folder)
    plan, cells = run.planned()
    whole = read_run(folder).records
    done, failed, spent = [], [], {}
    for cell in cells:
        there = run.cell(cell)
        if cell.id in whole:
            done.append(cell)
            spent[cell.id] = there.seconds()
        elif (error := there.failure()) is not None:
            failed.append(CellFailure(cell.id, cell.title, error))
    pending = [cell for cell in cells if cell.id not in spent]
    return Status(
        name=plan.name,
        split=plan.split,
        done=len(done),
        pending=len(pending),
        failed=tuple(failed),
        stale=sum(1 for _ in run.stale.iterdir()) if run.stale.is_dir() else 0,
        seconds=sum(spent.values()),
        seconds_left=seconds_left(done, spent, pending),
        outdated=run.outdated,
    )


def seconds_left(
    done: Sequence[Cell], spent: dict[str, float], pending: Sequence[Cell]
) -> float | None:
    """Expected time of the pending cells: each kind at the speed it had so far.

    A kind that has not been seen yet goes at the speed of all kinds together.
    """
    if not pending:
        return 0.0
    done = [cell for cell in done if cell.cost]  # taking a network from a file takes no time
    if not done:
        return None

    def rate(cells: Sequence[Cell]) -> float:
        return sum(spent[cell.id] for cell in cells) / max(1e-9, sum(cell.cost for cell in cells))

    rates = {kind: rate([c for c in done if c.kind == kind]) for kind in {c.kind for c in done}}
    return sum(cell.cost * rates.get(cell.kind, rate(done)) for cell in pending)
