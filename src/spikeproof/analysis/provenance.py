"""Where the numbers of a run come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from spikeproof.analysis.calls import calls_of
from spikeproof.analysis.run import RunRecords
from spikeproof.base import SpikeproofError, canonical_json, digest
from spikeproof.metrics import LEVEL

__all__ = ["expected_cells", "provenance"]


def provenance(run: RunRecords, draws: int) -> dict[str, Any]:
    """Where the numbers come from: plan, versions, hashes, seeds, time, and what is missing."""
    walls = [cell.wall() for cell in run.cells]
    seconds = [float(wall["seconds"]) for wall in walls if "seconds" in wall]
    return {
        "plan": run.plan,
        "plan_sha256": run.record.get("sha256", digest(run.plan)),
        "split": run.split,
        "cells": {
            "complete": len(run.cells),
            "total": expected_cells(run.record, run.plan),
        },
        "seeds": run.seeds(),
        "versions": _distinct([cell.versions for cell in run.cells]),
        "data_sha256": {
            name: _distinct(
                [
                    c.inputs["data_sha256"]
                    for c in run.cells
                    if "data_sha256" in c.inputs and c.data == name
                ]
            )
            for name in run.data()
        },
        "code_sha256": _distinct(
            [c.inputs["code_sha256"] for c in run.cells if "code_sha256" in c.inputs]
        ),
        "models": {
            c.id: {"data": c.data, "training": c.training, "seed": c.seed, **c.inputs}
            for c in run.cells
            if c.holds_network
        },
        "wall_seconds": sum(seconds) if len(seconds) == len(walls) else None,
        "dates": _dates([str(wall["finished"]) for wall in walls if wall.get("finished")]),
        "calls": calls_of(run.folder),
        "hosts": _distinct([wall["host"] for wall in walls if "host" in wall]),
        "intervals": {"level": LEVEL, "draws": draws, "method": "networks and items crossed"},
    }


def _dates(finished: Sequence[str]) -> dict[str, str] | None:
    """When the first and the last cell were finished, UTC; None where no cell says."""
    return {"first": min(finished), "last": max(finished)} if finished else None


def expected_cells(record: Mapping[str, Any], plan: Mapping[str, Any]) -> int | None:
    """How many cells the plan asks for; None where the plan does not tell."""
    listed = record.get("cells")
    if isinstance(listed, list | dict):
        return len(listed)
    total = 0
    for table in plan.get("data", ()):
        named = table.get("threats", "all")
        try:
            threats = _threats(table["name"]) if named == "all" else len(named)
        except SpikeproofError:
            return None
        networks = len(_for(plan.get("training", ()), table["name"])) * len(plan.get("seeds", ()))
        networks += len(_for(plan.get("network", ()), table["name"]))
        probes = bool(plan.get("probe_items", True))
        total += networks * (1 + threats + probes + bool(table.get("timing")))
    return total or None


def _threats(data: str) -> int:
    """How many threats a data set declares radii for."""
    from spikeproof.data import describe  # imports torch, and plans on disk list their cells

    return len(describe(data).radii)


def _for(tables: Sequence[Mapping[str, Any]], data: str) -> list[Mapping[str, Any]]:
    """The trainings or networks that apply to a data set."""
    return [table for table in tables if not table.get("data") or data in table["data"]]


def _distinct(values: Sequence[Any]) -> list[Any]:
    """The different values, in the order of their first appearance."""
    return list({canonical_json(value): value for value in values}.values())
