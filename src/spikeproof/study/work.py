"""One task of a Slurm array: what runs on a node."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from spikeproof.base import FileProblem
from spikeproof.study.compute import attempt
from spikeproof.study.engine import read_table
from spikeproof.study.interrupt import EXIT_CODE, Interrupted, interruptible
from spikeproof.study.store import CellFolder, RunFolder

__all__ = ["work"]

# How often a cell may reach its time limit before an epoch or a ladder of it has ended.
_MOST = 3
_FAREWELL = 60.0  # seconds that Slurm has to end a task that it will run again


def work(run: Path | str, array: str, task: int) -> int:
    """Compute the cells of one task that are not there already, one after another.

    Args:
        run: The run folder.
        array: Name of the array, whose table lies in ``slurm`` there.
        task: Number of the task.
    Returns:
        Exit code: 0 complete, 1 failed (which is written down; the others are computed), 75
        interrupted and kept, so that it goes on when it is queued again.
    Raises:
        FileProblem: there is no such run, array, task, or network to look at.
    """
    folder = RunFolder(run)
    table = read_table(folder.path / "slurm" / f"{array}.json")
    by_id = {cell.id: cell for cell in folder.planned()[1]}
    ids = table.get(str(task), [])
    if not ids or not by_id.keys() >= set(ids):
        raise FileProblem(f"Array {array} of {folder.path} has no task {task} of this plan.")
    computed, failed = 0, False
    for cell in (by_id[id] for id in ids):
        place = folder.cell(cell)
        if place.complete:
            continue
        if cell.parent is not None and not CellFolder(folder.cells / cell.parent).complete:
            raise FileProblem(
                f"{cell.title} waits for the network {cell.parent}, which is not there."
            )
        try:
            with interruptible():
                failed |= attempt(folder.cells, cell).error is not None
        except Interrupted as stop:
            return _again(stop, place, kept=stop.kept or computed > 0)
        computed += 1
    return int(failed)


def _again(stop: Interrupted, place: CellFolder, *, kept: bool) -> int:
    """Have the task queued again where Slurm does not do so by itself.

    SIGTERM comes with pre-emption, a lost node, or from whoever cancels the job: what follows is
    for Slurm to say. SIGUSR1 is the warning that the time limit is near.
    """
    if stop.signum == signal.SIGUSR1:
        if int(os.environ.get("SLURM_RESTART_COUNT", "0")) >= _MOST and not kept:
            place.note_failure(
                f"it reached the time limit of its Slurm job {_MOST + 1} times before an epoch or "
                "a ladder had ended; raise time in [compute] executor.",
                "",
            )
            return 1
        names = ("SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID")
        if all(name in os.environ for name in names):
            job = "_".join(os.environ[name] for name in names)
            asked = ["scontrol", "requeue", job]
            if subprocess.run(asked, capture_output=True, check=False).returncode == 0:
                # Slurm ends this process now. A task that ended by itself first would count as
                # failed, and what waits for it would be cancelled.
                time.sleep(_FAREWELL)
    return EXIT_CODE
