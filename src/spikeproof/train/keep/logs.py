"""Where a run writes down what it does: JSON lines always, other places on request."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import torch

from spikeproof.base import (
    SettingError,
    append_line,
    is_there,
    parse_json,
    read_bytes,
    write_atomic,
)
from spikeproof.train.keep.history import Epoch

__all__ = ["LOG", "WALL", "JsonLines", "Logger", "TensorBoard", "peak_bytes"]

LOG = "training.jsonl"
"""What happened, one line of JSON per epoch; the same bytes for the same run."""

WALL = "training.wall.jsonl"
"""Seconds and peak memory, one line of JSON per epoch; differs from run to run."""


_LONGEST = 1 << 27  # bytes of a log that is read


class Logger(Protocol):
    """What is called after every epoch, e.g. to send its numbers somewhere."""

    def epoch(self, epoch: Epoch, epochs: int) -> None:
        """Take note of an epoch, of so many."""
        ...

    def close(self) -> None:
        """The run is over, whether it finished or failed."""
        ...


class JsonLines:
    """The two logs of a run's folder, made to fit the epochs that a checkpoint holds.

    Args:
        directory: Folder of the run.
        done: Epochs of an earlier call.
        device: Whose memory is watched.
    """

    def __init__(self, directory: Path, done: Sequence[Epoch], device: torch.device) -> None:
        self.log, self.wall = directory / LOG, directory / WALL
        self.device = device
        kept = [line for line in _lines(self.wall) if _number(line.get("epoch")) <= len(done)]
        self.seconds = sum(_number(line.get("seconds")) for line in kept)
        self.peak = max((int(_number(line.get("peak_bytes"))) for line in kept), default=0)
        _begin(self.log, [asdict(epoch) for epoch in done])
        _begin(self.wall, kept)
        self._begun = time.perf_counter()

    def epoch(self, epoch: Epoch, epochs: int) -> None:
        """Append a line to each."""
        now = time.perf_counter()
        spent, self._begun = now - self._begun, now
        self.seconds += spent
        self.peak = max(self.peak, peak_bytes(self.device))
        _add(self.log, asdict(epoch))
        line = {"epoch": epoch.epoch, "seconds": round(spent, 3), "peak_bytes": self.peak}
        _add(self.wall, line)

    def close(self) -> None:
        """Nothing is held open."""


class TensorBoard:
    """Send the numbers of every epoch to TensorBoard.

    Args:
        folder: Folder of the event files.
    Raises:
        SettingError: the package ``tensorboard`` is not installed.
    """

    def __init__(self, folder: Path | str) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise SettingError(
                "TensorBoard is not installed; run `pip install spikeproof[tensorboard]`, or leave "
                "it out: training.jsonl in the run's folder holds the same numbers."
            ) from None
        self._writer: Any = SummaryWriter(str(folder))

    def epoch(self, epoch: Epoch, epochs: int) -> None:
        """One point per number, at the epoch's number."""
        numbers = {**epoch.numbers(), "learning_rate": epoch.learning_rate}
        numbers |= {f"firing/{name}": rate for name, rate in epoch.firing.items()}
        for name, value in numbers.items():
            self._writer.add_scalar(name, value, epoch.epoch)
        for key, sentence in epoch.warnings.items():
            self._writer.add_text(key, sentence, epoch.epoch)
        self._writer.flush()

    def close(self) -> None:
        """Close the event file."""
        self._writer.close()


def peak_bytes(device: torch.device) -> int:
    """The most memory held so far: by tensors on a GPU, or by this process."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _lines(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a log; a killed run may have left half of one."""
    records: list[dict[str, Any]] = []
    if not is_there(path):
        return records
    for text in read_bytes(path, "log", most=_LONGEST).splitlines():
        with suppress(ValueError, RecursionError):
            line = parse_json(text)
            if isinstance(line, dict):
                records.append(line)
    return records


def _number(value: object) -> float:
    """A number of a clock; 0 where it is none."""
    return float(value) if isinstance(value, int | float) else 0.0


def _begin(path: Path, lines: Sequence[dict[str, Any]]) -> None:
    """Write a log anew, atomically, so that a link in its place is replaced, not followed."""
    text = "".join(json.dumps(line, sort_keys=True) + "\n" for line in lines)
    write_atomic(path, text.encode())


def _add(path: Path, line: dict[str, Any]) -> None:
    """Append a line of JSON."""
    append_line(path, json.dumps(line, sort_keys=True))
