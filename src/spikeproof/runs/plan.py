"""``plan.json``: the plan of a run and the list of its cells, with a hash over both."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spikeproof.base import FileProblem, digest, is_sealed, is_there, read_json, say_once, sealed
from spikeproof.runs.record import CELL_ID

__all__ = ["PLAN", "read_plan", "sealed_plan"]

PLAN = "plan.json"
_SCHEMA = 2  # 1 had a hash over the plan alone
_SEAL = "content_sha256"


def sealed_plan(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what ``plan.json`` holds: the content, the schema, and a hash over both.

    Args:
        content: ``plan``, its hash ``sha256``, ``cells``, and whatever else is worth keeping.
    """
    return sealed({**content, "schema": _SCHEMA}, _SEAL)


def read_plan(folder: Path | str) -> dict[str, Any]:
    """Return the content of a run folder's ``plan.json`` after comparing it with its hashes.

    Args:
        folder: The run folder.
    Raises:
        FileProblem: no such folder, no plan in it, or one that is not whole or was changed.
        UnreadableFile: it is there, and the system does not let us read it.
    """
    path = Path(folder) / PLAN
    if not is_there(Path(folder)):
        raise FileProblem(f"There is no run folder at {folder}.")
    record = read_json(path, "plan of a run")
    if not isinstance(record, dict) or record.get("schema") not in (1, _SCHEMA):
        raise FileProblem(f"{path} is not the plan of a run, of schema 1 or {_SCHEMA}.")
    plan, cells = record.get("plan"), record.get("cells")
    if not isinstance(plan, dict) or not isinstance(cells, list) or not all(map(_whole, cells)):
        raise FileProblem(
            f"{path} is not the plan of a run: it needs a table 'plan' and a list 'cells'."
        )
    changed = record.get("sha256") != digest(plan)
    if record["schema"] == _SCHEMA:
        changed = changed or not is_sealed(record, _SEAL)
    else:
        say_once(
            "plans of schema 1",
            f"{path} was written by an earlier version, which kept no hash of its list of cells.",
        )
    if changed:
        raise FileProblem(f"{path} was changed by hand; run the plan again to rebuild it.")
    if len({cell["id"] for cell in cells}) < len(cells):
        raise FileProblem(f"{path} lists a cell twice; run the plan again to rebuild it.")
    return record


def _whole(cell: object) -> bool:
    """Whether an entry of the list has a name that can be that of a folder."""
    return (
        isinstance(cell, dict)
        and isinstance(cell.get("id"), str)
        and CELL_ID.fullmatch(cell["id"]) is not None
    )
