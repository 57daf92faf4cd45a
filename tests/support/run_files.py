"""The files of a run folder: those to compare two runs by, and those of one cell."""

from __future__ import annotations

import json
from pathlib import Path


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a run that must not differ between runs; what was damaged is kept aside."""
    paths = (
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).parts[0] != "damaged"
    )
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in paths
        if path.name not in ("wall.json", ".lock")
    }


def one(folder: Path, kind: str) -> Path:
    """The folder of the first cell of a kind."""
    return next(
        path.parent
        for path in sorted(folder.glob("cells/*/record.json"))
        if json.loads(path.read_text())["cell"]["kind"] == kind
    )
