"""What a card states and no second look can compute: what was trained, what attacked, by what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from spikeproof.analysis import CellRecord, Results, decibels_of

__all__ = ["stated_of"]


def stated_of(found: Results, holder: CellRecord, attacks: Sequence[CellRecord]) -> dict[str, Any]:
    """Return what was asked of training and attacks, from the records of a run.

    Args:
        found: The run.
        holder: The cell of the network.
        attacks: The cells that attacked it.
    """
    cell, first = holder.cell, attacks[0].cell
    flags = [
        row.name
        for row in found.flags
        if (row.data, row.training, row.seed) == (holder.data, holder.training, holder.seed)
    ]
    return {
        "training": {
            "name": holder.training,
            "seed": holder.seed,
            "objective": cell.get("objective"),
            "epochs": cell.get("epochs"),
            "settings": cell.get("settings"),
        },
        "data": holder.data,
        "split": first["split"],
        "items": first["items"],
        "skip": first["skip"],
        "attack_seed": first["seed"],
        "draws": first["draws"],
        "threats": list(_ladders(found, holder, attacks)),
        "flags": sorted(set(flags)) if found.diagnosed else None,
        "despite": sorted(found.plan.get("despite", ())),
        "versions": dict(attacks[0].versions),
        "cells": {"network": holder.id, "attacks": [one.id for one in attacks]},
    }


def _ladders(
    found: Results, holder: CellRecord, attacks: Sequence[CellRecord]
) -> Iterator[dict[str, Any]]:
    """Each threat with the suite that attacked under it, and what that left undone."""
    for one in attacks:
        threat = one.cell["threat"]
        loud = decibels_of(found.cells, holder.data, threat, list(map(float, threat["radii"])))
        yield {
            "threat": threat,
            # Cards of before, and of what is no sound, have none.
            **({"decibels": list(loud)} if any(loud) else {}),
            "suite": one.cell["suite"],
            "unsettled": list((one.result.get("budget") or {}).get("unsettled", ())),
            "not_run": list(one.result.get("not_run", ())),
            "passes": dict(one.result["passes"]),
        }
