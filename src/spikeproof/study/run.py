"""Run a plan: compute every cell that is not there yet, and survive being killed at any moment."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spikeproof.base import DiskFull, FileProblem, Lease, SpikeproofError, device_of
from spikeproof.study.cells import Cell, cells_of
from spikeproof.study.compute import Done, attempt
from spikeproof.study.engine import (
    Executor,
    InProcess,
    ProcessPool,
    Slurm,
    executor_from,
    refuse_orphans,
)
from spikeproof.study.interrupt import EXIT_CODE, Interrupted, interruptible
from spikeproof.study.own import changed_files
from spikeproof.study.plan import Plan
from spikeproof.study.shards import Shard
from spikeproof.study.status import CellFailure, Status, seconds_left, status
from spikeproof.study.store import RunFolder

__all__ = ["CellsFailed", "Progress", "RunInterrupted", "run"]


class CellsFailed(SpikeproofError):
    """Some cells of a study failed; all others are complete.

    Args:
        sentence: What happened.
        failures: Each failed cell with its reason.
    """

    def __init__(self, sentence: str, failures: Sequence[CellFailure] = ()) -> None:
        super().__init__(sentence)
        self.failures = tuple(failures)


class RunInterrupted(SpikeproofError):
    """A signal asked the run to stop; nothing failed, and it goes on when it is run again."""

    exit_code = EXIT_CODE


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a run stands; sent at the start and after every cell.

    Args:
        done: Complete cells, those found complete at the start among them.
        total: All cells.
        cost_done: Expected effort of the complete cells, in arbitrary units.
        cost_total: Expected effort of all cells.
        title: The cell that just ended; empty at the start.
        error: Why it failed; None if it did not.
        seconds_left: Expected time until the end; None before a cell is done that tells.
        aside: At the start, how many cells of an earlier plan or other code were set aside.
    """

    done: int
    total: int
    cost_done: float
    cost_total: float
    title: str = ""
    error: str | None = None
    seconds_left: float | None = None
    aside: int = 0


def run(
    plan: Plan,
    folder: Path | str,
    *,
    workers: int | None = None,
    progress: Callable[[Progress], Any] | None = None,
    executor: Executor | Mapping[str, Any] | str | None = None,
    shard: Shard | str | None = None,
) -> Status:
    """Compute every cell of a plan that its folder does not hold yet.

    A network is attacked, probed and disturbed as soon as it is trained, whatever else is still in
    training. Each cell is written atomically, its record last, so a run that is killed at any
    moment goes on where it stopped when it is run again, and ends with the same bytes. A training
    that was cut off goes on from its last epoch.

    Args:
        plan: What to compute.
        folder: The run folder; made if need be. One run at a time.
        workers: Processes; 1 computes in this one. The plan's number where absent. It never
            changes a result.
        progress: Called with a :class:`Progress` at the start and after every cell.
        executor: What computes the cells: an object, a name from ``EXECUTORS`` or a record of one;
            the plan's ``[compute]`` where absent, and otherwise what ``workers`` says.
        shard: Compute this part of the cells only, ``"2/8"``; ``merge`` brings parts together.
    Returns:
        The status of the run, which is complete unless only a part of it was asked for.
    Raises:
        RunInterrupted: SIGTERM or SIGUSR1 came; trainings ended their epoch, other cells stopped.
        CellsFailed: some cells failed; the others are complete and the failed ones are tried
            again by the next run.
        FileProblem: the folder cannot be written, has too little room, or is in use. Checked
            before anything is computed.
        SettingError: the plan names something that does not exist, or Slurm still has cells of
            this run and another executor is asked for.
    Cost:
        Training and attacks; see ``fit`` and ``evaluate_ladder``.
    """
    place = RunFolder(folder)
    workers = plan.workers if workers is None else workers
    if executor is None:
        executor = plan.compute.executor
    if executor is None or isinstance(executor, str | Mapping):
        executor = executor_from(executor, workers)
    if isinstance(executor, InProcess | ProcessPool):  # others may have what this machine lacks
        device_of(plan.compute.device, "[compute] device")
    shard = Shard.from_text(shard) if isinstance(shard, str) else shard
    try:
        with place.lock() as lease, interruptible():
            refuse_orphans(place.path, follows=isinstance(executor, Slurm))
            cells = cells_of(plan)
            _tell_changed(place, cells)
            _refuse_other_data(place, cells)
            aside = place.prepare(plan, cells)
            mine = cells if shard is None else shard.of(cells)
            work = _Work(place, lease, mine, getattr(executor, "workers", workers), progress)
            work.report(aside=aside)
            try:
                work.compute(executor)
            finally:
                # Jobs that are still queued will bring more than a manifest would name now.
                if work.over or not isinstance(executor, Slurm):
                    work.end()
            if work.failures:
                raise CellsFailed(_sentence(work.failures, len(mine)), work.failures)
            return status(folder)
    except Interrupted as stop:
        raise RunInterrupted(
            f"Interrupted by {stop.name}; what was finished is intact, and the last epoch of a "
            "training is kept. The same command goes on from there."
        ) from None


