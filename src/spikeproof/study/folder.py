"""A run folder: the plan, its cells, what no longer belongs to it, and a lock."""

from __future__ import annotations

import fcntl
import os
import shutil
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spikeproof.base import FileProblem, digest, read_json, write_atomic, write_json
from spikeproof.study.cells import Cell
from spikeproof.study.fingerprint import code_sha256, versions
from spikeproof.study.plan import Plan
from spikeproof.study.record import CellFolder

__all__ = ["RunFolder"]

_SCHEMA = 1
# A cell's files, generously; asked for before anything is computed.
_BYTES_PER_CELL = 2_000_000


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

    def prepare(self, plan: Plan, cells: Sequence[Cell]) -> None:
        """Make the folder ready for these cells: room, strays, stale cells, the plan.

        Raises:
            FileProblem: the folder cannot be written or has too little room.
        """
        self._probe(len(cells) * _BYTES_PER_CELL)
        for stray in self.path.glob(".plan.json.*"):
            stray.unlink(missing_ok=True)
        wanted = {cell.id for cell in cells}
        self._move(self.cells, self.stale, lambda name: name not in wanted)
        self._move(self.stale, self.cells, lambda name: name in wanted)
        for cell in cells:
            self.cell(cell).sweep()
        write_json(self.path / "plan.json", _plan_record(plan, cells))

    def planned(self) -> tuple[Plan, list[Cell]]:
        """Return the plan and its cells as ``plan.json`` tells them.

        Raises:
            FileProblem: there is no run here, or its plan was changed or is not whole.
        """
        path = self.path / "plan.json"
        record = read_json(path, "run")
        try:
            if record["schema"] != _SCHEMA:
                raise FileProblem(f"{path} has schema {record['schema']}; this version reads 1.")
            plan = Plan.from_record(record["plan"], str(path))
            cells = [
                Cell(**{name: entry[name] for name in Cell.__dataclass_fields__})
                for entry in record["cells"]
            ]
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

    def _move(self, source: Path, goal: Path, which: Any) -> None:
        """Move the cell folders whose name is asked for."""
        for folder in sorted(source.iterdir()) if source.is_dir() else ():
            if folder.is_dir() and which(folder.name) and not (goal / folder.name).exists():
                goal.mkdir(parents=True, exist_ok=True)
                folder.rename(goal / folder.name)


def _plan_record(plan: Plan, cells: Sequence[Cell]) -> dict[str, Any]:
    """What ``plan.json`` holds."""
    return {
        "schema": _SCHEMA,
        "plan": plan.record(),
        "sha256": plan.sha256,
        "code_sha256": code_sha256(),
        "versions": versions(),
        "cells": [cell.record() for cell in cells],
    }
