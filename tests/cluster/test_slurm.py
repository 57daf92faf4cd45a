"""The real Slurm: whatever is killed, pre-empted or full, the bytes are those of a local run."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from spikeproof.base import SpikeproofError
from spikeproof.study import CellsFailed, Plan, RunFolder, Slurm, run, status
from support.processes import alive, children, wait_for
from support.run_files import contents
from tests.cluster.conftest import fill
from tests.cluster.one_node import OneNode

QUICK = Slurm(poll=0.3, patience=2.0, memory="500M")


def detached(plan: Plan, folder: Path) -> None:
    """Submit and return."""
    assert run(plan, folder, executor=dataclasses.replace(QUICK, detach=True)).pending == 4


def training(slurm: OneNode, folder: Path) -> tuple[str, int]:
    """Slurm's name of the running task of a run, and the process of its cell."""
    names = [name.removesuffix(".json") for name in tables(folder)]

    def running() -> list[str]:
        asked = ("squeue", "-h", "-r", "-t", "R", f"--name={','.join(names)}", "-o", "%i")
        return slurm.said(*asked).split()

    wait_for(running, 60)
    (task,) = running()

    def cells() -> list[int]:
        # slurmd starts a slurmstepd, and that the script, which becomes the cell's process; what
        # this starts in turn has another parent.
        steps = [pid for pid in processes() if name_of(pid) == "slurmstepd"]
        started = [pid for step in steps for pid in children(step)]
        return [pid for pid in started if {name.encode() for name in names} & set(words_of(pid))]

    wait_for(cells, 30)
    (process,) = cells()
    return task, process


def processes() -> list[int]:
    """Every process."""
    return [int(place.name) for place in Path("/proc").iterdir() if place.name.isdigit()]


def name_of(pid: int) -> str:
    """What a process is called; nothing where it is gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def words_of(pid: int) -> list[bytes]:
    """The command line of a process."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def epochs(folder: Path) -> int:
    """Epochs of the training that are kept."""
    logs = list(folder.glob("cells/*/training.jsonl"))
    return len(logs[0].read_text().splitlines()) if logs else 0


def wall(folder: Path) -> dict[str, object]:
    """Wall time of the train cell."""
    (model,) = folder.glob("cells/*/model.safetensors")
    read: dict[str, object] = json.loads((model.parent / "wall.json").read_text())
    return read


def tables(folder: Path) -> list[str]:
    """The arrays that were submitted."""
    return sorted(path.name for path in (folder / "slurm").glob("*.json"))


def no_delay(slurm: OneNode, task: str) -> None:
    """Let a task that was queued again begin soon; Slurm waits two minutes otherwise.

    Not at once: in the second in which slurmd ended it, slurmd takes the new turn for the old one
    and refuses it ("already killed, do not launch").
    """
    wait_for(lambda: "PENDING" in slurm.said("squeue", "-h", "-r", "-j", task, "-o", "%T"), 60)
    slurm.said("scontrol", "update", f"JobId={task}", "StartTime=now+3")


def test_a_detached_run_is_followed_and_submitted_once(
    tmp_path: Path, plan: Plan, whole: Path, slurm: OneNode
) -> None:
    detached(plan, tmp_path)
    before = tables(tmp_path)
    assert len(before) == 4  # the network; its attack, its probe and its checks wait for it
    assert not status(tmp_path).complete
    seen: set[str] = set()
    assert run(plan, tmp_path, executor=QUICK, progress=lambda at: seen.update(tables(tmp_path)))
    assert sorted(seen) == before
    assert contents(tmp_path / "cells") == contents(whole / "cells")
    assert not (tmp_path / "slurm").exists()


def test_killing_the_submitting_process_and_then_the_worker_loses_an_epoch_at_most(
    tmp_path: Path, plan: Plan, whole: Path, slurm: OneNode
) -> None:
    script = (
        "import pickle, sys; from spikeproof.study import run, Slurm\n"
        "plan, folder, executor = pickle.load(sys.stdin.buffer)\n"
        "run(plan, folder, executor=executor)"
    )
    import pickle

    process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(pickle.dumps((plan, tmp_path, QUICK)))
    process.stdin.close()
    wait_for(lambda: epochs(tmp_path) > 0, 60)
    process.kill()  # the submitting process, as by kill -9
    process.wait()
    _, worker = training(slurm, tmp_path)
    assert alive(worker)  # jobs are Slurm's
    kept = epochs(tmp_path)
    wait_for(lambda: epochs(tmp_path) > kept, 60)
    os.kill(worker, signal.SIGKILL)
    assert run(plan, tmp_path, executor=QUICK).complete
    assert wall(tmp_path)["resumed"] is True
    assert contents(tmp_path / "cells") == contents(whole / "cells")


@pytest.mark.parametrize("how", ["pre-empted", "time limit"])
def test_a_training_that_must_leave_ends_its_epoch_and_is_queued_again(
    tmp_path: Path, plan: Plan, whole: Path, slurm: OneNode, how: str
) -> None:
    detached(plan, tmp_path)
    task, worker = training(slurm, tmp_path)
    wait_for(lambda: epochs(tmp_path) > 0, 60)
    if how == "pre-empted":  # SIGTERM, and SIGKILL to whoever does not go
        slurm.said("scontrol", "requeue", task)
    else:  # what --signal sends before the limit; the cell itself asks for another turn
        slurm.said("scancel", "--signal=USR1", "--batch", task)
    wait_for(lambda: not alive(worker), 60)
    kept = epochs(tmp_path)
    assert 0 < kept < 25
    no_delay(slurm, task)
    before = tables(tmp_path)
    seen: set[str] = set()
    assert run(plan, tmp_path, executor=QUICK, progress=lambda at: seen.update(tables(tmp_path)))
    assert sorted(seen) == before  # the same task went on, nothing was submitted again
    assert wall(tmp_path)["resumed"] is True
    assert contents(tmp_path / "cells") == contents(whole / "cells")


def test_a_full_disk_is_told_and_what_is_complete_is_kept(
    small_disk: Path, plan: Plan, whole: Path, slurm: OneNode
) -> None:
    folder = small_disk / "run"
    detached(plan, folder)
    wait_for(lambda: epochs(folder) > 0, 60)
    fill(small_disk / "ballast")
    with pytest.raises((CellsFailed, SpikeproofError)) as failed:
        run(plan, folder, executor=QUICK)
    assert "No space left on device" in str(failed.value) or "full" in str(failed.value)
    wait_for(lambda: not slurm.said("squeue", "-h").strip(), 60)
    (small_disk / "ballast").unlink()
    assert run(plan, folder, executor=QUICK).complete
    assert contents(folder / "cells") == contents(whole / "cells")


def test_a_cell_that_is_always_lost_is_a_failure_that_names_its_logs(
    tmp_path: Path, plan: Plan, slurm: OneNode
) -> None:
    # `setup` is what a site has before a cell; here it ends the task before Python begins.
    broken = dataclasses.replace(QUICK, setup=("echo no such module >&2; exit 9",), retries=1)
    begun = time.monotonic()
    with pytest.raises(CellsFailed, match=r"ended as FAILED without a result, 2 times in all"):
        run(plan, tmp_path, executor=broken)
    assert time.monotonic() - begun < 60
    assert "no such module" in next((tmp_path / "slurm").glob("*-0.out")).read_text()
    assert len(RunFolder(tmp_path).planned()[1]) == 4