@dataclass
class _Work:
    """A run under way."""

    place: RunFolder
    lease: Lease
    cells: list[Cell]
    workers: int
    progress: Callable[[Progress], Any] | None
    spent: dict[str, float] = field(default_factory=dict)
    failures: list[CellFailure] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.by_id = {cell.id: cell for cell in self.cells}
        self.done = self.place.done(self.cells)
        self.spent = {id: self.place.cell(self.by_id[id]).seconds() for id in self.done}

    def compute(self, executor: Executor) -> None:
        """Compute what is missing, every cell after the network that it looks at."""
        missing = {cell.id: cell for cell in self.cells if cell.id not in self.done}
        if not missing:
            return
        self.place.begin()
        self._take_networks(missing)
        if not missing:
            return
        with closing(executor.open(self.place.cells)) as session:
            for cell in missing.values():  # trainings stand first
                session.submit(cell, after=cell.parent if cell.parent in missing else None)
            for end in session.ended():
                self._note(end)

    @property
    def over(self) -> bool:
        """Whether every cell is complete or has failed."""
        return len(self.done) + len(self.failures) == len(self.cells)

    def end(self) -> None:
        """Name what is complete in a manifest, if the folder is still ours."""
        with suppress(FileProblem):
            self.lease.check()
            self.place.end()

    def _take_networks(self, missing: dict[str, Cell]) -> None:
        """Take networks from their files, here: other machines then need only the run."""
        for cell in [cell for cell in missing.values() if cell.kind == "network"]:
            end = attempt(self.place.cells, missing.pop(cell.id))
            self._note(end)
            if end.error is None:
                continue
            error = f"its network is missing, as {cell.title} failed."
            for one in [one for one in missing.values() if one.parent == cell.id]:
                self._note(Done(missing.pop(one.id).id, 0.0, error))

    def _note(self, end: Done) -> None:
        """Record how a cell ended, and report.

        Raises:
            DiskFull: it could not be kept, and no other would be.
            FileProblem: the folder is no longer ours.
        """
        self.lease.check()
        cell = self.by_id[end.id]
        if end.full:
            raise DiskFull(
                f"The disk that holds {self.place.path} is full: {cell.title} could not be kept, "
                f"and no more are computed. {len(self.done)} of {len(self.cells)} cells are "
                f"complete and safe; free some space and run again. ({end.error})"
            )
        if end.error is None:
            self.done.add(cell.id)
            self.spent[cell.id] = end.seconds
            self.report(cell.title)
        else:
            self.failures.append(CellFailure(cell.id, cell.title, end.error))
            self.report(cell.title, end.error)

    def report(self, title: str = "", error: str | None = None, *, aside: int = 0) -> None:
        """Report where the run stands."""
        if self.progress is None:
            return
        done = [cell for cell in self.cells if cell.id in self.done]
        failed = {failure.id for failure in self.failures}
        open_cells = [c for c in self.cells if c.id not in self.done and c.id not in failed]
        left = seconds_left(done, self.spent, open_cells, workers=self.workers)
        self.progress(
            Progress(
                done=len(done),
                total=len(self.cells),
                cost_done=sum(cell.cost for cell in done),
                cost_total=sum(cell.cost for cell in self.cells),
                title=title,
                error=error,
                seconds_left=left,
                aside=aside,
            )
        )


def _tell_changed(place: RunFolder, cells: Sequence[Cell]) -> None:
    """Warn where a network is not the one that the folder's cells looked at."""
    try:
        before = place.planned()[1]
    except FileProblem:  # nothing there yet, or nothing that can be read
        return
    names = ("data", "training", "seed")
    seen = {tuple(c.cell[name] for name in names): c for c in before if c.kind == "network"}
    for cell in cells:
        old = seen.get(tuple(cell.cell[name] for name in names)) if cell.kind == "network" else None
        if old is None:
            continue
        if changed := changed_files(old.cell["model"], cell.cell["model"]):
            warnings.warn(
                f"{', '.join(changed)}, of the network that {cell.source} makes, changed since "
                f"{place.path} was begun; what was computed before is set aside in stale/.",
                stacklevel=3,
            )
        elif old.cell["model_sha256"] != cell.cell["model_sha256"]:
            warnings.warn(
                f"The network in {cell.source} is not the one that {place.path} was begun with; "
                "what was computed on the other is set aside in stale/.",
                stacklevel=3,
            )


def _refuse_other_data(place: RunFolder, cells: Sequence[Cell]) -> None:
    """Raise where data of the user's own are not those that the folder's cells looked at."""
    try:
        before = place.planned()[1]
    except FileProblem:  # nothing there yet, or nothing that can be read
        return
    seen = {str(cell.cell["data"]): cell.data_sha256 for cell in before if cell.data_source}
    for cell in cells:
        old = seen.get(str(cell.cell["data"])) if cell.data_source else None
        if old not in (None, cell.data_sha256):
            raise FileProblem(
                f"The data in {cell.data_source} are not those that {place.path} was begun with "
                f"(sha256 {cell.data_sha256[:16]}..., it has {str(old)[:16]}...); restore them, or "
                "give the changed data a folder of their own."
            )


def _sentence(failures: Sequence[CellFailure], total: int) -> str:
    """What to say at the end of a run with failures."""
    first = failures[0]
    return (
        f"{len(failures)} of {total} cells failed, first {first.title}: {first.error} The other "
        f"{total - len(failures)} are complete; run again to try the failed ones again."
    )
