"""Studies, trainings and audits that are killed at random moments, and what they end with."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

from slow.reliability.readers import contents
from slow.reliability.subjects import AUDIT, TRAIN, call

__all__ = ["Broken", "broken_off", "killed"]

# What may differ between an unbroken run and one that was killed.
_TIMES = ("training.wall.jsonl", "model.card.json", "model.card.md", "progress.json")


@dataclass(frozen=True)
class Broken:
    """One piece of work that was killed until it was done.

    Args:
        what: ``"study"``, ``"study, 2 workers"``, ``"train"`` or ``"audit"``.
        kills: How often.
        same: Whether it ended with the bytes of an unbroken one.
        orphans: Processes that outlived it.
        left: Temporary files at the end.
    """

    what: str
    kills: int
    same: bool
    orphans: int
    left: int

    def record(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def _works(base: Path) -> dict[str, Callable[[Path], tuple[object, ...]]]:
    """Command lines by name."""
    study = ("study", "run", base / "plan.toml", "--workers")
    return {
        "study": lambda folder: (*study, "1", "--folder", folder),
        "study, 2 workers": lambda folder: (*study, "2", "--folder", folder),
        "train": lambda folder: (*TRAIN, "--folder", folder),
        "audit": lambda folder: (
            "audit", base / "done" / "model.safetensors", *AUDIT, "--folder", folder
        ),
    }  # fmt: skip


def broken_off(base: Path, scratch: Path, seed: int, kills: dict[str, int]) -> Iterator[Broken]:
    """Kill each kind of work at least so often, and finish it.

    Args:
        base: What ``build`` made.
        scratch: Where to work.
        seed: Of the moments.
        kills: How often each kind is killed.
    """
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    for what, line in _works(base).items():
        random = Random(f"{seed}/{what}")
        whole = scratch / "whole"
        call(*line(whole))  # here, so that forks need not import
        shutil.rmtree(whole)
        begun = time.perf_counter()
        _finished(line(whole))
        length = time.perf_counter() - begun
        right, left = contents(whole, *_TIMES), kills.get(what, 0)
        while left > 0:
            found = killed(what, line, scratch / "broken", random, length, right)
            left -= found.kills
            yield found
            shutil.rmtree(scratch / "broken")
        shutil.rmtree(whole)


def killed(
    what: str,
    line: Callable[[Path], tuple[object, ...]],
    folder: Path,
    random: Random,
    length: float,
    right: str,
) -> Broken:
    """Kill one piece of work again and again, a moment later each time, until it is done."""
    kills = orphans = 0
    for turn in range(12):
        pid = _started(line(folder))
        time.sleep(random.uniform(0, length) * (0.15 + 0.1 * turn))
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            if status:
                return Broken(what, kills, False, orphans, _strays(folder))
            break
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        kills += 1
        orphans += _outlived(pid)
    same = _finished(line(folder)) == 0 and contents(folder, *_TIMES) == right
    return Broken(what, kills, same, orphans, _strays(folder))


def _started(words: tuple[object, ...]) -> int:
    """A command in a fork that leads a session of its own."""
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(nowhere, number)
        code = call(*words)[0]
    finally:
        sys.stdout.flush()
        os._exit(code)


def _finished(words: tuple[object, ...]) -> int:
    """A command run to its end; its exit code."""
    return os.waitstatus_to_exitcode(os.waitpid(_started(words), 0)[1])


def _outlived(session: int, patience: float = 15.0) -> int:
    """How many processes of a session outlive its leader by so many seconds."""
    end = time.monotonic() + patience
    while (found := _of_session(session)) and time.monotonic() < end:
        time.sleep(0.02)
    for pid in found:
        os.kill(pid, signal.SIGKILL)
    return len(found)


def _of_session(session: int) -> list[int]:
    """Living processes of a session, as Linux tells them."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(int(entry.name))
    return found


def _strays(folder: Path) -> int:
    """Temporary files that are still there."""
    kept = (".lock", ".writer", ".lease")
    return sum(
        path.name.startswith(".") and path.name not in kept
        for path in folder.rglob("*")
        if path.is_file()
    )
