"""Cells as tasks of Slurm's job arrays, computed on the nodes of a cluster with a shared folder."""

from __future__ import annotations

import shutil
import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from spikeproof.base import SettingError, check_at_least, check_count, check_positive
from spikeproof.study.cells import Cell
from spikeproof.study.compute import Done
from spikeproof.study.engine.arrays import JobArray, JobTask, SlurmSilent, arrays_of, queued, submit
from spikeproof.study.engine.executor import Session
from spikeproof.study.engine.graph import Graph
from spikeproof.study.store import CellFolder

__all__ = ["Slurm"]

# Seconds after a task has left the queue until files that it wrote must be seen here: network file
# systems remember for up to a minute that a file was not there.
_PATIENCE = 60.0


@dataclass(frozen=True, kw_only=True)
class Slurm:
    """Compute cells as tasks of Slurm job arrays.

    Run on a machine that has ``sbatch``, with the run folder and the package's environment where
    every node finds them under the same path. A network's attacks are tasks that wait for their
    network (``aftercorr``). Jobs live without the process that submitted them: where it ends, also
    by kill -9, they go on, and another run of the same folder follows those that are still queued.
    A task that is pre-empted or reaches its time limit is queued again, its training goes on from
    the last epoch.

    Args:
        partition: Of the cluster; its usual one where absent.
        time: Limit of one task, as sbatch takes it (``"02:00:00"``); the partition's where absent.
        cpus: Cores per task; what a cell computes on, which is one, where absent.
        memory: Per task, as sbatch takes it (``"4G"``); the partition's where absent.
        gpus: Per task; one for cells on a GPU, otherwise none, where absent.
        extra: Further options of sbatch, ``["--account=vision", "--nice"]``.
        setup: Lines of shell before a task, ``["module load cuda"]``.
        per_task: Cells that a task computes one after another, at most. Every task starts Python
            anew, so that one cell per task wastes time where cells last seconds.
        retries: How often a cell is tried again that ended without a result.
        poll: Seconds between two looks at the queue.
        max_array: Tasks per array at most; clusters allow 1,000 unless they say otherwise.
        patience: Seconds after a task has left the queue until its files must be seen here.
        detach: Submit and return; ``study status`` says how far it is, ``study run`` follows.
    Example:
        >>> Slurm(partition="cpu", memory="2G").retries
        3
    """

    partition: str | None = None
    time: str | None = None
    cpus: int | None = None
    memory: str | None = None
    gpus: int | None = None
    extra: tuple[str, ...] = ()
    setup: tuple[str, ...] = ()
    per_task: int = 1
    retries: int = 3
    poll: float = 5.0
    max_array: int = 1000
    patience: float = _PATIENCE
    detach: bool = False

    def __post_init__(self) -> None:
        for name in ("per_task", "max_array"):
            check_count(self, name)
        check_at_least(0, self.retries, "Slurm.retries")
        check_positive(self, "poll", "patience")
        for text in (*self.extra, *self.setup, self.partition or "", self.time or ""):
            if "\n" in text:
                raise SettingError(f"A setting of Slurm is one line; got {text!r}.")

    def open(self, cells: Path) -> Session:
        """Return a session that submits arrays and follows them.

        Raises:
            SettingError: Slurm's commands are not on this machine.
        """
        for command in ("sbatch", "squeue"):
            if shutil.which(command) is None:
                raise SettingError(
                    f"The executor 'slurm' needs Slurm's commands, and {command} is not on this "
                    "machine; run where jobs are submitted, or choose another executor."
                )
        return _Followed(self, cells.resolve())

    def options(self, cell: Cell) -> list[str]:
        """What sbatch is asked for on behalf of a cell."""
        needs = cell.resources
        gpus = int(needs.device != "cpu") if self.gpus is None else self.gpus
        asked = {
            "partition": self.partition,
            "time": self.time,
            "cpus-per-task": self.cpus or needs.threads,
            "mem": self.memory,
            "gpus": gpus or None,
        }
        named = [f"--{key}={value}" for key, value in asked.items() if value is not None]
        # A minute before the limit is the shortest warning that Slurm keeps.
        return ["--requeue", "--signal=B:USR1@60", *named, *self.extra]


