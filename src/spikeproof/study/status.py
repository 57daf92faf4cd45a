"""How far a run has come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from spikeproof.base import FileProblem
from spikeproof.runs import read_run
from spikeproof.study.store import RunFolder

__all__ = ["CellFailure", "Costed", "Status", "seconds_left", "status"]


class Costed(Protocol):
    """What of a cell says how long it may take."""

    @property
    def id(self) -> str:
        """Of the cell."""
        ...

    @property
    def kind(self) -> str:
        """What is done."""
        ...

    @property
    def cell(self) -> Mapping[str, Any]:
        """What to do, as plain data."""
        ...

    @property
    def cost(self) -> float:
        """Expected effort in arbitrary units."""
        ...


@dataclass(frozen=True)
class _Entry:
    """A cell as ``plan.json`` lists it. ``Cell`` itself knows how to plan, and that takes torch."""

    id: str
    cell: Mapping[str, Any]
    title: str
    cost: float

    @property
    def kind(self) -> str:
        """What is done."""
        return str(self.cell["kind"])

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> _Entry:
        """The entry of a record."""
        return cls(record["id"], record["cell"], record["title"], float(record["cost"]))


_BRIEF = {"diagnosis"}


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
        seconds_left: Expected wall time of the pending ones with one worker; None before a cell
            is done that tells.
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
    name, split, cells = _listed(run)
    whole = read_run(folder).records
    done, failed, spent = [], [], {}
    for cell in cells:
        there = run.cell(cell.id)
        if cell.id in whole:
            done.append(cell)
            spent[cell.id] = there.seconds()
        elif (error := there.failure()) is not None:
            failed.append(CellFailure(cell.id, cell.title, error))
    pending = [cell for cell in cells if cell.id not in spent]
    return Status(
        name=name,
        split=split,
        done=len(done),
        pending=len(pending),
        failed=tuple(failed),
        stale=sum(1 for _ in run.stale.iterdir()) if run.stale.is_dir() else 0,
        seconds=sum(spent.values()),
        seconds_left=seconds_left(done, spent, pending),
        outdated=run.outdated,
    )


def _listed(run: RunFolder) -> tuple[str, str, list[_Entry]]:
    """The name of the plan, which items its numbers are about, and the cells, as it lists them."""
    record = run.listed()
    plan = record["plan"]
    try:
        cells = [_Entry.of(entry) for entry in record["cells"]]
        return str(plan["name"]), str(plan.get("split", "test")), cells
    except (KeyError, TypeError, ValueError) as problem:
        raise FileProblem(
            f"{run.path / 'plan.json'} is not the plan of a run ({problem})."
        ) from None


def seconds_left(
    done: Sequence[Costed],
    spent: Mapping[str, float],
    pending: Sequence[Costed],
    *,
    workers: int = 1,
) -> float | None:
    """Expected wall time of the pending cells, each at the speed of the done ones most like it.

    Cells of one kind, data set, training and threat are most alike (they differ by their seed),
    then those of one kind, data set and threat, of one kind and data set, of one kind; a kind that
    has not been seen yet goes at the speed of all that compute for long. The speed of a group is
    its seconds by its effort, so a dear cell counts for more than a cheap one.

    Args:
        done: Complete cells.
        spent: Id → seconds of each of these.
        pending: Cells still to compute.
        workers: Cells computed at a time; the longest one is waited for, however many there are.
    Returns:
        Seconds; None where nothing has been measured that tells.
    """
    groups: dict[tuple[str, ...], list[float]] = {}
    for cell in done:
        # Nothing follows from a tenth of a second, most of it the same whatever the effort.
        for group in _alike(cell) if cell.kind in _BRIEF else (*_alike(cell), ()):
            sums = groups.setdefault(group, [0.0, 0.0])
            sums[0] += spent[cell.id] if cell.cost else 0.0  # taking a network takes no time
            sums[1] += cell.cost
    expected = [0.0]
    for cell in pending:
        speeds = (groups.get(group, (0.0, 0.0)) for group in (*_alike(cell), ()))
        seconds, effort = next((speed for speed in speeds if speed[1]), (0.0, 0.0))
        if cell.cost and not effort:
            return None
        expected.append(cell.cost * seconds / effort if effort else 0.0)
    return max(sum(expected) / max(1, workers), *expected)


def _alike(cell: Costed) -> list[tuple[str, ...]]:
    """What a cell has in common with others, most first."""
    threat = cell.cell.get("threat", {}).get("name", "")
    kind, data, training = cell.kind, str(cell.cell["data"]), str(cell.cell["training"])
    return [(kind, data, threat, training), (kind, data, threat), (kind, data), (kind,)]
