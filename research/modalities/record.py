"""Store what was measured of the claims on modalities, with the verdicts that follow from it.

python -m research.modalities.record
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.harness import machine, versions
from research import RESULTS
from research.modalities import flips, fusion, retiming, sponge, timestamps
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
        measured = _by_name(read(name, claim.PLAN, folder))
        kept = _by_name(map(unpacked, before["claims"][name]["cells"] if before else ()))
        both = {**kept, **measured}
        found = [both[part["name"]] for part in claim.PLAN if part["name"] in both]
        fresh = fresh or bool(measured)
        claims[name] = {
            "number": number,
            "title": claim.TITLE,
            "source": claim.SOURCE,
            "planned": len(claim.PLAN),
            "cells": [packed(cell) for cell in found],
            **claim.judge(found),
        }
    return {
        "benchmark": "modalities",
        "command": "python -m research.modalities.record",
        "machine": machine() if fresh or not before else before["machine"],
        "versions": versions() if fresh or not before else before["versions"],
        "claims": claims,
    }


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
