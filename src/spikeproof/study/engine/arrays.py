"""Slurm's job arrays: which cells are which task, how they are submitted, and which are queued.

Each array has a name of its own and a table in the run folder, written before Slurm gets it. So
whoever comes later, after any end of the submitting process, finds its tasks by name.
"""

from __future__ import annotations

import os
import secrets
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

from spikeproof.base import FileProblem, SpikeproofError, read_json, write_atomic, write_json
from spikeproof.study.cells import Cell

__all__ = ["JobArray", "JobTask", "SlurmSilent", "arrays_of", "queued", "read_table", "submit"]

# States in which Slurm will do no more for a task; in all others it waits, runs or comes again.
_OVER = {
    "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY",
    "PREEMPTED", "REVOKED", "TIMEOUT",
}  # fmt: skip
# What a cell computes with on the node, where the cluster hands over no environment of its own.
_HANDED_ON = ("PYTHONPATH", "SPIKEPROOF_DATA")


class SlurmSilent(SpikeproofError):
    """Slurm's controller gives no answer."""


@dataclass
class JobArray:
    """One job array.

    Args:
        tasks: Number of the task → the cells that it computes, one after another.
        behind: Arrays whose task of a number waits for the task of that number here.
    """

    tasks: dict[int, list[Cell]]
    behind: list[JobArray] = field(default_factory=list)

    @property
    def all_cells(self) -> list[Cell]:
        """The cells of this array and of those behind it."""
        mine = [cell for cells in self.tasks.values() for cell in cells]
        return [*mine, *(cell for array in self.behind for cell in array.all_cells)]


@dataclass(frozen=True)
class JobTask:
    """What Slurm says of a task.

    Args:
        state: In Slurm's words, such as ``"RUNNING"``.
    """

    state: str

    @property
    def live(self) -> bool:
        """Whether it waits, runs, or will run again."""
        return self.state not in _OVER


def arrays_of(
    heads: Sequence[Cell],
    behind: Sequence[tuple[Cell, str | None]],
    most: int,
    per_task: int = 1,
) -> list[JobArray]:
    """Put cells into arrays, the longest chains first.

    Args:
        heads: Cells that may begin.
        behind: Cells with the id of the head that each waits for.
        most: Tasks of one array at most.
        per_task: Cells of one task at most.
    Returns:
        Arrays of cells that need the same of a machine; behind each those that wait for it, where
        the first array holds the longest followers of each task, the second the next ones.
    """
    followers: dict[str, list[Cell]] = {cell.id: [] for cell in heads}
    for cell, after in sorted(behind, key=lambda pair: -pair[0].cost):
        followers[str(after)].append(cell)

    def length(cell: Cell) -> float:
        return cell.cost + max((follower.cost for follower in followers[cell.id]), default=0.0)

    arrays = []
    for alike in _alike(sorted(heads, key=lambda cell: (-length(cell), cell.id))):
        parts = list(_parts(alike, per_task))
        for start in range(0, len(parts), most):
            tasks = dict(enumerate(parts[start : start + most]))
            arrays.append(JobArray(tasks, list(_behind(tasks, followers, per_task))))
    return arrays


def _behind(
    tasks: dict[int, list[Cell]], followers: dict[str, list[Cell]], per_task: int
) -> Iterator[JobArray]:
    """The arrays whose task of a number follows the cells of the task of that number."""
    queues: dict[object, dict[int, Iterator[list[Cell]]]] = {}
    for number, cells in tasks.items():
        mine = sorted((f for cell in cells for f in followers[cell.id]), key=lambda f: -f.cost)
        for alike in _alike(mine):
            queues.setdefault(alike[0].resources, {})[number] = _parts(alike, per_task)
    for queue in queues.values():
        for rank in zip_longest(*queue.values()):
            ranked = zip(queue, rank, strict=True)
            yield JobArray({number: part for number, part in ranked if part is not None})


def _parts(cells: Sequence[Cell], size: int) -> Iterator[list[Cell]]:
    """Cells, so many at a time."""
    for start in range(0, len(cells), size):
        yield list(cells[start : start + size])


