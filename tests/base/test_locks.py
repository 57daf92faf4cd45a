"""Leases: one at a time, on one machine and many, with flock and without."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from spikeproof.base import FileProblem, Lease, locks, working_below

PROGRAM = """
import sys, time
from spikeproof.base import Lease, locks
if sys.argv[2] == "without":
    def none(*_):
        raise OSError(95, "not supported")
    locks.fcntl.flock = none
with Lease(sys.argv[1], "training"):
    print("held", flush=True)
    time.sleep(60)
"""


@contextmanager
def holder(folder: Path, how: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the folder."""
    command = [sys.executable, "-c", PROGRAM, str(folder), how]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()


@pytest.fixture(params=["with", "without"])
def flock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whether the system has locks."""
    if request.param == "without":

        def none(*_: object) -> None:
            raise OSError(errno.EOPNOTSUPP, "not supported")

        monkeypatch.setattr(fcntl, "flock", none)
    return str(request.param)


def test_a_second_process_is_refused_by_name_and_a_dead_one_holds_nothing(
    tmp_path: Path, flock: str
) -> None:
    with holder(tmp_path, flock) as process:
        sentence = f"Process {process.pid} on .* is already training in {tmp_path}; wait for it"
        with pytest.raises(FileProblem, match=sentence), Lease(tmp_path, "training"):
            pytest.fail("held twice")
    assert (tmp_path / ".lock").exists(), "killed"
    with Lease(tmp_path, "training"):
        pass
    assert not list(tmp_path.iterdir()), "a lease leaves nothing"


def test_another_thread_is_refused_and_what_lies_below_is_covered(
    tmp_path: Path, flock: str
) -> None:
    told = []

    def attempt() -> None:
        try:
            with Lease(tmp_path, "training"):
                told.append("held twice")
        except FileProblem as problem:
            told.append(str(problem))

    with Lease(tmp_path, "training"), Lease(tmp_path / "cells" / "a", "training"):
        assert not (tmp_path / "cells").exists(), "no file of its own"
        thread = threading.Thread(target=attempt)
        thread.start()
        thread.join()
    assert "is already training" in told[0]
    with working_below(tmp_path), Lease(tmp_path, "training"):
        assert not list(tmp_path.iterdir())


def written(folder: Path, **changes: object) -> None:
    """The lease of a process of another machine."""
    content = {"host": "elsewhere", "pid": 7, "born": "1", "token": "t", "stale": 100, **changes}
    (folder / ".lock").write_text(json.dumps(content))


def test_another_machine_holds_it_until_its_lease_is_stale(tmp_path: Path, flock: str) -> None:
    written(tmp_path)
    with pytest.raises(FileProblem, match="Process 7 on elsewhere"), Lease(tmp_path, "training"):
        pytest.fail("held twice")
    old = time.time() - 101
    os.utime(tmp_path / ".lock", (old, old))
    with Lease(tmp_path, "training"):
        assert json.loads((tmp_path / ".lock").read_text())["pid"] == os.getpid()
    written(tmp_path)
    late = time.time() + 1e6  # its clock, or ours, went wrong: not stale
    os.utime(tmp_path / ".lock", (late, late))
    with pytest.raises(FileProblem, match="Process 7"), Lease(tmp_path, "training"):
        pytest.fail("held twice")


def test_a_number_that_another_process_has_now_is_not_the_holder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(fcntl, "flock", none)
    written(tmp_path, host=locks._host(), pid=os.getpid(), born="long ago")
    with Lease(tmp_path, "training"):
        pass
    written(tmp_path, host=locks._host(), pid=os.getpid(), born=locks._born(os.getpid()))
    with pytest.raises(FileProblem, match=str(os.getpid())), Lease(tmp_path, "training"):
        pytest.fail("held twice")


@pytest.mark.parametrize(
    "content", ["", "999999", "junk", "[1]", "null", '{"host": 5}', "9" * 5000]
)
def test_a_file_of_an_earlier_version_or_of_no_meaning_holds_nothing(
    tmp_path: Path, content: str
) -> None:
    (tmp_path / ".lock").write_text(content)
    with Lease(tmp_path, "training"):
        pass


def test_a_lock_that_is_a_link_or_a_pipe_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("precious")
    (tmp_path / ".lock").symlink_to(tmp_path / "target")
    with pytest.raises(FileProblem, match="it is a link"), Lease(tmp_path, "training"):
        pytest.fail("held")
    assert (tmp_path / "target").read_text() == "precious"


def test_the_holder_shows_that_it_is_alive(tmp_path: Path) -> None:
    with Lease(tmp_path, "training", beat=0.05) as lease:
        os.utime(lease.path, (0, 0))
        deadline = time.monotonic() + 10
        while lease.path.stat().st_mtime == 0:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        lease.check()


@pytest.mark.parametrize("how", ["renamed", "removed", "replaced"])
def test_a_folder_that_goes_away_is_noticed(tmp_path: Path, how: str) -> None:
    folder = tmp_path / "run"
    with Lease(folder, "training") as lease:
        folder.rename(tmp_path / "away")
        if how == "replaced":
            folder.mkdir()
        with pytest.raises(FileProblem, match="renamed or removed"):
            lease.check()


def test_a_lease_that_was_taken_over_is_noticed(tmp_path: Path) -> None:
    with Lease(tmp_path, "training") as lease:
        written(tmp_path)
        with pytest.raises(FileProblem, match="took over"):
            lease.check()
    assert json.loads((tmp_path / ".lock").read_text())["pid"] == 7, "left to its holder"


def test_temporary_files_of_killed_writers_are_swept(tmp_path: Path) -> None:
    (tmp_path / ".record.json.99.01234567").write_text("half")
    with Lease(tmp_path, "training"):
        assert [path.name for path in tmp_path.iterdir()] == [".lock"]
