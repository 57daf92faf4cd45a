"""Claim 8: retiming breaks networks of N-MNIST, and absolute budgets do not carry over T.

Published (yu2026retiming, a larger network): B_inf = 1 breaks all; B_1 of 500, 750 and 1,000 steps
breaks 58.9, 99.9 and 100 %, B_0 of 200, 300 and 400 events 13, 53 and 98.5 %; from T = 10 to 40 the
same B_0 breaks 13.3 % in place of 98.9. Here: one plain network per number of steps and fold, and
beside the middle B_0 the relative budget that is as large, in the mean, at T = 10.

    SPIKEPROOF_DATA=FOLDER python -m research.modalities.retiming
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from research.modalities import cells
from research.modalities.cells import Cell, intervals, part, table, verdict
from research.modalities.networks import (
    events_per_item,
    first_right,
    folds_part,
    recordings,
    trained,
)
from spikeproof.analysis.claims.claim import above
from spikeproof.attacks import PIL, Member, RetimingSearch, Suite
from spikeproof.evaluate import evaluate_ladder
from spikeproof.metrics import Estimate
from spikeproof.neurons import Surrogate
from spikeproof.threats import threat_from

TITLE = "retiming breaks N-MNIST, and absolute budgets do not carry over the number of steps"
SOURCE = "yu2026retiming"
# What decides, written before anything was measured.
SHIFT_BREAKS = 0.90  # of the right items, under one step at T = 10
SPREAD_SHARE = 0.5  # the relative spread over T must be less than this share of the absolute one
NOTHING_TO_HALVE = 0.10  # absolute spreads below this decide nothing
MISSED = 0.01  # of the items may a larger budget miss what a smaller one broke

STEPS = (10, 20, 40)
FOLDS = (1, 2, 3)
ITEMS, ITEMS_L1 = 24, 12  # a step of the attack under l1 takes ten times as long
SHIFTS = (1,)
TOTAL_STEPS = (500, 750, 1000)
MOVED = (200, 300, 400)
MIDDLE = 1
PLAN: list[dict[str, Any]] = [
    {"name": f"steps-{steps}-fold-{fold}", "steps": steps, "fold": fold, "items": ITEMS}
    for fold in FOLDS
    for steps in STEPS
]
_SUITE = Suite(
    (
        Member(
            attack=RetimingSearch(steps=20, stop=True),
            gradient=Surrogate("triangle", sharpness=1.0),
        ),
        Member(attack=PIL(steps=20, stop=True), gradient=Surrogate("arctan", sharpness=5.0)),
    )
)


def budgets(events: float, steps: int) -> dict[str, tuple[float, ...]]:
    """The radii of every threat; the relative one is the middle one as a share of the events.

    Args:
        events: Of a training recording at the first number of steps, in the mean.
        steps: Of the recordings attacked; the sum of all shifts is budgeted at the first alone.
    """
    found = {
        "retiming-inf": tuple(map(float, SHIFTS)),
        "retiming-l0": tuple(map(float, MOVED)),
        "retiming-l0-relative": (round(MOVED[MIDDLE] / events, 4),),
    }
    if steps == STEPS[0]:
        found["retiming-l1"] = tuple(map(float, TOTAL_STEPS))
    return found


def measured(settings: Cell, networks: Path) -> Cell:
    """Success of the attacks on the right items of one network, each radius attacked afresh."""
    fold, steps = int(settings["fold"]), int(settings["steps"])
    data = recordings(fold, steps)
    model, said = trained(
        networks, f"n-mnist-{steps}-fold-{fold}-plain", folds_part(steps), data, "plain", seed=0
    )
    split, clean, of = first_right(model, data, int(settings["items"]))
    found: dict[str, dict[str, list[int]]] = {}
    chance: dict[str, dict[str, float]] = {}
    for name, radii in budgets(events_per_item(recordings(fold)), steps).items():
        some = split[: ITEMS_L1 if name == "retiming-l1" else None]
        for radius in radii:
            threat = threat_from(name, radius, data.domain)
            outcome = evaluate_ladder(model, some, threat, _SUITE, seed=0, draws=1)
            broken = outcome.broken[0].astype(int).tolist()
            found.setdefault(name, {})[f"{radius:g}"] = broken
            by_chance = 1 - float(outcome.random_correct.mean())
            chance.setdefault(name, {})[f"{radius:g}"] = round(by_chance, 4)
    return {
        "clean_accuracy": clean,
        "test_items": of,
        "events_per_item": events_per_item(data),
        "training": said,
        "broken": found,
        "random_broken": chance,
    }


def _of(found: Sequence[Cell], steps: int) -> list[Cell]:
    return [cell for cell in found if cell["about"]["settings"]["steps"] == steps]


def success(found: Sequence[Cell], steps: int, threat: str, level: int) -> Estimate | None:
    """Share of the right items that a budget, or a smaller one, breaks, over networks and items."""
    here = _of(found, steps)
    if not here:
        return None
    # A larger budget holds every input of a smaller one: what that broke, it breaks.
    rows = table([afresh(cell, threat)[: level + 1].any(0).tolist() for cell in here])
    return intervals(rows).share(rows)


def afresh(cell: Cell, threat: str) -> npt.NDArray[np.bool_]:
    """What each budget of a threat broke on its own, bool ``(budgets, items)``, smallest first.

    Files keep the budgets in the order of their names, in which "1000" comes before "500".
    """
    found = cell["broken"][threat]
    return np.asarray([found[name] for name in sorted(found, key=float)], dtype=bool)


def stands_again(found: Sequence[Cell]) -> tuple[int, int]:
    """Items that a budget breaks and a larger one of the same threat does not, and pairs asked."""
    again = asked = 0
    for cell in found:
        for threat in cell["broken"]:
            rows = afresh(cell, threat)
            again += int((rows[:-1] & ~rows[1:]).sum())
            asked += int(rows[1:].size)
    return again, asked


def spreads(found: Sequence[Cell]) -> tuple[float, float] | None:
    """How far success at the middle B_0 lies apart over T: the absolute one, the relative one."""
    gaps = []
    for name, level in (("retiming-l0", MIDDLE), ("retiming-l0-relative", 0)):
        each = [success(found, steps, name, level) for steps in STEPS]
        values = [one.value for one in each if one is not None]
        if len(values) < len(STEPS):
            return None
        gaps.append(max(values) - min(values))
    return gaps[0], gaps[1]


def judge(found: Sequence[Cell]) -> dict[str, Any]:
    """The verdict, from cells alone."""
    parts = []
    one = success(found, STEPS[0], "retiming-inf", 0)
    if one is not None:
        parts.append(
            part(
                "broken by a shift of one step, T = 10",
                above(one, SHIFT_BREAKS),
                one,
                SHIFT_BREAKS,
                "share of right items",
            )
        )
    again, asked = stands_again(found)
    if asked:
        # Larger budgets hold every input of smaller ones: what stands again is the attack's miss.
        ruling = "supported" if again <= MISSED * asked else "contradicted"
        share = Estimate(again / asked, again / asked, again / asked, asked, len(found))
        parts.append(
            part("broken, and not by a larger budget", ruling, share, MISSED, "share of items")
        )
    if (gaps := spreads(found)) is not None:
        absolute, relative = gaps
        ruling = "supported" if relative < SPREAD_SHARE * absolute else "contradicted"
        if absolute < NOTHING_TO_HALVE:
            ruling = "undecided"
        estimate = Estimate(relative, relative, relative, ITEMS, len(FOLDS))
        parts.append(
            part(
                f"spread over T of the relative B_0, of {absolute:.2f} absolute",
                ruling,
                estimate,
                SPREAD_SHARE * absolute,
                "share of right items",
            )
        )
    complete = len(found) == len(PLAN)
    return {"parts": parts, "verdict": verdict(parts, complete=complete)}


if __name__ == "__main__":
    cells.main("retiming", PLAN, measured)
