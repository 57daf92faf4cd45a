"""What a run leaves on disk: the folder of a run, and in it one folder per cell.

A cell's record is written last, arrays before it, and the wall time beside them.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikeproof.base import (
    FileProblem,
    digest,
    digest_file,
    read_json,
    write_arrays,
    write_atomic,
    write_json,
)
from spikeproof.study.cells import HOLDERS, Cell
from spikeproof.study.fingerprint import versions
from spikeproof.study.plan import Plan

__all__ = ["CellFolder", "RunFolder"]

_RECORD = "record.json"
_WALL = "wall.json"
_FAILURE = "failure.json"
_ARRAYS = ("items.npz", "gallery.npz", "adversarials.npz")
_SCHEMA = 1  # of a record, and of plan.json
_FINGERPRINT = 2  # rule by which cells are hashed; 1, which plan.json did not say, took all code
# A cell's files, generously; asked for before anything is computed.
_BYTES_PER_CELL = 2_000_000

Arrays = Mapping[str, np.ndarray[Any, Any]]


@dataclass(frozen=True)
class CellFolder:
    """The folder of one cell. It is complete once ``record.json`` is there, which comes last.

    Args:
        path: ``run/cells/<id>``.
    """

    path: Path

    @property
    def complete(self) -> bool:
        """Whether the record is there; ``read`` says whether it is whole."""
        return (self.path / _RECORD).is_file()

    def write(self, record: Mapping[str, Any], arrays: Mapping[str, Arrays], wall: Any) -> None:
        """Write array files, wall time and then the record, each atomically.

        Args:
            record: What ``record.json`` holds, without ``schema`` and ``files``; those are added.
            arrays: File name → named arrays.
            wall: What ``wall.json`` holds, the only thing that may differ between runs.
        """
        for name, named in arrays.items():
            write_arrays(self.path / name, named)
        names = [*arrays, *(["model.safetensors"] if record["cell"]["kind"] in HOLDERS else [])]
        files = {name: digest_file(self.path / name) for name in sorted(names)}
        write_json(self.path / _WALL, wall)
        write_json(self.path / _RECORD, {"schema": _SCHEMA, "files": files, **record})
        (self.path / _FAILURE).unlink(missing_ok=True)

    def read(self) -> dict[str, Any]:
        """Return the record after checking every file that it names against its hash.

        Raises:
            FileProblem: a file is missing, truncated or changed; it is named.
        """
        path = self.path / _RECORD
        record = read_json(path, "record")
        if not isinstance(record, dict) or record.get("schema") != _SCHEMA:
            raise FileProblem(
                f"{path} is not a record of schema {_SCHEMA}; delete {self.path} and run again."
            )
        missing = {"id", "cell", "inputs", "versions", "result", "files"} - record.keys()
        if missing or record["id"] != self.path.name:
            what = f"lacks {', '.join(sorted(missing))}" if missing else "belongs to another cell"
            raise FileProblem(f"{path} {what}; delete {self.path} and run again.")
        for name, wanted in record["files"].items():
            if digest_file(self.path / name) != wanted:
                raise FileProblem(
                    f"{self.path / name} was changed after it was written; delete {self.path} "
                    "and run again."
                )
        return record

    def take(self, other: CellFolder) -> None:
        """Copy a complete cell here, each file atomically and its record last.

        Raises:
            FileProblem: a file of the other one is missing, truncated or changed, or one here
                cannot be written.
        """
        for name in [*other.read()["files"], _WALL, _RECORD]:
            path = other.path / name
            if name != _WALL or path.is_file():
                write_atomic(self.path / name, path.read_bytes())
        self.read()

    def network(self) -> dict[str, Any]:
        """Record of the network that a complete cell holds.

        Raises:
            FileProblem: the cell is not complete, or holds none.
        """
        path = self.path / _RECORD
        try:
            return dict(read_json(path, "record")["cell"]["model"])
        except (KeyError, TypeError):
            raise FileProblem(f"{path} is not the record of a network; run again.") from None

    def seconds(self) -> float:
        """Wall time that the cell took; 0 where it is not known."""
        try:
            return float(read_json(self.path / _WALL)["seconds"])
        except (FileProblem, KeyError, TypeError, ValueError):
            return 0.0

    def note_failure(self, error: str, trace: str) -> None:
        """Leave word of a failure, for ``status``; a later success removes it."""
        write_json(self.path / _FAILURE, {"error": error, "trace": trace})

    def forget_failure(self) -> None:
        """Remove word of a failure, as the cell is tried again."""
        (self.path / _FAILURE).unlink(missing_ok=True)

    def failure(self) -> str | None:
        """The sentence of the last failure, None where there was none since the last success."""
        if self.complete or not (self.path / _FAILURE).is_file():
            return None
        try:
            return str(read_json(self.path / _FAILURE)["error"])
        except (FileProblem, KeyError, TypeError) as problem:
            return f"unknown ({problem})"

    def reset(self) -> None:
        """Remove the record and the files it names, so that the cell is computed again."""
        for name in (_RECORD, _WALL, _FAILURE, *_ARRAYS, "model.safetensors"):
            (self.path / name).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove temporary files that a killed writer left behind."""
        for stray in self.path.glob(".*"):
            stray.unlink(missing_ok=True)


