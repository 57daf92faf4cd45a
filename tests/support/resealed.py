"""Run folders that tests wrote or changed by hand, made whole again: hashes, ids and lists."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from spikeproof.base import digest, digest_file, write_json
from spikeproof.runs import cell_id, file_names, sealed_plan, sealed_record

RESOURCES = {"threads": 1}


def reseal_cell(folder: Path) -> str:
    """Write the record of a cell anew, with hashes of the files beside it; return its new id.

    The folder gets the id for its name. A network without a file gets one that no test opens.
    """
    record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    for name in ("sha256", "schema", "files", "id"):
        record.pop(name, None)
    holds = record["cell"]["kind"] in ("train", "network")
    if holds and not (folder / "model.safetensors").exists():
        (folder / "model.safetensors").write_bytes(b"weights")
    files = {name: digest_file(folder / name) for name in file_names() if (folder / name).exists()}
    record.setdefault("resources", RESOURCES)
    parts = (record[part] for part in ("cell", "inputs", "versions", "resources"))
    record |= {"id": cell_id(*parts), "files": files}
    write_json(folder / "record.json", sealed_record(record))
    folder.rename(folder.parent / record["id"])
    return str(record["id"])


def reseal(folder: Path) -> dict[str, str]:
    """Make all cells of a run, its plan and its list whole; return old id → new id.

    Cells that were listed stay listed, and no others.
    """
    (folder / "manifest.json").unlink(missing_ok=True)
    new = {
        path.parent.name: reseal_cell(path.parent)
        for path in sorted((folder / "cells").glob("*/record.json"))
    }
    content = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    content.pop("content_sha256", None)
    for cell in content["cells"]:
        cell["id"] = new.get(cell["id"], cell["id"])
        if cell.get("parent") in new:
            cell["parent"] = new[cell["parent"]]
    write_plan(folder, content)
    return new


def write_plan(folder: Path, content: dict[str, Any]) -> None:
    """Write ``plan.json`` with its hashes."""
    kept = ("content_sha256", "schema")
    content = {key: value for key, value in content.items() if key not in kept}
    content["sha256"] = digest(content["plan"])
    write_json(folder / "plan.json", sealed_plan(content))