@dataclass
class _Followed:
    """The cells of one run in Slurm's queue."""

    settings: Slurm
    cells: Path
    graph: Graph = field(default_factory=Graph)
    waiting: dict[str, tuple[Cell, str | None]] = field(default_factory=dict)
    tries: dict[str, int] = field(default_factory=dict)
    gone: dict[str, float] = field(default_factory=dict)
    failed: bool = False

    def __post_init__(self) -> None:
        self.folder = self.cells.parent / "slurm"

    def submit(self, cell: Cell, *, after: str | None = None) -> None:
        """Hand over a cell; arrays are submitted when the ends are asked for."""
        self.graph.add(cell, after=after)
        self.waiting[cell.id] = cell, after

    def ended(self) -> Iterator[Done]:
        """Submit what is not queued from an earlier run, and yield how each cell ended.

        Raises:
            SpikeproofError: Slurm does not answer or refuses the jobs, in its own words.
        """
        tasks = queued(self.folder)
        self.tries = {id: 1 for id in self.waiting if id in tasks and tasks[id].live}
        self._submit(tasks)
        while self.waiting and not self.settings.detach:
            ends = self._look()
            yield from ends
            if self.waiting and not ends:
                time.sleep(self.settings.poll)
        if not self.waiting and not self.failed:
            shutil.rmtree(self.folder, ignore_errors=True)

    def close(self) -> None:
        """Nothing: jobs are Slurm's, and the next run of this folder follows them."""

    def _look(self) -> list[Done]:
        """The cells that have ended since the last look; those that were lost are tried again."""
        try:
            tasks = queued(self.folder)
        except SlurmSilent as silence:
            warnings.warn(f"{silence} Asking again every {self.settings.poll:g} s.", stacklevel=2)
            tasks = {}
        ends: list[Done] = []
        for id in list(self.waiting):
            folder, task = CellFolder(self.cells / id), tasks.get(id)
            if id not in self.waiting:  # it could not be tried, as its network has just failed
                continue
            if folder.complete:
                ends += self._end(Done(id, folder.seconds()))
            elif tasks and not self._may_come(id, task):
                if (error := folder.failure()) is not None:
                    ends += self._end(Done(id, 0.0, error))
                elif self._is_lost(id) and self.tries[id] > self.settings.retries:
                    ends += self._end(Done(id, 0.0, self._lost(id, task)))
        if tasks:
            self._submit(tasks)
        return ends

    def _may_come(self, id: str, task: JobTask | None) -> bool:
        """Whether a cell is in Slurm's hands, or waits for another cell."""
        if self.waiting[id][1] in self.waiting or (task is not None and task.live):
            self.gone.pop(id, None)
            return True
        return False

    def _is_lost(self, id: str) -> bool:
        """Whether a cell left the queue so long ago that its files must be seen by now."""
        left = self.gone.setdefault(id, time.monotonic())
        return id in self.tries and time.monotonic() - left >= self.settings.patience

    def _submit(self, tasks: Mapping[str, JobTask]) -> None:
        """Submit the cells that nobody computes, those that wait for one of them behind it."""
        idle = [
            (cell, after)
            for cell, after in self.waiting.values()
            if not (cell.id in tasks and tasks[cell.id].live)
            and not CellFolder(self.cells / cell.id).complete
        ]
        heads = [
            cell
            for cell, after in idle
            if after not in self.waiting and (cell.id not in self.tries or self._is_lost(cell.id))
        ]
        chosen = {cell.id for cell in heads}
        behind = [(cell, after) for cell, after in idle if after in chosen]
        settings = self.settings
        for array in arrays_of(heads, behind, settings.max_array, settings.per_task):
            for cell in array.all_cells:
                CellFolder(self.cells / cell.id).forget_failure()
                self.tries[cell.id] = self.tries.get(cell.id, 0) + 1
                self.gone.pop(cell.id, None)
            first = self._hand_over(array)
            for follower in array.behind:
                self._hand_over(follower, after=first)

    def _hand_over(self, array: JobArray, *, after: str | None = None) -> str:
        """Submit one array; return Slurm's id of it."""
        options = self.settings.options(array.all_cells[0])
        return submit(array, self.folder, options, setup=self.settings.setup, after=after)

    def _end(self, done: Done) -> list[Done]:
        """Note how a cell ended, and those that cannot be tried because of it."""
        ends = self.graph.end(done)
        for end in ends:
            self.waiting.pop(end.id, None)
            self.failed = self.failed or end.error is not None
        return ends

    def _lost(self, id: str, task: JobTask | None) -> str:
        """What to say of a cell whose tasks ended without a result."""
        state = "is not known to Slurm any more" if task is None else f"ended as {task.state}"
        return (
            f"its Slurm task {state} without a result, {self.tries[id]} times in all. Its logs are "
            f"in {self.folder}; perhaps memory or time of [compute] executor is too small."
        )
