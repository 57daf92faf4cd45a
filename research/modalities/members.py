"""Which member of the suite `core` breaks what under threats on events, and at what cost.

No claim and no verdict: a table of what each member does on two networks that no suite was chosen
on, every member attacking every item that is right, so that none is spared by those before it.

    SPIKEPROOF_DATA=FOLDER python -m research.modalities.members
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import spikeproof as sp
from research.modalities import cells
from research.modalities.cells import Cell
from research.modalities.networks import first_right, folds_part, i2e_part, recordings, trained
from spikeproof.attacks import SUITES, suite_under
from spikeproof.base import seeds
from spikeproof.threats import threat_from

__all__ = ["NETWORKS", "PLAN", "THREATS", "broken", "named", "never", "summed"]

SUITE, ITEMS, FOLD = "core", 16, 4
NETWORKS = ("n-mnist", "i2e-fashion-mnist")
# Fixed before any member was run: budgets under which other networks kept some of their items.
THREATS: dict[str, tuple[float, float]] = {
    "flips": (48.0, 10.0),
    "counts": (48.0, 10.0),
    "retiming-inf": (1.0, 1.0),
    "retiming-l1": (500.0, 100.0),
    "retiming-l0": (200.0, 60.0),
}
PLAN: list[dict[str, Any]] = [
    {"name": f"{network}-{threat}", "network": network, "threat": threat, "items": ITEMS,
     "radius": radii[number]}
    for threat, radii in THREATS.items()
    for number, network in enumerate(NETWORKS)
]  # fmt: skip


def measured(settings: Cell, networks: Path) -> Cell:
    """What every member of the suite broke under one threat, and its passes."""
    if settings["network"] == "n-mnist":
        data, part = recordings(FOLD), folds_part()
        name = f"n-mnist-10-fold-{FOLD}-plain"
    else:
        data, part = sp.load(settings["network"]), i2e_part()
        name = f"{settings['network']}-plain-0"
    model, said = trained(networks, name, part, data, "plain", seed=0)
    split, clean, of = first_right(model, data, int(settings["items"]))
    threat = threat_from(settings["threat"], settings["radius"], data.domain)
    suite = suite_under(SUITES[SUITE], threat)
    found = suite(
        model, split.x, split.y, threat, seeds=seeds(0, items=split.items), every=True,
        batch_size=64,
    )  # fmt: skip
    members = {
        member.name: {
            "broken": rows.int().tolist(),
            "forward": stats.passes.forward,
            "backward": stats.passes.backward,
        }
        for member, stats, rows in zip(suite.members, found.stats, found.broken, strict=True)
        if stats.tried
    }
    return {
        "clean_accuracy": clean,
        "test_items": of,
        "training": said,
        "events_per_item": float(split.x.flatten(1).sum(1).double().mean()),
        "order": list(members),  # files sort their names
        "members": members,
    }


def named(found: Sequence[Cell], network: str, threat: str) -> Cell | None:
    """The cell of a network and a threat."""
    for cell in found:
        settings = cell["about"]["settings"]
        if (settings["network"], settings["threat"]) == (network, threat):
            return cell
    return None


def broken(cell: Cell) -> npt.NDArray[np.bool_]:
    """Which items each member broke, bool ``(members, items)``, in the order of the suite."""
    return np.array([cell["members"][name]["broken"] for name in cell["order"]], dtype=bool)


def summed(cell: Cell) -> dict[str, tuple[int, int, int, int, int]]:
    """Of each member, in the suite's order: what it broke, and what its turn cost.

    Returns:
        Member → items it broke, items that it was the first of the suite to break, items that no
        other member broke, forward and backward passes per item.
    """
    rows, items = broken(cell), len(broken(cell)[0])
    first = rows & ~np.vstack([np.zeros_like(rows[:1]), np.logical_or.accumulate(rows)[:-1]])
    alone = rows & (rows.sum(0) == 1)
    return {
        name: (
            int(rows[number].sum()),
            int(first[number].sum()),
            int(alone[number].sum()),
            round(cell["members"][name]["forward"] / items),
            round(cell["members"][name]["backward"] / items),
        )
        for number, name in enumerate(cell["order"])
    }


def never(found: Sequence[Cell]) -> dict[str, list[str]]:
    """Threat → members that broke nothing on any network, and would not be missed under it."""
    idle: dict[str, list[str]] = {}
    for threat in THREATS:
        here = [one for one in found if one["about"]["settings"]["threat"] == threat]
        names = list(dict.fromkeys(name for one in here for name in one["order"]))
        total = {n: sum(summed(one)[n][0] for one in here if n in one["order"]) for n in names}
        if here:
            idle[threat] = [name for name in names if not total[name]]
    return idle


if __name__ == "__main__":
    cells.main("members", PLAN, measured)
