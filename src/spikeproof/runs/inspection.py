"""A whole run folder, looked at file by file."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spikeproof.base import FileProblem, UnreadableFile, is_there
from spikeproof.runs.manifest import MANIFEST, changes, files_of
from spikeproof.runs.plan import read_plan
from spikeproof.runs.record import RECORD, file_names, read_cell, read_wall

__all__ = ["RunContent", "inspect_run", "read_run"]


@dataclass(frozen=True, kw_only=True)
class RunContent:
    """What a run folder holds.

    Args:
        folder: Where it lies.
        plan: Content of ``plan.json``.
        records: Id → record of every complete and whole cell of the plan, in its order.
        missing: Ids of cells of the plan that are not complete.
        problems: One sentence per file that is not what the run's own records say.
        ended: Whether there is a manifest, which a run gets when it ends.
    """

    folder: Path
    plan: Mapping[str, Any]
    records: Mapping[str, Mapping[str, Any]]
    missing: tuple[str, ...]
    problems: tuple[str, ...]
    ended: bool


def inspect_run(folder: Path | str, *, strangers: bool = False) -> RunContent:
    """Compare every file of a run with the hashes that its plan, records and manifest hold.

    Args:
        folder: A run folder, complete or not.
        strangers: Whether these count as problems too: files that no record names, though their
            names are those of files that are read, and cells that were there when the run ended.
    Returns:
        What is there, and what is not as it should be.
    Raises:
        FileProblem: no run there, or a plan that is not whole or was changed.
        UnreadableFile: a file is there, and the system does not let us read it.
    Cost:
        Reads every file once.
    """
    folder = Path(folder)
    plan = read_plan(folder)
    records: dict[str, Mapping[str, Any]] = {}
    problems, missing = [], []
    _check_folder(folder / "cells")
    for entry in plan["cells"]:
        place = folder / "cells" / entry["id"]
        try:
            _check_folder(place)
            if not is_there(place / RECORD):
                missing.append(entry["id"])
                continue
            records[entry["id"]] = read_cell(place)
            read_wall(place)
        except UnreadableFile:
            raise
        except FileProblem as problem:
            problems.append(str(problem))
        else:
            problems += _unnamed(place, records[entry["id"]]) if strangers else []
    problems += _relations(folder, records)
    damaged = len(records) + len(missing) < len(plan["cells"])
    if not damaged:
        problems += changes(folder, files_of(folder, records), gone=strangers)
    return RunContent(
        folder=folder,
        plan=plan,
        records=records,
        missing=tuple(missing),
        problems=tuple(problems),
        ended=is_there(folder / MANIFEST),
    )


def _check_folder(place: Path) -> None:
    """Raise FileProblem where something else is in the place of a folder."""
    if not is_there(place):
        return
    mode = place.lstat().st_mode
    if stat.S_ISLNK(mode):
        raise FileProblem(f"{place} is a link, and links are not followed.")
    if not stat.S_ISDIR(mode):
        raise FileProblem(f"{place} is no folder; remove it and run again.")


def read_run(folder: Path | str) -> RunContent:
    """Return what a run folder holds, if every file in it is what its records say.

    Arguments and cost as of ``inspect_run``.

    Raises:
        FileProblem: a file is missing, truncated or changed; the first one is named.
        UnreadableFile: a file is there, and the system does not let us read it.
    """
    found = inspect_run(folder)
    if found.problems:
        more = len(found.problems) - 1
        also = f" {more} more of its files are wrong; `spikeproof verify {folder}` names them."
        raise FileProblem(found.problems[0] + (also if more else ""))
    return found


def _unnamed(place: Path, record: Mapping[str, Any]) -> Iterator[str]:
    """Files that could be read for those of a cell and that its record does not name."""
    for name in file_names():
        if name not in record["files"] and is_there(place / name):
            yield f"{place / name} is not named by {place / RECORD}."


def _relations(folder: Path, records: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Cells that look at another network than the one their parent holds."""
    for name, record in records.items():
        parent = record["inputs"].get("parent")
        if parent != record["cell"].get("parent", parent):
            yield f"{folder / 'cells' / name / RECORD} names two networks that it looks at."
        holder = records.get(parent) if isinstance(parent, str) else None
        looked = record["inputs"].get("model_sha256")
        if holder is not None and looked != holder["inputs"].get("model_sha256"):
            yield (
                f"{folder / 'cells' / name / RECORD} looks at another network than the one that "
                f"{folder / 'cells' / str(parent)} holds."
            )
