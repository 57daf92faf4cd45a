"""Processes: killed at random moments, pools, orphans; the bytes must not care."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import signal
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from spikeproof.base import SpikeproofError
from spikeproof.study import CellFolder, Plan, cells_of, run, status
from spikeproof.study.engine.pool import Pool
from support.processes import alive, children, killed, killed_at_random, wait_for
from support.run_files import contents


@pytest.fixture(scope="module")
def small(tiny: Plan) -> Plan:
    """One network, one ladder, one probe."""
    data = (dataclasses.replace(tiny.data[0], threats=("linf",)),)
    return dataclasses.replace(tiny, data=data, training=tiny.training[1:])


@pytest.fixture(scope="module")
def whole(small: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small plan, run in this process without interruption."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    run(small, folder, workers=1)
    return folder


def at_work(plan: Plan, folder: Path, workers: int) -> None:
    """Run a plan as in a terminal; whoever runs the tests in the background has Ctrl-C ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    run(plan, folder, workers=workers)


def started(server: ForkServerContext, plan: Plan, folder: Path, workers: int) -> BaseProcess:
    process = server.Process(target=at_work, args=(plan, folder, workers))
    process.start()
    return process


def test_a_study_killed_at_random_moments_ends_with_the_same_bytes(
    tmp_path: Path, small: Plan, whole: Path, server: ForkServerContext
) -> None:
    folder = tmp_path / "run"
    moments, expected = random.Random(5), status(whole).seconds

    def start() -> BaseProcess:
        process = started(server, small, folder, workers=1)
        wait_for((folder / "plan.json").exists)
        return process

    progress = killed_at_random(start, folder, lambda: moments.uniform(0.05, 0.5) * expected, 5)
    assert progress == sorted(progress)
    assert run(small, folder, workers=1).complete
    assert contents(folder) == contents(whole)


def test_a_training_killed_between_epochs_goes_on_from_its_checkpoint(
    tmp_path: Path, small: Plan, whole: Path, server: ForkServerContext
) -> None:
    folder = tmp_path / "run"
    process = started(server, small, folder, workers=1)
    wait_for(lambda: any(folder.glob("cells/*/training.safetensors")) or not process.is_alive())
    killed(process)
    (checkpoint,) = folder.glob("cells/*/training.safetensors")
    assert not (checkpoint.parent / "record.json").exists()
    run(small, folder, workers=1)
    assert not list(folder.glob("cells/*/training.safetensors"))
    assert contents(folder) == contents(whole)
    # Its seconds are not those of the whole training, and it says so.
    walls = {path.parent: json.loads(path.read_text()) for path in folder.glob("cells/*/wall.json")}
    assert [cell for cell, wall in walls.items() if wall["resumed"]] == [checkpoint.parent]


def test_a_pool_of_processes_leaves_the_same_bytes(
    tmp_path: Path, small: Plan, whole: Path
) -> None:
    steps: list[int] = []
    found = run(small, tmp_path, workers=2, progress=lambda step: steps.append(step.done))
    assert found.complete
    assert steps == [0, 1, 2, 3, 4]
    assert contents(tmp_path) == contents(whole)


def lasting(plan: Plan, epochs: int) -> Plan:
    """The plan with trainings of so many epochs."""
    return dataclasses.replace(plan, data=(dataclasses.replace(plan.data[0], epochs=epochs),))


@pytest.fixture(scope="module")
def endless(small: Plan) -> Plan:
    """The small study with a training that cannot end before a signal arrives."""
    return lasting(small, 10**5)


def test_workers_of_a_killed_run_end_themselves_and_the_run_goes_on(
    tmp_path: Path, small: Plan, server: ForkServerContext
) -> None:
    folder, long = tmp_path / "run", lasting(small, 20)
    process = started(server, long, folder, workers=2)
    assert process.pid is not None
    pid = process.pid
    wait_for(lambda: any(folder.glob("cells/*/training.safetensors")) or not process.is_alive())
    workers = list(children(pid))
    killed(process)
    assert workers
    wait_for(lambda: not any(alive(worker) for worker in workers))
    assert not list(folder.glob("cells/*/record.json")), "they ended amid the training"
    assert run(long, folder, workers=1).complete
    assert run(long, tmp_path / "whole", workers=1).complete
    assert contents(folder) == contents(tmp_path / "whole")


def test_ctrl_c_stops_the_workers_at_once(
    tmp_path: Path, endless: Plan, server: ForkServerContext
) -> None:
    folder = tmp_path / "run"
    process = started(server, endless, folder, workers=2)
    assert process.pid is not None
    wait_for(lambda: any(folder.glob("cells/*/training.safetensors")) or not process.is_alive())
    workers = list(children(process.pid))
    os.kill(process.pid, signal.SIGINT)
    process.join(120)
    assert process.exitcode == 1
    assert workers
    assert not any(alive(worker) for worker in workers)


@pytest.mark.usefixtures("quick_workers")
def test_a_worker_that_dies_fails_one_cell_and_the_others_go_on(
    tmp_path: Path, small: Plan, endless: Plan, whole: Path
) -> None:
    # One training cannot end before its process is killed; an attack waits for it.
    long, waiting, *_ = cells_of(endless)
    train, *others = cells_of(small)
    pool = Pool(tmp_path, workers=2)
    for cell in (long, waiting, train, *others):
        pool.submit(cell, after=cell.parent)
    found = {}
    for end in pool.ended():
        if end.id == train.id:
            wait_for((tmp_path / long.id / "training.safetensors").exists)
            (victim,) = [worker for worker in pool._workers if worker.cell == long]
            os.kill(int(victim.process.pid or 0), signal.SIGKILL)
        found[end.id] = end.error
    pool.close()
    told = found.pop(long.id)
    assert "its worker process was ended by SIGKILL, perhaps for lack of memory" in str(told)
    assert CellFolder(tmp_path / long.id).failure() == told
    assert found.pop(waiting.id) == f"its network is missing, as {long.title} failed."
    assert found == dict.fromkeys([train.id, *(cell.id for cell in others)])
    for cell in (train, *others):
        assert contents(tmp_path / cell.id) == contents(whole / "cells" / cell.id)


def test_workers_that_cannot_begin_are_told(tmp_path: Path, small: Plan) -> None:
    session = Pool(tmp_path, workers=2)
    session.submit(cells_of(small)[0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONHOME", str(tmp_path))  # an interpreter without its library
        with pytest.raises(SpikeproofError, match=r"No worker process could begin.*exit code 1"):
            list(session.ended())
    session.close()
