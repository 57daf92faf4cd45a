"""Cells of the claims on modalities: measured one by one, stored one by one, resumed.

A cell is one network with what was measured on it, one small JSON file in the folder that is named.
It is measured again where its settings or the code behind it changed. What a claim says, its
thresholds and its verdicts stand in the file of the claim, and read nothing but cells.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from research import ROOT
from spikeproof.analysis.claims.claim import Ruling
from spikeproof.base import write_json
from spikeproof.metrics import FEWEST_NETWORKS, Estimate, Floats, Intervals
from spikeproof.study.closure import closure_sha256

__all__ = [
    "FOLDER",
    "Cell",
    "intervals",
    "main",
    "packed",
    "part",
    "read",
    "table",
    "unpacked",
    "verdict",
]

Cell = Mapping[str, Any]
FOLDER = ROOT / "runs" / "modality-claims"


def main(claim: str, plan: Sequence[Cell], measured: Callable[[Cell, Path], Cell]) -> None:
    """Measure the cells of a claim that are not there yet.

    Args:
        claim: Name of the claim's file.
        plan: Settings of every cell; ``name`` is that of its file.
        measured: What measures a cell from its settings and the folder of the networks.
    """
    made = argparse.ArgumentParser(prog=f"python -m research.modalities.{claim}")
    made.add_argument("--folder", type=Path, default=FOLDER, help="where cells and networks lie")
    made.add_argument("--cells", nargs="+", help="measure these alone, by their names")
    chosen = made.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    code = closure_sha256([(f"research.modalities.{claim}", "measured")])[:16]
    for settings in plan:
        if chosen.cells and settings["name"] not in chosen.cells:
            continue
        about = {
            "code": code,
            "command": f"python -m research.modalities.{claim}",
            "settings": json.loads(json.dumps(settings)),
        }
        path = chosen.folder / claim / f"{settings['name']}.json"
        if path.exists() and json.loads(path.read_text(encoding="utf-8"))["about"] == about:
            continue
        begun = time.process_time()
        content = dict(measured(settings, chosen.folder / "networks"))
        content["seconds"] = round(time.process_time() - begun, 1)
        write_json(path, {"about": about, **content})
        print(claim, settings["name"], content["seconds"], "s", flush=True)


def read(claim: str, plan: Sequence[Cell], folder: Path = FOLDER) -> list[Cell]:
    """The stored cells of a claim, in the order of its plan; those that are there."""
    paths = [folder / claim / f"{settings['name']}.json" for settings in plan]
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()]


def table(rows: Sequence[Sequence[float]]) -> Floats:
    """Numbers per network and item; rows of unequal length are cut to the shortest."""
    shortest = min(len(row) for row in rows)
    return np.asarray([row[:shortest] for row in rows], dtype=float)


def intervals(of: Floats) -> Intervals:
    """Intervals for a table, networks first."""
    return Intervals(*of.shape)


def part(
    name: str, ruling: Ruling, estimate: Estimate | None, threshold: float | None, unit: str
) -> dict[str, Any]:
    """One comparison behind a verdict, as plain data; undecided on fewer than three networks."""
    if estimate is None or estimate.seeds < FEWEST_NETWORKS:
        ruling = "undecided"
    shown = None
    if estimate is not None:
        shown = [float(end) for end in (estimate.value, estimate.low, estimate.high)]
    return {
        "name": name,
        "verdict": ruling,
        "estimate": shown,
        "threshold": None if threshold is None else float(threshold),
        "unit": unit,
        "items": 0 if estimate is None else estimate.n,
        "networks": 0 if estimate is None else estimate.seeds,
    }


def verdict(parts: Sequence[Mapping[str, Any]], *, complete: bool) -> Ruling:
    """One contradiction is enough, support needs every part; both need every cell of the plan."""
    answers = {one["verdict"] for one in parts}
    if not complete:
        return "undecided"
    if "contradicted" in answers:
        return "contradicted"
    return "supported" if answers == {"supported"} else "undecided"


def packed(value: Any) -> Any:
    """Plain data with every list of numbers as one text, so that a record stays readable."""
    if isinstance(value, Mapping):
        return {key: packed(one) for key, one in value.items()}
    if isinstance(value, list) and value and all(isinstance(one, int | float) for one in value):
        return "numbers: " + " ".join(f"{one:.10g}" for one in value)
    return value


def unpacked(value: Any) -> Any:
    """What ``packed`` was given."""
    if isinstance(value, Mapping):
        return {key: unpacked(one) for key, one in value.items()}
    if isinstance(value, str) and value.startswith("numbers: "):
        return [float(one) for one in value.split()[1:]]
    return value
