"""``manifest.json``: every file of a run that has ended, with its hash."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from spikeproof.base import (
    FileProblem,
    digest_file,
    is_there,
    read_json,
    sealed,
    write_json,
)
from spikeproof.runs.plan import PLAN
from spikeproof.runs.record import RECORD

__all__ = ["MANIFEST", "changes", "files_of", "remove_manifest", "write_manifest"]

MANIFEST = "manifest.json"
_SCHEMA = 1


def files_of(folder: Path, records: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return path inside the folder → hash, of the plan and all files of complete cells.

    Args:
        folder: The run folder.
        records: Id → record, as ``read_cell`` checked it.
    """
    files = {PLAN: digest_file(folder / PLAN)}
    for name, record in records.items():
        place = f"cells/{name}"
        files[f"{place}/{RECORD}"] = digest_file(folder / place / RECORD)
        files |= {f"{place}/{file}": sha256 for file, sha256 in record["files"].items()}
    return files


def write_manifest(folder: Path, records: Mapping[str, Mapping[str, Any]]) -> None:
    """Write the manifest of a run that has ended, complete or not.

    Args:
        folder: The run folder.
        records: Id → record, as ``read_cell`` checked it.
    Raises:
        FileProblem: it cannot be written.
    """
    content = {"schema": _SCHEMA, "files": files_of(folder, records)}
    write_json(folder / MANIFEST, sealed(content))


def remove_manifest(folder: Path) -> None:
    """Take the manifest away, as a run goes on and files will come that it does not name."""
    (folder / MANIFEST).unlink(missing_ok=True)


def changes(folder: Path, files: Mapping[str, str], *, gone: bool = False) -> Iterator[str]:
    """Yield one sentence per file that is not what the manifest says; none where there is none.

    Args:
        folder: The run folder.
        files: What ``files_of`` returned.
        gone: Whether whole cells that were taken away count: readers say that they are missing.
    """
    path = folder / MANIFEST
    if not is_there(path):
        return
    try:
        content = read_json(path, "manifest of a run")
    except FileProblem as problem:
        yield str(problem)
        return
    known = content.get("files") if isinstance(content, dict) else None
    if not isinstance(known, dict) or content != sealed({"schema": _SCHEMA, "files": known}):
        yield f"{path} was changed after it was written; run the plan again to rebuild it."
        return
    for name, sha256 in files.items():
        if name not in known:
            yield f"{folder / name} is not named by {path}: it came after the run had ended."
        elif known[name] != sha256:
            yield f"{folder / name} is not the file that {path} names."
    for name in sorted(set(known) - set(files)):
        if gone or f"{name.rpartition('/')[0]}/{RECORD}" in files:
            yield f"{folder / str(name)} is named by {path} and is missing."
