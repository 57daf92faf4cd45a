"""SIGTERM and SIGUSR1: no failure, at most one epoch or one ladder lost, and the same bytes."""

from __future__ import annotations

import dataclasses
import os
import signal
import threading
import time
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from spikeproof.study import Plan, RunInterrupted, cells_of, run, status
from spikeproof.study.engine.pool import Pool
from spikeproof.study.interrupt import (
    Interrupted,
    after_epoch,
    finishing_epochs,
    interruptible,
)
from support.processes import typed, wait_for
from support.run_files import contents


def test_a_signal_waits_for_the_end_of_an_epoch_and_a_second_one_for_nothing() -> None:
    with pytest.raises(Interrupted, match=str(int(signal.SIGTERM))), interruptible():
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    with interruptible(), finishing_epochs():
        after_epoch(1, 3, {})
        os.kill(os.getpid(), signal.SIGUSR1)
        with pytest.raises(Interrupted) as stop:
            after_epoch(2, 3, {})
        assert stop.value.name == "SIGUSR1"
        with pytest.raises(Interrupted):
            os.kill(os.getpid(), signal.SIGTERM)
    with interruptible(), finishing_epochs():
        after_epoch(1, 3, {})  # what was asked for before is over


def test_a_handler_of_the_caller_stays() -> None:
    came: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda signum, frame: came.append(signum))
    try:
        with interruptible():
            os.kill(os.getpid(), signal.SIGUSR1)
        assert came == [signal.SIGUSR1]
    finally:
        signal.signal(signal.SIGUSR1, before)


def signalled(signum: int, when: object) -> threading.Thread:
    """A thread that sends this process a signal once something is there."""

    def send() -> None:
        end = time.monotonic() + 120
        while not when() and time.monotonic() < end:  # type: ignore[operator]
            time.sleep(0.005)
        os.kill(os.getpid(), signum)

    thread = threading.Thread(target=send)
    thread.start()
    return thread


EPOCHS = 15


@pytest.fixture(scope="module")
def long(tiny: Plan) -> Plan:
    """One network whose training takes a while, and what looks at it."""
    data = (dataclasses.replace(tiny.data[0], epochs=EPOCHS, threats=("linf",)),)
    return dataclasses.replace(tiny, data=data, training=tiny.training[:1])


@pytest.fixture(scope="module")
def whole(long: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of it that nobody interrupted."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    run(long, folder, workers=1)
    return folder


@pytest.mark.usefixtures("quick_workers")
@pytest.mark.parametrize(("workers", "signum"), [(1, signal.SIGTERM), (2, signal.SIGUSR1)])
def test_an_interrupted_training_ends_its_epoch_and_goes_on(
    tmp_path: Path, long: Plan, whole: Path, workers: int, signum: signal.Signals
) -> None:
    thread = signalled(signum, lambda: any(tmp_path.glob("cells/*/training.safetensors")))
    with pytest.raises(RunInterrupted, match=f"Interrupted by {signum.name}; what was finished"):
        run(long, tmp_path, workers=workers)
    thread.join()
    (log,) = tmp_path.glob("cells/*/training.jsonl")
    epochs = len(log.read_text().splitlines())
    assert 1 <= epochs < EPOCHS
    assert not list(tmp_path.glob("cells/*/failure.json"))
    state = status(tmp_path)
    assert (state.done, state.failed) == (0, ())
    ahead: list[int] = []
    run(long, tmp_path, workers=1, progress=lambda at: ahead.append(at.done))
    assert ahead == [0, 1, 2, 3, 4]
    assert contents(tmp_path) == contents(whole)


@pytest.mark.usefixtures("quick_workers")
def test_a_worker_that_was_signalled_alone_gets_its_cell_again(
    tmp_path: Path, long: Plan, whole: Path
) -> None:
    train = cells_of(long)[0]
    pool = Pool(tmp_path, workers=1)
    pool.submit(train)

    def signal_it() -> None:
        end = time.monotonic() + 120
        while not (tmp_path / train.id / "training.safetensors").exists():
            assert time.monotonic() < end
            time.sleep(0.005)
        os.kill(int(pool._workers[0].process.pid or 0), signal.SIGUSR1)

    thread = threading.Thread(target=signal_it)
    thread.start()
    (done,) = pool.ended()
    thread.join()
    pool.close()
    assert (done.error, done.interrupted) == (None, False)
    assert contents(tmp_path / train.id) == contents(whole / "cells" / train.id)


def test_the_command_ends_with_a_code_of_its_own(tmp_path: Path, server: ForkServerContext) -> None:
    folder, err = tmp_path / "run", tmp_path / "err"
    arguments = ["study", "run", "quick", "--folder", str(folder), "--workers", "1"]
    process = server.Process(target=typed, args=(arguments, tmp_path / "out", err))
    process.start()
    wait_for(lambda: any(folder.glob("cells/*/training.safetensors")) or not process.is_alive())
    process.terminate()
    process.join(120)
    told = err.read_text()
    assert process.exitcode == 75, told
    assert "Interrupted by SIGTERM; what was finished is intact" in told
    assert "Traceback" not in told
