"""Disks that fill up, links and pipes in the place of folders: nothing lost, nothing clobbered."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from slow.reliability.readers import contents
from slow.reliability.subjects import AUDIT, TRAIN, call

__all__ = ["Trial", "trials"]

_TIMES = ("training.wall.jsonl", "model.card.json", "model.card.md", "progress.json")
_SIZES = (0, 300, 1000, 2000, 3000, 5000, 8000, 12_000, 30_000)


@dataclass(frozen=True)
class Trial:
    """One attempt.

    Args:
        what: What was tried.
        fault: What was wrong; empty where nothing was.
        told: What the user saw.
    """

    what: str
    fault: str
    told: str

    def record(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def trials(base: Path, scratch: Path) -> Iterator[Trial]:
    """Every trial in turn."""
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    for name, line in _writers(base).items():
        whole = scratch / "whole"
        call(*line(whole))  # here, so that forks need not import
        right = contents(whole, *_TIMES)
        for size in _SIZES:
            yield _full(
                f"{name}, files of at most {size} bytes", line, scratch / "full", size, right
            )
        yield from _small_disk(name, line, scratch / "disk", right)
        shutil.rmtree(whole)
    yield from _links(base, scratch)


def _writers(base: Path) -> dict[str, Callable[[Path], tuple[object, ...]]]:
    model = base / "done" / "model.safetensors"
    return {
        "study run": lambda f: (
            "study",
            "run",
            base / "plan.toml",
            "--folder",
            f,
            "--workers",
            "1",
        ),
        "train": lambda f: (*TRAIN, "--folder", f),
        "audit": lambda f: ("audit", model, *AUDIT, "--folder", f),
        "extract": lambda f: ("study", "extract", base / "run", "--to", f / "x.json"),
        "report": lambda f: ("report", base / "run", "--to", f / "x.html"),
    }


def _forked(work: Callable[[], tuple[int, str, str]], size: int | None = None) -> tuple[int, str]:
    """What a command says in a fork whose files may have so many bytes: exit code and words."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        code, told = 70, ""
        try:
            if size is not None:
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
            code, _, told = work()
        except BaseException as problem:
            code, told = 71, f"{type(problem).__name__}: {problem}"
        finally:
            os.write(writer, ascii(told[-400:]).encode())
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader) as stream:
        told = stream.read()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), told


def _judged(what: str, code: int, told: str) -> str:
    """What is wrong with an answer where the disk was full."""
    if code not in (0, 1) or "Traceback" in told:
        return f"exit {code}"
    return ""


def _full(
    what: str, line: Callable[[Path], tuple[object, ...]], folder: Path, size: int, right: str
) -> Trial:
    """No file may be larger than so many bytes; afterwards it may, and the work is finished."""
    code, told = _forked(lambda: call(*line(folder)), size)
    fault = _judged(what, code, told)
    strays = [p for p in folder.rglob(".*") if p.is_file() and p.name not in (".lock", ".lease")]
    again, after = _forked(lambda: call(*line(folder)))
    if not fault and again:
        fault = f"not finished afterwards: {after}"
    if not fault and contents(folder, *_TIMES) != right:
        fault = "other bytes afterwards"
    if not fault and strays:
        fault = f"left behind: {strays[0].name}"
    shutil.rmtree(folder, ignore_errors=True)
    return Trial(what, fault, told)


def _small_disk(
    name: str, line: Callable[[Path], tuple[object, ...]], folder: Path, right: str
) -> Iterator[Trial]:
    """A disk of its own with little room, where one may be mounted."""
    for size in (16, 48):
        folder.mkdir(exist_ok=True)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(folder)]
        if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
            return
        try:
            code, told = _forked(lambda: call(*line(folder / "x")))
            fault = _judged(name, code, told)
            if not fault and code == 0 and contents(folder / "x", *_TIMES) != right:
                fault = "says that all is well"
            bigger = ["mount", "-o", "remount,size=64m", str(folder)]
            subprocess.run(bigger, capture_output=True, check=True)
            again, after = _forked(lambda: call(*line(folder / "x")))
            if not fault and (again or contents(folder / "x", *_TIMES) != right):
                fault = f"not finished afterwards: {after}"
            yield Trial(f"{name}, a disk of {size} kB", fault, told)
        finally:
            subprocess.run(["umount", str(folder)], capture_output=True, check=True)


def _links(base: Path, scratch: Path) -> Iterator[Trial]:
    """A link in the place of what is written: its target keeps its bytes."""
    names = {
        "study run": ("plan.json", ".lock", "cells", "report.html", ".probe"),
        "train": ("training.jsonl", "training.wall.jsonl", "training.safetensors", ".lock",
                  "model.safetensors", "model.card.json"),
        "audit": ("plan.json", ".lock", "cells"),
    }  # fmt: skip
    for name, files in names.items():
        line = _writers(base)[name]
        for file in files:
            folder, target = scratch / "linked", scratch / "target"
            folder.mkdir()
            target.write_text("precious")
            (folder / file).symlink_to(target)
            code, told = _forked(lambda line=line, folder=folder: call(*line(folder)))  # type: ignore[misc]
            fault = _judged(name, code, told)
            if target.read_text() != "precious":
                fault = "the target of a link was written to"
            yield Trial(f"{name}, {file} is a link", fault, told)
            shutil.rmtree(folder)
            folder.mkdir()
            os.mkfifo(folder / file)
            code, told = _forked(lambda line=line, folder=folder: _alarmed(line(folder)))  # type: ignore[misc]
            yield Trial(f"{name}, {file} is a pipe", _judged(name, code, told), told)
            shutil.rmtree(folder)


def _alarmed(words: tuple[object, ...]) -> tuple[int, str, str]:
    """A command that has ten seconds, plenty of them."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(20)
    return call(*words)
