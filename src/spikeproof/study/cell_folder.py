"""The folder of one cell: its files first, then its record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikeproof.base import (
    FileProblem,
    digest_file,
    is_there,
    read_bytes,
    read_json,
    sweep,
    write_arrays,
    write_atomic,
    write_json,
)
from spikeproof.runs import (
    HOLDERS,
    RECORD,
    WALL,
    read_cell,
    read_record,
    read_wall,
    sealed_record,
)

__all__ = ["STEP", "Arrays", "CellFolder"]

_FAILURE = "failure.json"
STEP = ".step.json"
"""Where a cell stands while it is computed; see ``Beat``."""

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
        """Whether the record is there; ``read`` says whether it is whole.

        Raises:
            UnreadableFile: the system does not say.
        """
        return is_there(self.path / RECORD)

    def begin(self) -> None:
        """Make the folder, not those above it: where these are gone, someone moved the run away.

        Raises:
            FileProblem: it cannot be made.
        """
        if self.path.is_symlink():
            raise FileProblem(f"{self.path} is a link, and links are not followed; remove it.")
        try:
            self.path.mkdir(exist_ok=True)
        except OSError as problem:
            raise FileProblem(
                f"Cannot write {self.path}: {problem.strerror}; was the run's folder renamed or "
                "removed? Nothing more is written into it."
            ) from None

    def write(self, record: Mapping[str, Any], arrays: Mapping[str, Arrays], wall: Any) -> None:
        """Write array files, wall time and then the record, each atomically.

        Args:
            record: What ``record.json`` holds, without ``schema``, ``files`` and its hash; those
                are added.
            arrays: File name → named arrays.
            wall: What ``wall.json`` holds, the only thing that may differ between runs.
        """
        self.begin()
        for name, named in arrays.items():
            write_arrays(self.path / name, named, make=False)
        names = [*arrays, *(["model.safetensors"] if record["cell"]["kind"] in HOLDERS else [])]
        if "source" in record["cell"].get("model", {}):
            names.append("source.json")
        files = {name: digest_file(self.path / name) for name in sorted(names)}
        write_json(self.path / WALL, wall, make=False)
        write_json(self.path / RECORD, sealed_record({"files": files, **record}), make=False)
        (self.path / _FAILURE).unlink(missing_ok=True)

    def read(self) -> dict[str, Any]:
        """Return the record after checking it, and every file that it names against its hash.

        Raises:
            FileProblem: a file is missing, truncated or changed; it is named.
            UnreadableFile: a file is there, and the system does not let us read it.
        """
        return read_cell(self.path)

    def take(self, other: CellFolder) -> None:
        """Copy a complete cell here, each file atomically and its record last.

        Raises:
            FileProblem: a file of the other one is missing, truncated or changed, or one here
                cannot be written.
        """
        self.begin()
        for name in [*other.read()["files"], WALL, RECORD]:
            path = other.path / name
            if name != WALL or is_there(path):
                write_atomic(self.path / name, read_bytes(path), make=False)
        self.read()

    def network(self) -> dict[str, Any]:
        """Record of the network that a complete cell holds.

        Raises:
            FileProblem: the cell is not complete, or holds none.
        """
        try:
            return dict(read_record(self.path)["cell"]["model"])
        except (KeyError, TypeError):
            path = self.path / RECORD
            raise FileProblem(f"{path} is not the record of a network; run again.") from None

    def seconds(self) -> float:
        """Wall time that the cell took; 0 where it is not known."""
        try:
            return float(read_wall(self.path).get("seconds", 0.0))
        except FileProblem:
            return 0.0

    def note_failure(self, error: str, trace: str) -> None:
        """Leave word of a failure, for ``status``; a later success removes it."""
        self.begin()
        write_json(self.path / _FAILURE, {"error": error, "trace": trace}, make=False)

    def forget_failure(self) -> None:
        """Remove word of a failure, as the cell is tried again."""
        (self.path / _FAILURE).unlink(missing_ok=True)

    def failure(self) -> str | None:
        """The sentence of the last failure, None where there was none since the last success."""
        if self.complete or not is_there(self.path / _FAILURE):
            return None
        try:
            return str(read_json(self.path / _FAILURE)["error"])
        except (FileProblem, KeyError, TypeError) as problem:
            return f"unknown ({problem})"

    def sweep(self, *, older: float = 0.0) -> None:
        """Remove what killed processes left behind: temporary files, and word of their step.

        Args:
            older: Seconds since such a file was written; 0 only where no one writes here.
        """
        sweep(self.path, older=older)
        (self.path / STEP).unlink(missing_ok=True)
