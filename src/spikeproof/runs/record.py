"""The record of a cell: what it must say, its hashes, its id, and the files that it names."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spikeproof.base import (
    FileProblem,
    digest,
    digest_file,
    is_sealed,
    is_there,
    read_json,
    say_once,
    sealed,
)

__all__ = [
    "CELL_ID",
    "HOLDERS",
    "RECORD",
    "WALL",
    "cell_id",
    "file_names",
    "read_cell",
    "read_record",
    "read_wall",
    "sealed_record",
]

RECORD = "record.json"
WALL = "wall.json"
HOLDERS = ("train", "network")
"""The kinds of cells that hold a network, which others look at."""

_SCHEMA = 2  # 1 had no hash over the record itself
CELL_ID = re.compile(r"[0-9a-f]{16}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PARTS = ("cell", "inputs", "versions", "result", "files")
# Kind → files that must be there, and that may.
_FILES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "attack": (("items.npz",), ("gallery.npz", "adversarials.npz")),
    "diagnosis": ((), ()),
    "doctor": ((), ()),
    "grid": (("items.npz",), ()),
    "network": (("model.safetensors",), ("source.json",)),
    "probe": (("items.npz",), ()),
    "timing": (("items.npz",), ()),
    "train": (("model.safetensors",), ()),
}
# Of a record of schema 1, which did not say.
_RESOURCES = {"threads": 1}
_TIMES = ("seconds", "processor_seconds")


def file_names() -> tuple[str, ...]:
    """Return every name that a file of a cell may have, besides its record and wall time."""
    return tuple(sorted({name for both in _FILES.values() for names in both for name in names}))


def cell_id(
    cell: Mapping[str, Any],
    inputs: Mapping[str, Any],
    versions: Mapping[str, Any],
    resources: Mapping[str, Any],
) -> str:
    """Return the id of a cell: 16 hex digits of the hash of everything that its result depends on.

    Args:
        cell: What is to be done.
        inputs: ``code_sha256``, ``data_sha256``, and ``files`` where it reads any.
        versions: Of what computes.
        resources: What of the machine changes bits.
    """
    content = {
        "cell": cell,
        "code_sha256": inputs["code_sha256"],
        "data_sha256": inputs["data_sha256"],
        "versions": versions,
        **resources,
        **({"files": inputs["files"]} if inputs.get("files") else {}),
    }
    return digest(content)[:16]


def sealed_record(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what ``record.json`` holds: the content, the schema, and a hash over both."""
    return sealed({**content, "schema": _SCHEMA})


def read_record(folder: Path) -> dict[str, Any]:
    """Return the record of a complete cell after comparing it with its own hashes and its id.

    Args:
        folder: ``cells/<id>``.
    Raises:
        FileProblem: it is no whole record, was changed, or is that of another cell.
        UnreadableFile: it is there, and the system does not let us read it.
    """
    path = folder / RECORD
    record = read_json(path, "record")
    mend = f"delete {folder} and run again"
    if not isinstance(record, dict) or record.get("schema") not in (1, _SCHEMA):
        raise FileProblem(f"{path} is not a record of schema 1 or {_SCHEMA}; {mend}.")
    missing = [part for part in _PARTS if not isinstance(record.get(part), dict)]
    if missing or "id" not in record:
        raise FileProblem(f"{path} lacks {', '.join(missing) or 'id'}; {mend}.")
    if record["schema"] == _SCHEMA:
        if not is_sealed(record):
            raise FileProblem(f"{path} was changed after it was written; {mend}.")
    else:
        say_once(
            "records of schema 1",
            f"{folder.parent.parent} has records of an earlier version, in which settings and "
            "files are protected by hashes and results are not.",
        )
    if not CELL_ID.fullmatch(folder.name) or record["id"] != folder.name:
        raise FileProblem(f"{path} belongs to another cell; {mend}.")
    _check_cell(record, f"{path}", mend)
    return record


def read_cell(folder: Path) -> dict[str, Any]:
    """Return the record of a complete cell after comparing every file it names with its hash.

    Args:
        folder: ``cells/<id>``.
    Raises:
        FileProblem: a file is missing, truncated or changed; it is named.
        UnreadableFile: it is there, and the system does not let us read it.
    """
    record = read_record(folder)
    for name, wanted in record["files"].items():
        if digest_file(folder / name, "file of a complete cell") != wanted:
            raise FileProblem(
                f"{folder / name} was changed after it was written; delete {folder} and run again."
            )
    return record


def read_wall(folder: Path) -> dict[str, Any]:
    """Return the wall time and host of a cell, which no hash covers; empty where there is none.

    Raises:
        FileProblem: the file is not well-formed.
    """
    path = folder / WALL
    if not is_there(path):
        return {}
    wall = read_json(path, "wall time of a cell")
    well = isinstance(wall, dict) and isinstance(wall.get("host", {}), dict)
    if not well or not all(_is_time(wall.get(name, 0)) for name in _TIMES):
        raise FileProblem(f"{path} is no wall time; delete it, nothing else depends on it.")
    return dict(wall)


def _is_time(value: object) -> bool:
    """Whether a value may be a number of seconds."""
    return type(value) in (int, float) and 0 <= float(str(value)) < math.inf


def _check_cell(record: Mapping[str, Any], path: str, mend: str) -> None:
    """Raise unless a record names what its kind needs, and its content gives its id."""
    cell, files = record["cell"], record["files"]
    for key in ("kind", "data", "training", "seed"):
        if key not in cell:
            raise FileProblem(f"The record {path} does not say its {key!r}; {mend}.")
    if not isinstance(cell["kind"], str) or cell["kind"] not in _FILES:
        raise FileProblem(f"{path} is of a kind that this version does not know; {mend}.")
    must, may = _FILES[cell["kind"]]
    hashes = all(isinstance(value, str) and _SHA256.fullmatch(value) for value in files.values())
    if not hashes or not set(must) <= set(files) <= {*must, *may}:
        raise FileProblem(
            f"{path} does not name the files of its cell with their hashes ({', '.join(must)}); "
            f"{mend}."
        )
    inputs, versions = record["inputs"], record["versions"]
    resources = record.get("resources", _RESOURCES)
    try:
        if cell_id(cell, inputs, versions, resources) == record["id"]:
            return
    except (KeyError, TypeError, ValueError):
        pass
    raise FileProblem(
        f"{path} was changed after it was written: its settings, inputs or versions are not those "
        f"that its id was made of; {mend}."
    )
