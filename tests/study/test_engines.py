"""Slurm and Ray without a cluster: what is submitted, what is adopted, and every refusal.

``tests/cluster`` runs the real ones.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from spikeproof.base import FileProblem, SettingError, SpikeproofError
from spikeproof.cli.main import run as command
from spikeproof.study import (
    Cell,
    CellsFailed,
    Done,
    Plan,
    Ray,
    Resources,
    Slurm,
    cells_of,
    run,
    status,
    work,
)
from spikeproof.study.engine import arrays, executor_from, orphans, ray_driver
from spikeproof.study.engine.arrays import arrays_of
from spikeproof.study.store import CellFolder
from support.run_files import contents


def cell(id: str, cost: float, parent: str | None = None, device: str = "cpu") -> Cell:
    return Cell(
        id=id,
        cell={"kind": "probe" if parent else "train", "data": "d", "training": id, "seed": 0},
        parent=parent,
        data_sha256="",
        code_sha256="",
        cost=cost,
        resources=Resources(device=device),
    )


def ids(array: arrays.JobArray) -> dict[int, list[str]]:
    """The cells of each task."""
    return {number: [one.id for one in cells] for number, cells in array.tasks.items()}


def test_tasks_wait_for_the_task_of_their_number() -> None:
    heads = [cell("a", 1.0), cell("b", 5.0), cell("c", 2.0)]
    behind = [cell("a1", 1.0, "a"), cell("a2", 9.0, "a"), cell("b1", 1.0, "b")]
    first, second = arrays_of(heads, [(one, one.parent) for one in behind], most=2)
    # Chains by hand: a is 1 + 9 long, b 5 + 1, c 2.
    assert ids(first) == {0: ["a"], 1: ["b"]}
    assert [ids(array) for array in first.behind] == [{0: ["a2"], 1: ["b1"]}, {0: ["a1"]}]
    assert ids(second) == {0: ["c"]}
    assert second.behind == []
    apart = arrays_of([cell("a", 1.0), cell("g", 1.0, device="cuda")], [], most=9)
    assert [ids(array) for array in apart] == [{0: ["a"]}, {0: ["g"]}]


def test_a_task_may_hold_several_cells() -> None:
    heads = [cell("a", 1.0), cell("b", 5.0), cell("c", 2.0)]
    behind = [cell("a1", 1.0, "a"), cell("a2", 9.0, "a"), cell("b1", 2.0, "b")]
    behind += [cell("c1", 0.1, "c"), cell("c2", 0.1, "c", device="cuda")]
    (array,) = arrays_of(heads, [(one, one.parent) for one in behind], most=2, per_task=2)
    assert ids(array) == {0: ["a", "b"], 1: ["c"]}
    # What needs another machine is in another array; of the rest the longest come first.
    assert [ids(after) for after in array.behind] == [
        {0: ["a2", "b1"], 1: ["c1"]},
        {0: ["a1"]},
        {1: ["c2"]},
    ]


def test_what_a_cell_needs_is_asked_for() -> None:
    slurm = Slurm(partition="long", time="1:00:00", memory="2G", extra=("--account=me",))
    asked = ["--partition=long", "--time=1:00:00", "--cpus-per-task=1", "--mem=2G"]
    usual = ["--requeue", "--signal=B:USR1@60"]
    assert slurm.options(cell("a", 1.0)) == [*usual, *asked, "--account=me"]
    assert Slurm(cpus=4).options(cell("a", 1.0, device="cuda")) == [
        *usual, "--cpus-per-task=4", "--gpus=1",
    ]  # fmt: skip
    ray = Ray(memory="2G", retries=1).options(cell("a", 1.0, device="cuda"))
    assert ray == {
        "max_retries": 1, "name": "d · a · seed 0 · train",
        "num_cpus": 1, "num_gpus": 1.0, "memory": 2 * 2**30,
    }  # fmt: skip
    assert "num_gpus" not in Ray().options(cell("a", 1.0))


def test_settings_come_from_a_plan_and_mistakes_are_named() -> None:
    record = {"kind": "slurm", "partition": "cpu", "extra": ["--nice"], "setup": ["module load x"]}
    assert executor_from(record, 1) == Slurm(
        partition="cpu", extra=("--nice",), setup=("module load x",)
    )
    for wrong, sentence in (
        ({"kind": "slurm", "time": "1\n2"}, "one line"),
        ({"kind": "slurm", "retries": -1}, "Slurm.retries must be a whole number >= 0"),
        ({"kind": "slurm", "partitions": "x"}, "unknown setting 'partitions'. Did you mean"),
        ({"kind": "ray", "memory": "lots"}, "Ray.memory is written as a number and K, M or G"),
    ):
        with pytest.raises(SettingError, match=sentence):
            executor_from(wrong, 1)


class FakeSlurm:
    """Answers as Slurm's commands do, and computes tasks in this process when they are submitted.

    Args:
        outcome: Called with run folder, array and task; returns the state that the task ends in.
    """

    def __init__(self, outcome: Callable[[Path, str, int], str]) -> None:
        self.outcome = outcome
        self.submitted: list[list[str]] = []
        self.states: dict[tuple[str, str], str] = {}
        self.refuses = self.silent = ""

    def __call__(self, asked: list[str], **_: object) -> SimpleNamespace:
        if asked[0] == "squeue":
            if self.silent:
                return SimpleNamespace(returncode=1, stdout="", stderr=self.silent)
            lines = [f"7_{n}|{name}|{state}" for (name, n), state in self.states.items()]
            return SimpleNamespace(returncode=0, stdout="\n".join(lines), stderr="")
        assert asked[0] == "sbatch"
        if self.refuses:
            return SimpleNamespace(returncode=1, stdout="", stderr=self.refuses)
        options = dict(o[2:].split("=", 1) for o in asked[1:] if o.startswith("--") and "=" in o)
        name = options["job-name"]
        folder = Path(asked[-1]).parent.parent
        self.submitted.append(asked)
        for number in options["array"].split(","):
            self.states[name, number] = self.outcome(folder, name, int(number))
        return SimpleNamespace(returncode=0, stdout=f"{len(self.submitted)}\n", stderr="")


def computed(folder: Path, array: str, task: int) -> str:
    """What a healthy node does."""
    return {0: "COMPLETED", 1: "FAILED", 75: "PENDING"}[work(folder, array, task)]


QUICK = Slurm(poll=0.01, patience=0.05, retries=1)


@pytest.fixture
def slurm(monkeypatch: pytest.MonkeyPatch) -> FakeSlurm:
    """A Slurm of this process."""
    fake = FakeSlurm(computed)
    monkeypatch.setattr(arrays, "subprocess", SimpleNamespace(run=fake))
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    return fake


def test_arrays_leave_the_bytes_of_a_local_run(
    tmp_path: Path, tiny: Plan, whole: Path, slurm: FakeSlurm
) -> None:
    assert run(tiny, tmp_path, executor=QUICK).complete
    assert contents(tmp_path) == contents(whole)
    # The two networks, then their two attacks, their probe and their checks, each behind its own
    # network.
    assert [next(o for o in s if "--array" in o) for s in slurm.submitted] == ["--array=0,1"] * 5
    waits = [[o for o in s if "--dependency" in o] for s in slurm.submitted]
    assert waits == [[]] + [["--dependency=aftercorr:1"]] * 4
    assert not (tmp_path / "slurm").exists()


def test_tasks_of_several_cells_leave_the_same_bytes(
    tmp_path: Path, tiny: Plan, whole: Path, slurm: FakeSlurm
) -> None:
    assert run(tiny, tmp_path, executor=dataclasses.replace(QUICK, per_task=4)).complete
    assert contents(tmp_path) == contents(whole)
    # Both networks in one task, then eight cells in two tasks that follow it.
    assert [next(o for o in s if "--array" in o) for s in slurm.submitted] == ["--array=0"] * 3


def test_one_cell_that_fails_keeps_none_of_its_task_from_being_computed(
    tmp_path: Path, tiny: Plan, slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module("spikeproof.study.work")
    attempt = module.attempt
    bad = next(one.id for one in cells_of(tiny) if one.kind == "train")

    def unlucky(cells: Path, cell: Cell) -> Done:
        if cell.id != bad:
            return attempt(cells, cell)  # type: ignore[no-any-return]
        CellFolder(cells / cell.id).note_failure("Training became NaN.", "")
        return Done(cell.id, 0.0, "Training became NaN.")

    def outcome(folder: Path, array: str, task: int) -> str:
        try:
            return computed(folder, array, task)
        except FileProblem:
            return "CANCELLED"  # its dependency can never be satisfied

    monkeypatch.setattr(module, "attempt", unlucky)
    slurm.outcome = outcome
    with pytest.raises(CellsFailed, match="5 of 10 cells failed"):
        run(tiny, tmp_path, executor=dataclasses.replace(QUICK, per_task=4, retries=2))
    assert status(tmp_path).done == 5


def test_a_run_that_is_left_is_followed_and_nothing_is_submitted_twice(
    tmp_path: Path, tiny: Plan, whole: Path, slurm: FakeSlurm
) -> None:
    slurm.outcome = lambda folder, array, task: "PENDING"
    state = run(tiny, tmp_path, executor=dataclasses.replace(QUICK, detach=True))
    assert (state.done, state.pending, len(slurm.submitted)) == (0, 10, 5)
    # The nodes do their work while nobody follows, but for one task.
    *done, last = slurm.states
    for name, number in done:
        slurm.states[name, number] = computed(tmp_path, name, int(number))
    assert status(tmp_path).done == 9

    def look(at: Any) -> None:
        if at.done == 9:
            slurm.states[last] = computed(tmp_path, last[0], int(last[1]))

    assert run(tiny, tmp_path, executor=QUICK, progress=look).complete
    assert len(slurm.submitted) == 5
    assert contents(tmp_path) == contents(whole)


def test_another_executor_does_not_compute_what_slurm_still_has(
    tmp_path: Path, tiny: Plan, slurm: FakeSlurm
) -> None:
    few = dataclasses.replace(tiny.data[0], threats=("linf",))
    tiny = dataclasses.replace(tiny, data=(few,), training=tiny.training[:1])
    slurm.outcome = lambda folder, array, task: "PENDING"
    run(tiny, tmp_path, executor=dataclasses.replace(QUICK, detach=True))
    with pytest.raises(SettingError, match=f"Slurm still has 4 cells of {tmp_path}; go on with"):
        run(tiny, tmp_path, workers=1)
    slurm.states = dict.fromkeys(slurm.states, "CANCELLED")
    assert run(tiny, tmp_path, workers=1).complete


def at_work(told: Connection, folder: Path) -> None:
    """Work for a run, long."""
    with orphans.token_in(folder) as token, orphans.working_for(token):
        told.send("at work")
        time.sleep(600)


def test_a_worker_whose_run_is_over_ends_before_the_next_one_computes(
    tmp_path: Path, server: ForkServerContext
) -> None:
    ours, theirs = server.Pipe()
    orphan = server.Process(target=at_work, args=(theirs, tmp_path))
    orphan.start()
    theirs.close()
    try:
        assert ours.recv() == "at work"
        orphans.refuse_orphans(tmp_path, follows=False)
        orphan.join(30)
        assert orphan.exitcode == 1
    finally:
        orphan.kill()
    assert not list(tmp_path.iterdir())


def test_tasks_that_end_without_a_result_are_tried_again_and_then_named(
    tmp_path: Path, tiny: Plan, whole: Path, slurm: FakeSlurm
) -> None:
    lost: list[str] = []

    def unlucky(folder: Path, array: str, task: int) -> str:
        (id,) = arrays.read_table(folder / "slurm" / f"{array}.json")[str(task)]
        parent = next(c.parent for c in cells_of(tiny) if c.id == id)
        if parent is not None and not CellFolder(folder / "cells" / parent).complete:
            return "CANCELLED"  # its dependency can never be satisfied
        if id not in lost:
            lost.append(id)
            return "NODE_FAIL"
        return computed(folder, array, task)

    slurm.outcome = unlucky
    # Each attack is submitted behind its lost network, and lost once itself.
    assert run(tiny, tmp_path / "a", executor=dataclasses.replace(QUICK, retries=2)).complete
    assert contents(tmp_path / "a") == contents(whole)
    slurm.outcome = lambda folder, array, task: "OUT_OF_MEMORY"
    told = (
        r"10 of 10 cells failed, .*: its Slurm task ended as OUT_OF_MEMORY without a result, "
        r"2 times"
    )
    with pytest.raises(CellsFailed, match=told):
        run(tiny, tmp_path / "b", executor=QUICK)


def test_a_failed_cell_is_a_failure_with_its_sentence(
    tmp_path: Path, tiny: Plan, slurm: FakeSlurm
) -> None:
    def refused(folder: Path, array: str, task: int) -> str:
        (id,) = arrays.read_table(folder / "slurm" / f"{array}.json")[str(task)]
        CellFolder(folder / "cells" / id).note_failure("Training became NaN.", "")
        return "FAILED"

    slurm.outcome = refused
    with pytest.raises(CellsFailed) as failed:
        run(tiny, tmp_path, executor=QUICK)
    told = [failure.error for failure in failed.value.failures]
    assert told.count("Training became NaN.") == 2
    assert sum("its network is missing" in sentence for sentence in told) == 8


def test_what_slurm_refuses_or_does_not_answer_is_one_sentence(
    tmp_path: Path, tiny: Plan, slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    slurm.refuses = "sbatch: error: invalid partition specified: x\nsbatch: error: Batch job fails"
    with pytest.raises(SpikeproofError, match="does not take the jobs: sbatch: error: Batch job"):
        run(tiny, tmp_path, executor=QUICK)
    slurm.refuses, slurm.outcome = "", lambda folder, array, task: "PENDING"
    run(tiny, tmp_path, executor=dataclasses.replace(QUICK, detach=True))
    slurm.silent = "slurm_load_jobs error: Unable to contact slurm controller"
    (tmp_path / "slurm" / "spikeproof-0.json").write_text("{}")
    shutil.rmtree(tmp_path / "cells", ignore_errors=True)
    with pytest.raises(SpikeproofError, match="Slurm does not answer: slurm_load_jobs error"):
        run(tiny, tmp_path, executor=QUICK)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(SettingError, match="sbatch is not on this machine"):
        run(tiny, tmp_path, executor="slurm")


def test_a_task_that_does_not_exist_or_came_too_early_is_refused(
    tmp_path: Path, tiny: Plan, slurm: FakeSlurm
) -> None:
    slurm.outcome = lambda folder, array, task: "PENDING"
    run(tiny, tmp_path, executor=dataclasses.replace(QUICK, detach=True))
    head, *behind = [name for name, number in slurm.states if number == "0"]
    with pytest.raises(FileProblem, match="waits for the network"):
        work(tmp_path, behind[0], 0)
    with pytest.raises(FileProblem, match="has no task 9 of this plan"):
        work(tmp_path, head, 9)
    told = ["study", "work", str(tmp_path), "--array", "nothing", "--task", "0"]
    assert command(told) == 1


@pytest.mark.parametrize(("restarts", "code"), [("0", 75), ("3", 1)])
def test_a_warning_of_the_time_limit_queues_the_task_again_but_not_for_ever(
    tmp_path: Path,
    tiny: Plan,
    slurm: FakeSlurm,
    monkeypatch: pytest.MonkeyPatch,
    restarts: str,
    code: int,
) -> None:
    asked: list[list[str]] = []

    def warned(cells: Path, cell: Cell) -> None:
        os.kill(os.getpid(), signal.SIGUSR1)

    slurm.outcome = lambda folder, array, task: "PENDING"
    run(tiny, tmp_path, executor=dataclasses.replace(QUICK, detach=True))
    name = next(iter(slurm.states))[0]
    monkeypatch.setattr(importlib.import_module("spikeproof.study.work"), "attempt", warned)

    def scontrol(command: list[str], **_: object) -> SimpleNamespace:
        asked.append(command)
        return SimpleNamespace(returncode=0)

    waited: list[float] = []
    monkeypatch.setattr(subprocess, "run", scontrol)
    monkeypatch.setattr(time, "sleep", waited.append)
    monkeypatch.setenv("SLURM_RESTART_COUNT", restarts)
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "12")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "0")
    assert work(tmp_path, name, 0) == code
    failed = [failure.error for failure in status(tmp_path).failed]
    if code == 75:
        assert asked == [["scontrol", "requeue", "12_0"]]
        assert waited == [60.0]  # Slurm ends it meanwhile
        assert not failed
    else:
        assert not asked
        assert failed == [
            "it reached the time limit of its Slurm job 4 times before an epoch or a ladder had "
            "ended; raise time in [compute] executor."
        ]


def test_ray_that_is_missing_or_silent_is_one_sentence(
    tmp_path: Path, tiny: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importlib.util, "find_spec", lambda name: None)
        with pytest.raises(SettingError, match=r"not installed here; pip install 'spikeproof\[ray"):
            run(tiny, tmp_path, executor="ray")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound, and nobody listens
        for scheme in ("", "ray://"):
            address = f"{scheme}127.0.0.1:{closed.getsockname()[1]}"
            with pytest.raises(SettingError, match=f"No Ray answers at {address}"):
                run(tiny, tmp_path, executor={"kind": "ray", "address": address})


def test_an_option_without_its_executor_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["study", "run", "quick", "--detach"]) == 1
    assert "detach: say which executor" in capsys.readouterr().err
    assert command(["study", "run", "quick", "--executor", "slurm", "--address", "x"]) == 1
    assert "unknown setting 'address'" in capsys.readouterr().err


def test_a_cell_is_computed_where_the_run_folder_is_not_seen(
    tmp_path: Path, tiny: Plan, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, *others = cells_of(tiny)
    attack = next(c for c in others if c.parent == train.id and c.kind == "attack")
    monkeypatch.setitem(__import__("sys").modules, "ray", SimpleNamespace(get=lambda ref: ref))
    network = [ray_driver.files_of(whole / "cells" / train.id)]
    token = (str(tmp_path / "token"), "secret")
    (tmp_path / "token").write_text("another folder of this name")
    done, files = ray_driver.compute(attack, str(tmp_path / "cells"), token, network)
    assert done.error is None and files is not None
    here = tmp_path / "here" / attack.id
    ray_driver.receive(here, {**files, "../escape": b"x", ".hidden": b"x"})
    assert contents(here) == contents(whole / "cells" / attack.id)
    assert not (tmp_path / "cells").exists()
    (tmp_path / "token").write_text("secret")
    shutil.copytree(whole / "cells" / train.id, tmp_path / "cells" / train.id)
    done, nothing = ray_driver.compute(attack, str(tmp_path / "cells"), token, network)
    assert (done.error, nothing) == (None, None)
    with pytest.raises(FileProblem, match="was changed after it was written"):
        ray_driver.receive(tmp_path / "bad" / attack.id, {**files, "items.npz": b"damaged"})