def _alike(cells: Sequence[Cell]) -> list[list[Cell]]:
    """Cells by what they need of a machine."""
    groups: dict[object, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(cell.resources, []).append(cell)
    return list(groups.values())


def submit(
    array: JobArray,
    folder: Path,
    options: Sequence[str],
    *,
    setup: Sequence[str] = (),
    after: str | None = None,
) -> str:
    """Write the table and script of an array and hand it to Slurm.

    Args:
        array: What to submit; those behind it are the caller's to submit.
        folder: ``slurm`` in the run folder.
        options: Of sbatch.
        setup: Lines of shell before a cell.
        after: Id of the array whose task of the same number must have ended well.
    Returns:
        Slurm's id of the array.
    Raises:
        SpikeproofError: Slurm refuses it, in its own words.
        FileProblem: the folder cannot be written.
    """
    name = f"spikeproof-{secrets.token_hex(4)}"
    table = {str(n): [cell.id for cell in cells] for n, cells in array.tasks.items()}
    write_json(folder / f"{name}.json", table)
    script = folder / f"{name}.sh"
    write_atomic(script, _script(folder.parent, name, setup).encode())
    waits = [] if after is None else [f"--dependency=aftercorr:{after}"]
    # Where its network failed a task can never begin, and should not wait for ever.
    waits += ["--kill-on-invalid-dep=yes"] if waits else []
    # The array itself is %x, its task %a; in the path of a folder a percent sign is two.
    log = f"{folder}".replace("%", "%%") + "/%x-%a.out"
    where = [f"--job-name={name}", f"--output={log}", "--open-mode=append"]
    numbers = ",".join(map(str, array.tasks))
    command = ["sbatch", "--parsable", *where, f"--array={numbers}", *waits, *options, str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        for leftover in (folder / f"{name}.json", script):
            leftover.unlink(missing_ok=True)
        raise SpikeproofError(
            f"Slurm does not take the jobs: {_last_line(done.stderr)} Look at [compute] executor, "
            "or at what the cluster allows; what was submitted before goes on."
        )
    return done.stdout.strip().partition(";")[0]


def queued(folder: Path) -> dict[str, JobTask]:
    """Return what Slurm says of the tasks of a run, by the ids of their cells.

    Args:
        folder: ``slurm`` in the run folder; there need not be one.
    Returns:
        Live tasks, and those that have ended as long as Slurm remembers them.
    Raises:
        SlurmSilent: squeue failed.
    """
    tables = {path.stem: read_table(path) for path in sorted(folder.glob("spikeproof-*.json"))}
    if not tables:
        return {}
    asked = ["--noheader", "--array", "--states=all", f"--name={','.join(tables)}"]
    command = ["squeue", *asked, "--format=%i|%j|%T"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SlurmSilent(f"Slurm does not answer: {_last_line(done.stderr)}")
    tasks: dict[str, JobTask] = {}
    for line in done.stdout.splitlines():
        job, name, state = line.split("|")
        for id in tables.get(name, {}).get(job.rpartition("_")[2], []):
            if not (id in tasks and tasks[id].live):
                tasks[id] = JobTask(state)
    return tasks


def read_table(path: Path) -> dict[str, list[str]]:
    """Return number of the task → ids of its cells, as an array's table has them.

    Raises:
        FileProblem: it is not there, or not the table of an array.
    """
    table = read_json(path, "table of an array")
    if not isinstance(table, dict) or not all(map(_are_ids, table.values())):
        raise FileProblem(f"{path} is not the table of a Slurm array; delete it and run again.")
    return table


def _are_ids(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(id, str) for id in value)


def _script(run: Path, name: str, setup: Sequence[str]) -> str:
    """What a task does. ``exec`` lets signals that Slurm sends to the script reach the cell."""
    handed = {key: os.environ[key] for key in _HANDED_ON if key in os.environ}
    handed |= {f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS")}
    command = [sys.executable, "-m", "spikeproof", "study", "work", str(run), "--array", name]
    lines = [
        "#!/bin/sh",
        *(f"export {key}={shlex.quote(value)}" for key, value in handed.items()),
        *setup,
        f'exec {shlex.join(command)} --task "$SLURM_ARRAY_TASK_ID"',
    ]
    return "\n".join(lines) + "\n"


def _last_line(text: str) -> str:
    """The last thing a command said, as a sentence."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = lines[-1] if lines else "it said nothing"
    return said if said.endswith(".") else f"{said}."
