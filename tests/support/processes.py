"""Processes of tests: waiting for what they do, finding their children, ending them."""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

from spikeproof.cli.main import main


def into(out: Path, err: Path) -> None:
    """Send standard output and error of this process to files."""
    for number, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)


def scripted(script: str, folder: Path, out: Path, err: Path) -> None:
    """A script of ``support`` on a folder, in this process: its output goes to files."""
    into(out, err)
    importlib.import_module(f"support.{script}").main(folder)


def typed(arguments: Sequence[str], out: Path, err: Path, more: Sequence[str] = ()) -> None:
    """A command line, as if typed in this process: its output goes to files.

    Args:
        arguments: What follows ``spikeproof``.
        out: Standard output.
        err: Standard error.
        more: Folders in which packages are found too.
    """
    into(out, err)
    # Whoever runs the tests in the background has Ctrl-C ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.path[:0] = more
    os.environ["PYTHONPATH"] = os.pathsep.join([*more, os.environ.get("PYTHONPATH", "")])
    sys.argv = ["spikeproof", *arguments]
    main()


def killed(process: BaseProcess) -> None:
    """kill -9, and wait until it is gone."""
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join(20)
    assert process.exitcode is not None


def killed_at_random(
    start: Callable[[], BaseProcess], folder: Path, moment: Callable[[], float], most: int
) -> list[int]:
    """Begin a run and kill it, again and again, until it ends by itself.

    Args:
        start: Begins the run, or goes on with it.
        folder: Its folder.
        moment: How many seconds it has until it is killed.
        most: How often it is killed at most; once at least.
    Returns:
        The cells that were complete at each kill.
    """
    done: list[int] = []
    pace = 1.0
    while len(done) < most:
        process = start()
        process.join(pace * moment())
        if process.exitcode is None:
            killed(process)
            done.append(len(list(folder.glob("cells/*/record.json"))))
            continue
        assert process.exitcode == 0
        if done:
            break
        shutil.rmtree(folder)  # the machine is quicker now: again from the start, and sooner
        pace /= 2
    return done


def wait_for(happens: object, seconds: float = 240) -> None:
    """Wait until something has happened."""
    end = time.monotonic() + seconds
    while not happens():  # type: ignore[operator]
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.01)


def children(pid: int) -> Iterator[int]:
    """Processes whose parent is ``pid``."""
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                fields = (place / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[1]) == pid and fields[0] != "Z":
                yield int(place.name)


def alive(pid: int) -> bool:
    """Whether a process is there and not merely waiting to be collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
