"""How many items fit into memory at a time, and what happens where they did not."""

from __future__ import annotations

import gc
import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from spikeproof.base.checks import check_at_least
from spikeproof.base.errors import OutOfMemory

__all__ = ["MOST_ROWS", "BatchSize", "available_bytes", "out_of_memory"]

T = TypeVar("T")

MOST_ROWS = 256
"""The largest batch that is chosen without being asked for: more gains no time on a CPU."""

_SIGNS = ("not enough memory", "can't allocate memory", "out of memory", "Cannot allocate memory")


class BatchSize:
    """How many rows go through a network at a time; halved where memory runs out.

    A row is an item, or one restart of an item. One object is shared by everything that looks at
    the same network, so what one of them has learnt of the memory the others know.

    Args:
        rows: At most so many, at least 1.
    Raises:
        SettingError: less than one row.
    Example:
        >>> size = BatchSize(2)
        >>> [part.tolist() for part, _ in size.each(torch.arange(5), lambda part: None)]
        [[0, 1], [2, 3], [4]]
        >>> [part.tolist() for part, _ in size.each(torch.arange(3), lambda part: None, copies=2)]
        [[0], [1], [2]]
    """

    def __init__(self, rows: int) -> None:
        self.rows = check_at_least(1, rows, "batch size")

    def __repr__(self) -> str:
        return f"BatchSize({self.rows})"

    def each(
        self, idx: Tensor, work: Callable[[Tensor], T], *, copies: int = 1
    ) -> Iterator[tuple[Tensor, T]]:
        """Do the work a batch at a time; a batch that did not fit is halved and done again.

        Args:
            idx: Positions of the items, ``(N,)``.
            work: Does it for some of them; does nothing that must not be done twice.
            copies: Rows that each item makes.
        Returns:
            Every batch, and what the work returned for it.
        Raises:
            OutOfMemory: not even one row fits.
        """
        done = 0
        while done < len(idx):
            part = idx[done : done + max(1, self.rows // copies)]
            short = None
            try:
                result = work(part)
            except Exception as problem:
                if not out_of_memory(problem):
                    raise
                # Only the sentence: the exception holds on to the tensors of the failed attempt.
                short = str(problem) or type(problem).__name__
            if short is not None:
                self.halve(len(part) * min(copies, self.rows), short)
                continue
            yield part, result
            done += len(part)

    def halve(self, tried: int, why: str) -> None:
        """Take half of the rows that were tried from now on; raise OutOfMemory if it was one."""
        if tried <= 1:
            raise OutOfMemory(
                f"Out of memory with one item at a time: {why.splitlines()[0]}. Use a smaller "
                "model, fewer time steps, or a machine or device with more memory."
            )
        self.rows = max(1, tried // 2)
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def out_of_memory(problem: BaseException) -> bool:
    """Whether an error says that memory ran out.

    Example:
        >>> out_of_memory(MemoryError()), out_of_memory(RuntimeError("shapes differ"))
        (True, False)
    """
    if isinstance(problem, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(problem, RuntimeError) and any(sign in str(problem) for sign in _SIGNS)


def available_bytes(device: torch.device) -> int | None:
    """Memory that a device could still give to this process, bytes; None where nobody says.

    On Linux the least of what the system, the control groups of the process and its own limit
    leave. On CUDA what is free, with what torch holds unused.
    """
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(free) + int(unused)
    if device.type != "cpu":
        return None
    known = [room for room in (_system(), _own_limit(), *_groups()) if room is not None]
    return max(0, min(known)) if known else None


def _system() -> int | None:
    """What the whole machine has left."""
    for line in _lines(Path("/proc/meminfo")):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return None


def _own_limit() -> int | None:
    """What the limit of the process on its addresses leaves (``ulimit -v``)."""
    most = resource.getrlimit(resource.RLIMIT_AS)[0]
    pages = "".join(_lines(Path("/proc/self/statm"))).split()
    if most == resource.RLIM_INFINITY or not pages:
        return None
    return most - int(pages[0]) * resource.getpagesize()


def _groups(
    root: Path = Path("/sys/fs/cgroup"), process: Path = Path("/proc/self/cgroup")
) -> list[int]:
    """What the control groups of the process leave, of either version, the inner ones first."""
    rooms = []
    for line in _lines(process):
        _, kinds, path = line.strip().split(":", 2)
        if kinds == "":
            base, most, used, cache = root, "memory.max", "memory.current", "inactive_file"
        elif "memory" in kinds.split(","):
            base, most, used = root / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
            cache = "total_inactive_file"
        else:
            continue
        here = base / path.strip("/")
        for folder in (here, *here.parents):
            limit, usage = _number(folder / most), _number(folder / used)
            if limit is not None and usage is not None:
                rooms.append(limit - usage + _entry(folder / "memory.stat", cache))
            if folder == base:
                break
    return rooms


def _number(path: Path) -> int | None:
    """The number in a file; None for no such file, and for "max"."""
    text = "".join(_lines(path)).strip()
    return int(text) if text.isdigit() else None


def _entry(path: Path, name: str) -> int:
    """The number behind a name in a file of such lines; 0 where it does not stand there."""
    found = (line.split() for line in _lines(path) if line.startswith(f"{name} "))
    return next((int(words[1]) for words in found), 0)


def _lines(path: Path) -> list[str]:
    """The lines of a file; none where it cannot be read."""
    try:
        return path.read_text().splitlines()
    except (OSError, ValueError):
        return []
