"""Store what was measured of the claims on modalities, with the verdicts that follow from it.

python -m research.modalities.record
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.harness import machine, versions
from research import RESULTS
from research.modalities import flips, fusion, retiming, sponge, timestamps
from research.modalities.cells import FOLDER, packed, read
from spikeproof.base import write_json

__all__ = ["CLAIMS", "content"]

CLAIMS: dict[str, tuple[int, ModuleType]] = {
    "retiming": (8, retiming),
    "flips": (9, flips),
    "timestamps": (10, timestamps),
    "sponge": (11, sponge),
    "fusion": (12, fusion),
}


def content(folder: Path = FOLDER) -> dict[str, Any]:
    """Cells and verdicts of every claim, as plain data."""
    claims: dict[str, Mapping[str, Any]] = {}
    for name, (number, claim) in CLAIMS.items():
        found = read(name, claim.PLAN, folder)
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
        "machine": machine(),
        "versions": versions(),
        "claims": claims,
    }


def main() -> None:
    """Write the record."""
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("--folder", type=Path, default=FOLDER, help="where the cells lie")
    made.add_argument("--to", type=Path, default=RESULTS / "modalities.json")
    chosen = made.parse_args()
    found = content(chosen.folder)
    write_json(chosen.to, found)
    for name, claim in found["claims"].items():
        print(name, f"{len(claim['cells'])} of {claim['planned']} cells", claim["verdict"])


if __name__ == "__main__":
    main()
