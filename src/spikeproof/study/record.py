"""A cell's files: a record that is written last, arrays, and the wall time beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikeproof.base import FileProblem, digest_file, read_json, write_arrays, write_json

__all__ = ["RECORD", "WALL", "CellFolder"]

RECORD = "record.json"
WALL = "wall.json"
_FAILURE = "failure.json"
_SCHEMA = 1

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
        return (self.path / RECORD).is_file()

    def write(self, record: Mapping[str, Any], arrays: Mapping[str, Arrays], wall: Any) -> None:
        """Write array files, wall time and then the record, each atomically.

        Args:
            record: What ``record.json`` holds, without ``schema`` and ``files``; those are added.
            arrays: File name → named arrays.
            wall: What ``wall.json`` holds, the only thing that may differ between runs.
        """
        for name, named in arrays.items():
            write_arrays(self.path / name, named)
        names = [*arrays, *(["model.safetensors"] if record["cell"]["kind"] == "train" else [])]
        files = {name: digest_file(self.path / name) for name in sorted(names)}
        write_json(self.path / WALL, wall)
        write_json(self.path / RECORD, {"schema": _SCHEMA, "files": files, **record})
        (self.path / _FAILURE).unlink(missing_ok=True)

    def read(self) -> dict[str, Any]:
        """Return the record after checking every file that it names against its hash.

        Raises:
            FileProblem: a file is missing, truncated or changed; it is named.
        """
        path = self.path / RECORD
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

    def seconds(self) -> float:
        """Wall time that the cell took; 0 where it is not known."""
        try:
            return float(read_json(self.path / WALL)["seconds"])
        except (FileProblem, KeyError, TypeError, ValueError):
            return 0.0

    def note_failure(self, error: str, trace: str) -> None:
        """Leave word of a failure, for ``status``; a later success removes it."""
        write_json(self.path / _FAILURE, {"error": error, "trace": trace})

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
        for name in (RECORD, WALL, _FAILURE, "items.npz", "gallery.npz", "model.safetensors"):
            (self.path / name).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove temporary files that a killed writer left behind."""
        for stray in self.path.glob(".*"):
            stray.unlink(missing_ok=True)
