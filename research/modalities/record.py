"""Store what was measured of the claims on modalities, with the verdicts that follow from it.

python -m research.modalities.record
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.harness import machine, versions
from research import RESULTS
from research.modalities import flips, fusion, members, retiming, sponge, timestamps
from research.modalities.cells import FOLDER, packed, read, unpacked
from spikeproof.base import write_json

__all__ = ["CLAIMS", "content"]

CLAIMS: dict[str, tuple[int, ModuleType]] = {
    "retiming": (8, retiming),
    "flips": (9, flips),
    "timestamps": (10, timestamps),
    "sponge": (11, sponge),
    "fusion": (12, fusion),
}


def content(folder: Path = FOLDER, before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Cells and verdicts of every claim, as plain data.

    Args:
        folder: Where measured cells lie.
        before: The record so far; its cells stay where the folder has none, and are judged again.
    """
    claims: dict[str, Mapping[str, Any]] = {}
    fresh = False
    for name, (number, claim) in CLAIMS.items():
        kept = before["claims"][name]["cells"] if before else ()
        found, anew = _joined(name, claim.PLAN, folder, kept)
        fresh = fresh or anew
        claims[name] = {
            "number": number,
            "title": claim.TITLE,
            "source": claim.SOURCE,
            "planned": len(claim.PLAN),
            "cells": [packed(cell) for cell in found],
            **claim.judge(found),
        }
    kept = before.get("members", ()) if before else ()
    each, anew = _joined("members", members.PLAN, folder, kept)
    fresh = fresh or anew
    return {
        "benchmark": "modalities",
        "command": "python -m research.modalities.record",
        "machine": machine() if fresh or not before else before["machine"],
        "versions": versions() if fresh or not before else before["versions"],
        "claims": claims,
        "members": [packed(cell) for cell in each],
    }


def _joined(
    name: str, plan: Sequence[Mapping[str, Any]], folder: Path, kept: Iterable[Mapping[str, Any]]
) -> tuple[list[Mapping[str, Any]], bool]:
    """Cells of the folder and, where it has none, those kept; and whether the folder has any."""
    measured = _by_name(read(name, plan, folder))
    both = {**_by_name(map(unpacked, kept)), **measured}
    return [both[part["name"]] for part in plan if part["name"] in both], bool(measured)


def _by_name(cells: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {cell["about"]["settings"]["name"]: cell for cell in cells}


def main() -> None:
    """Write the record."""
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("--folder", type=Path, default=FOLDER, help="where the cells lie")
    made.add_argument("--to", type=Path, default=RESULTS / "modalities.json")
    chosen = made.parse_args()
    before = json.loads(chosen.to.read_text(encoding="utf-8")) if chosen.to.exists() else None
    found = content(chosen.folder, before)
    write_json(chosen.to, found)
    for name, claim in found["claims"].items():
        print(name, f"{len(claim['cells'])} of {claim['planned']} cells", claim["verdict"])


if __name__ == "__main__":
    main()
