"""A process that damages, reads and judges, with a limit of time and memory for every case."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import io
import multiprocessing
import os
import resource
import shutil
import signal
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any

from slow.reliability.places import gone
from slow.reliability.readers import Untidy, printable, read
from slow.reliability.subjects import KINDS, Tree, choices, damage, files, readers
from spikeproof.base import SpikeproofError

__all__ = ["LIMIT", "MEMORY", "Case", "Finding", "cases", "judged"]

LIMIT = 10.0  # seconds of the processor that a reader may take; other work does not count
WAIT = 60.0  # seconds until a reader that only waits is given up
MEMORY = 1 << 30  # bytes that a reader may take beside what the process holds


class TooLong(BaseException):
    """The alarm rang."""


@dataclass(frozen=True)
class Case:
    """One damage and what reads it.

    Args:
        number: Its draws follow from it.
        kind: Of file.
        damage: What is done to it.
        reader: What reads it.
    """

    number: int
    kind: str
    damage: str
    reader: str


@dataclass(frozen=True)
class Finding:
    """How a case ended.

    Args:
        case: The case.
        outcome: ``"refused"``, ``"equal"``, ``"missing"`` (answers as if the run had not come so
            far), ``"free"`` (what the file says does not count), or a fault: ``"foreign"``,
            ``"accepted"``, ``"untidy"``, ``"slow"``, ``"memory"``, ``"died"``, ``"hung"``.
        detail: What it said.
        seconds: How long it took.
    """

    case: Case
    outcome: str
    detail: str
    seconds: float

    def record(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self.case), "outcome": self.outcome, "detail": self.detail,
                "seconds": round(self.seconds, 2)}  # fmt: skip


# Readers that may answer as if a run were still at work, and what they read.
_RUNS = {
    **dict.fromkeys(("status", "results", "extract", "compare", "report", "verify"), "run"),
    **dict.fromkeys(("audit", "audit status", "audit report", "verify audit"), "audit"),
}
_ENDS = ("died", "hung")
FAULTS = ("foreign", "accepted", "untidy", "slow", "memory", *_ENDS)


def cases(count: int, seed: int, base: Path) -> list[Case]:
    """The cases of a seed, the same on every machine."""
    there = [name for name in KINDS if files(base, name)]
    turns = [name for name in there for _ in range(KINDS[name].share)]
    made = []
    for number in range(count):
        random = Random(f"{seed}/{number}/case")
        kind = turns[number % len(turns)]
        asked = KINDS[kind]
        made.append(
            Case(number, kind, choices(asked.damages, random), choices(readers(kind), random))
        )
    return made


def judged(todo: list[Case], seed: int, pure: Path, scratch: Path) -> Iterator[Finding]:
    """Judge every case in a process of its own kind, begun again where one hangs or dies."""
    # Spawned: a fork of a process that has trained cannot train (autograd's threads are gone).
    context = multiprocessing.get_context("spawn")
    left = list(todo)
    while left:
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, left, seed, pure, scratch))
        process.start()
        theirs.close()
        try:
            while left:
                found = _next(ours, left[0])
                if found is None:  # it has grown, and asks to be begun again
                    break
                left.pop(0)
                yield found
                if found.outcome in _ENDS:
                    break
        finally:
            process.kill()
            process.join()


def _next(pipe: Connection, case: Case) -> Finding | None:
    """What the worker says of a case, or what its silence means."""
    if not pipe.poll(3 * WAIT):
        return Finding(case, "hung", "had to be killed", WAIT)
    try:
        found = pipe.recv()
    except EOFError:
        return Finding(case, "died", "the process died", 0.0)
    if isinstance(found, Exception):
        raise found
    assert found is None or isinstance(found, Finding)
    return found


def _work(pipe: Connection, todo: list[Case], seed: int, pure: Path, scratch: Path) -> None:
    """In the worker: judge cases and tell how each ended."""
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.copytree(pure, scratch / "work")
    (scratch / "out").mkdir()
    sys.stdin = io.StringIO()
    os.chdir(scratch / "out")
    warnings.simplefilter("ignore")
    bench = _Bench(Tree(scratch / "work"), pure, seed)
    _ordinary_user()
    signal.signal(signal.SIGALRM, _ring)
    signal.signal(signal.SIGPROF, _ring)
    gc.freeze()  # what is there now stays; collecting after every case then costs nothing
    begun = _held()
    for case in todo:
        try:
            pipe.send(bench.judge(case))
        except RuntimeError as problem:  # of the probe itself
            pipe.send(problem)
        gc.collect()  # tracebacks hold what a reader had in its hands
        if _held() > begun + MEMORY // 2:
            pipe.send(None)
            return
    pipe.close()


def _ring(*_: object) -> None:
    raise TooLong


def _ordinary_user() -> None:
    """Give up reading what permissions forbid, where this is the super-user."""
    if os.geteuid() == 0:
        lacking = ~((1 << 1) | (1 << 2))  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        library = ctypes.CDLL(None, use_errno=True)
        header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
        if library.capget(header, data) == 0:
            data[0] &= lacking & 0xFFFFFFFF
            library.capset(header, data)


@dataclass
class _Bench:
    """Where cases are judged: a tree to damage, and the answers that sound files give."""

    tree: Tree
    pure: Path
    seed: int

    def __post_init__(self) -> None:
        self.work = self.tree.root
        self.right: dict[tuple[str, str], str] = {}
        self.missing: dict[str, set[str]] = {}

    def answer(self, reader: str) -> str:
        """What a reader says of sound files; of a run, also with each cell missing."""
        if (reader, "") not in self.right:
            try:
                self.right[reader, ""] = read(reader, self.work, self.pure)
            except Exception as problem:
                raise RuntimeError(f"{reader} does not read sound files: {problem}") from problem
            self.tree.restore()
            self.missing[reader] = set()
            run = _RUNS.get(reader)
            if run is not None:
                cells = sorted((self.work / run / "cells").iterdir())
                for part in (*cells, self.work / run / "manifest.json"):
                    gone(part)
                    with contextlib.suppress(SpikeproofError):
                        self.missing[reader].add(read(reader, self.work, self.pure))
                    self.tree.restore()
        return self.right[reader, ""]

    def judge(self, case: Case) -> Finding:
        """Damage, read, put back."""
        right = self.answer(case.reader)
        random = Random(f"{self.seed}/{case.number}")
        path = choices([str(p) for p in files(self.work, case.kind)], random)
        damage(random, Path(path), case.damage)
        begun = time.process_time()
        try:
            outcome, detail = self._outcome(case, right)
        finally:
            spent = time.process_time() - begun
            self.tree.restore()
        # What is stored names no folder of the machine it was found on.
        return Finding(case, outcome, detail.replace(str(self.work), "WORK"), spent)

    def _outcome(self, case: Case, right: str) -> tuple[str, str]:
        """What came of reading damaged files."""
        _forget_peak()
        before = _peak()
        try:
            with _limits():
                answer = read(case.reader, self.work, self.pure)
        except SpikeproofError as problem:
            told = str(problem)
            tidy = bool(told) and printable(told)  # the command line cuts what is long
            outcome = ("refused" if tidy else "untidy", ascii(told[:300]))
        except Untidy as problem:
            outcome = ("untidy", str(problem))
        except TooLong:
            outcome = ("slow", "")
        except MemoryError as problem:
            outcome = ("memory", ascii(str(problem)[:200]))
        except Exception as problem:
            outcome = ("foreign", ascii(f"{type(problem).__name__}: {problem}"[:300]))
        else:
            same = answer == right
            kind = "equal" if same else "missing" if answer in self.missing[case.reader] else (
                "accepted" if KINDS[case.kind].counts else "free"
            )  # fmt: skip
            outcome = (kind, "")
        return ("memory", f"{_peak() - before} bytes") if _peak() - before > MEMORY else outcome


@contextlib.contextmanager
def _limits() -> Iterator[None]:
    """Time and memory for one reader."""
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY, resource.RLIM_INFINITY))
    signal.setitimer(signal.ITIMER_PROF, LIMIT)
    signal.setitimer(signal.ITIMER_REAL, WAIT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)


def _forget_peak() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak() -> int:
    """The most memory held since it was last forgotten, in bytes."""
    return _memory("VmHWM:")


def _held() -> int:
    """Memory held now, in bytes."""
    return _memory("VmRSS:")


def _memory(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    return 0