class RunFolder:
    """The folder of one run.

    ``plan.json`` holds the plan, its hash and the list of cells; ``cells/<id>`` one cell each.
    Cells of an earlier plan or of other code are moved to ``stale/``, never mixed in and never
    deleted; they come back when a plan asks for them again.

    Args:
        path: The folder; need not exist.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.cells = self.path / "cells"
        self.stale = self.path / "stale"

    def cell(self, cell: Cell) -> CellFolder:
        """The folder of a cell."""
        return CellFolder(self.cells / cell.id)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder for one run; the system lets go when the process ends, however it ends.

        Raises:
            FileProblem: another process holds it, or the folder cannot be written.
        """
        self._probe(0)
        with (self.path / ".lock").open("a+", encoding="utf-8") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                stream.seek(0)
                holder = stream.read().strip() or "unknown"
                raise FileProblem(
                    f"Process {holder} is already running the study in {self.path}; wait for it, "
                    "or choose another folder."
                ) from None
            stream.truncate(0)
            stream.write(str(os.getpid()))
            stream.flush()
            yield

    def prepare(self, plan: Plan, cells: Sequence[Cell]) -> int:
        """Make the folder ready for these cells: room, strays, stale cells, the plan.

        Returns:
            How many cells were set aside.
        Raises:
            FileProblem: the folder cannot be written or has too little room.
        """
        self._probe(len(cells) * _BYTES_PER_CELL)
        for stray in self.path.glob(".plan.json.*"):
            stray.unlink(missing_ok=True)
        wanted = {cell.id for cell in cells}
        aside = self._move(self.cells, self.stale, lambda name: name not in wanted)
        self._move(self.stale, self.cells, lambda name: name in wanted)
        for cell in cells:
            self.cell(cell).sweep()
        write_json(self.path / "plan.json", _plan_record(plan, cells))
        return aside

    @property
    def outdated(self) -> bool:
        """Whether the cells were hashed by an earlier rule, so that ``run`` computes them again."""
        return bool(read_json(self.path / "plan.json", "run").get("fingerprint") != _FINGERPRINT)

    def planned(self) -> tuple[Plan, list[Cell]]:
        """Return the plan and its cells as ``plan.json`` names them.

        Raises:
            FileProblem: there is no run here, or its plan was changed or is not whole.
        """
        path = self.path / "plan.json"
        record = read_json(path, "run")
        try:
            if record["schema"] != _SCHEMA:
                raise FileProblem(f"{path} has schema {record['schema']}; this version reads 1.")
            plan = Plan.from_record(record["plan"], str(path))
            cells = [Cell.from_record(entry) for entry in record["cells"]]
        except (KeyError, TypeError) as problem:
            raise FileProblem(f"{path} is not the plan of a run ({problem}).") from None
        # Of the plan as it was written: a later version may give plans more settings.
        if record.get("sha256") != digest(record["plan"]):
            raise FileProblem(f"{path} was changed by hand; run the plan again to rebuild it.")
        return plan, cells

    def done(self, cells: Sequence[Cell]) -> set[str]:
        """Return ids of complete cells; a damaged one is reported and will be computed again."""
        done = set()
        for cell in cells:
            folder = self.cell(cell)
            if not folder.complete:
                continue
            try:
                folder.read()
            except FileProblem as problem:
                warnings.warn(f"{cell.title} is computed again: {problem}", stacklevel=2)
                folder.reset()
            else:
                done.add(cell.id)
        return done

    def _probe(self, needed: int) -> None:
        """Raise unless the folder takes a file and has room."""
        write_atomic(self.path / ".probe", bytes(4096))
        (self.path / ".probe").unlink(missing_ok=True)
        free = shutil.disk_usage(self.path).free
        if free < needed:
            raise FileProblem(
                f"Cannot run in {self.path}: the study needs about {needed / 1e6:.0f} MB and "
                f"{free / 1e6:.0f} MB are free. Free some space or choose another folder."
            )

    def _move(self, source: Path, goal: Path, which: Callable[[str], bool]) -> int:
        """Move the cell folders whose name is asked for, and say how many."""
        moved = 0
        for folder in sorted(source.iterdir()) if source.is_dir() else ():
            if folder.is_dir() and which(folder.name) and not (goal / folder.name).exists():
                goal.mkdir(parents=True, exist_ok=True)
                folder.rename(goal / folder.name)
                moved += 1
        return moved


def _plan_record(plan: Plan, cells: Sequence[Cell]) -> dict[str, Any]:
    """What ``plan.json`` holds."""
    return {
        "schema": _SCHEMA,
        "plan": plan.record(),
        "sha256": plan.sha256,
        "fingerprint": _FINGERPRINT,
        "versions": versions(),
        "cells": [cell.record() for cell in cells],
    }
