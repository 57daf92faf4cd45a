"""``index.csv``: which cell of a run is which, by the names that its plan gives."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spikeproof.base import csv_text, write_atomic

__all__ = ["INDEX", "INDEX_COLUMNS", "index_rows", "write_index"]

INDEX = "index.csv"
INDEX_COLUMNS = (
    "data",
    "training",
    "seed",
    "threat",
    "kind",
    "state",
    "cell",
    "network",
    "model_sha256",
)
"""What each row says: names first, then the folder of the cell under ``cells/``, the cell that
holds the network, and the hash of that network's weights."""


def index_rows(
    plan: Mapping[str, Any], records: Mapping[str, Mapping[str, Any]]
) -> list[list[Any]]:
    """Return a row per cell of a plan, under ``INDEX_COLUMNS``, in the order of the plan.

    Args:
        plan: Content of ``plan.json``.
        records: Id → record of every complete cell.
    """
    rows = []
    for entry in plan["cells"]:
        name = str(entry["id"])
        record = records.get(name, {})
        cell = record.get("cell") or entry.get("cell") or {}
        inputs = record.get("inputs", {})
        rows.append(
            [
                *(cell.get(key) for key in ("data", "training", "seed")),
                cell["threat"]["name"] if "threat" in cell else None,
                cell.get("kind"),
                "complete" if record else "missing",
                name,
                inputs.get("parent") or entry.get("parent") or name,
                inputs.get("model_sha256"),
            ]
        )
    return rows


def write_index(
    folder: Path, plan: Mapping[str, Any], records: Mapping[str, Mapping[str, Any]]
) -> Path:
    """Write ``index.csv`` into a run folder, atomically; the same run gives the same bytes.

    Args:
        folder: The run folder.
        plan: Content of its ``plan.json``.
        records: Id → record of every complete cell.
    Returns:
        The file.
    Raises:
        FileProblem: it cannot be written.
    """
    path = folder / INDEX
    write_atomic(path, csv_text(INDEX_COLUMNS, index_rows(plan, records)).encode())
    return path
