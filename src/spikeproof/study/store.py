"""What a run leaves on disk: the folder of a run, and in it one folder per cell."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikeproof.base import (
    FileProblem,
    Lease,
    UnreadableFile,
    is_there,
    read_json,
    versions,
    write_atomic,
    write_json,
)
from spikeproof.runs import (
    WALL,
    begin_call,
    end_call,
    inspect_run,
    read_plan,
    read_wall,
    remove_manifest,
    sealed_plan,
    write_index,
    write_manifest,
)
from spikeproof.study.cell_folder import Arrays, CellFolder

if TYPE_CHECKING:  # they plan, which takes torch; to say how far a run is takes none
    from spikeproof.study.cells import Cell
    from spikeproof.study.plan import Plan

__all__ = ["Arrays", "CellFolder", "RunFolder"]

_FINGERPRINT = 2  # rule by which cells are hashed; 1, which plan.json did not say, took all code
# A cell's files, generously; asked for before anything is computed.
_BYTES_PER_CELL = 2_000_000


class RunFolder:
    """The folder of one run.

    ``plan.json`` holds the plan, its hash and the list of cells; ``cells/<id>`` one cell each.
    Cells of an earlier plan or of other code are moved to ``stale/``, never mixed in and never
    deleted; they come back when a plan asks for them again. Damaged ones are moved to ``damaged/``.
    ``manifest.json`` names every file with its hash once a run has ended, ``index.csv`` which cell
    is which, and ``wall.json`` which calls computed them.

    Args:
        path: The folder; need not exist.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.cells = self.path / "cells"
        self.stale = self.path / "stale"
        self.damaged = self.path / "damaged"
        self._begun: str | None = None  # when this process began to add cells

    def cell(self, cell: Cell | str) -> CellFolder:
        """The folder of a cell, or of the one with this id."""
        return CellFolder(self.cells / (cell if isinstance(cell, str) else cell.id))

    @contextmanager
    def lock(self) -> Iterator[Lease]:
        """Hold the folder for one run; ``check`` of the lease says that it still is ours.

        Raises:
            FileProblem: another process holds it, or the folder cannot be written.
        """
        self._probe(0)
        with Lease(self.path, "running the study") as lease:
            yield lease

    def prepare(self, plan: Plan, cells: Sequence[Cell]) -> int:
        """Make the folder ready for these cells: room, strays, stale cells, the plan.

        Returns:
            How many cells were set aside.
        Raises:
            FileProblem: the folder cannot be written or has too little room.
        """
        self._probe(len(cells) * _BYTES_PER_CELL)
        (self.path / "cells").mkdir(exist_ok=True)
        wanted = {cell.id for cell in cells}
        aside = self._move(self.cells, self.stale, lambda name: name not in wanted)
        self._move(self.stale, self.cells, lambda name: name in wanted)
        # Jobs that Slurm still has may be writing; what they leave behind is small.
        older = 3600.0 if (self.path / "slurm").is_dir() else 0.0
        for cell in cells:
            self.cell(cell).sweep(older=older)
        record = _plan_record(plan, cells)
        if not self._says(record):
            remove_manifest(self.path)
            write_json(self.path / "plan.json", record)
        return aside

    def begin(self) -> None:
        """Say that cells are about to come: by which call, and that a manifest names too few."""
        remove_manifest(self.path)
        if self._begun is None:
            with suppress(FileProblem):  # nothing depends on it
                self._begun = begin_call(self.path)

    def end(self) -> None:
        """Write the manifest and the index of what is complete now, and when the call ended; a
        full disk leaves the run without."""
        with suppress(FileProblem):
            found = inspect_run(self.path)
            if not found.problems:
                write_manifest(self.path, found.records)
            write_index(self.path, found.plan, found.records)
        if self._begun is not None:
            with suppress(FileProblem):
                end_call(self.path, self._begun)
            self._begun = None

    @property
    def outdated(self) -> bool:
        """Whether the cells were hashed by an earlier rule, so that ``run`` computes them again."""
        return bool(read_plan(self.path).get("fingerprint") != _FINGERPRINT)

    def listed(self) -> dict[str, Any]:
        """Return what ``plan.json`` says, as plain data.

        Raises:
            FileProblem: there is no run here, or its plan was changed or is not whole.
        """
        path = self.path / "plan.json"
        if not is_there(path):
            raise FileProblem(f"There is no run at {path}.")
        return read_plan(self.path)

    def planned(self) -> tuple[Plan, list[Cell]]:
        """Return the plan and its cells as ``plan.json`` names them.

        Raises:
            FileProblem: there is no run here, or its plan was changed or is not whole.
        """
        from spikeproof.study.cells import Cell
        from spikeproof.study.plan import Plan

        path, record = self.path / "plan.json", self.listed()
        try:
            plan = Plan.from_record(record["plan"], str(path))
            cells = [Cell.from_record(entry) for entry in record["cells"]]
        except (KeyError, TypeError) as problem:
            raise FileProblem(f"{path} is not the plan of a run ({problem}).") from None
        return plan, cells

    def done(self, cells: Sequence[Cell]) -> set[str]:
        """Return ids of complete cells; a damaged one is set aside and will be computed again.

        Raises:
            UnreadableFile: a file is there and cannot be read, so that nobody knows what it holds.
        """
        done = set()
        for cell in cells:
            folder = self.cell(cell)
            if not folder.complete:
                continue
            try:
                folder.read()
            except UnreadableFile:
                raise
            except FileProblem as problem:
                where = self._set_aside(folder)
                warnings.warn(
                    f"{cell.title} is computed again, and what was there is kept in {where}: "
                    f"{problem}",
                    stacklevel=2,
                )
            else:
                done.add(cell.id)
                self._mend_wall(folder)
        return done

    def _set_aside(self, folder: CellFolder) -> Path:
        """Move a damaged cell out of the way, and say where it is now."""
        self.damaged.mkdir(exist_ok=True)
        number = 1
        while (goal := self.damaged / f"{folder.path.name}-{number}").exists():
            number += 1
        folder.path.rename(goal)
        return goal

    def _mend_wall(self, folder: CellFolder) -> None:
        """Leave out a wall time that is not well-formed; nothing depends on it."""
        try:
            read_wall(folder.path)
        except UnreadableFile:
            raise
        except FileProblem:
            (folder.path / WALL).unlink()

    def _says(self, record: Mapping[str, Any]) -> bool:
        """Whether plan.json holds this already."""
        try:
            return bool(read_json(self.path / "plan.json") == json.loads(json.dumps(record)))
        except FileProblem:
            return False

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
    return sealed_plan(
        {
            "plan": plan.record(),
            "sha256": plan.sha256,
            "fingerprint": _FINGERPRINT,
            "versions": versions(),
            "cells": [cell.record() for cell in cells],
        }
    )
