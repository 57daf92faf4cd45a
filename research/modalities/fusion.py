"""Claim 12: fusion can lower robustness, and training for one view or norm does not carry over.

Published: audio-visual fusion of artificial networks can lower robustness where both views are
attacked (tian2021can); E-AT raises the union of norms far above training under one norm
(croce2022eat, jiang2024ramp: 15.6 to 46 %). Here: recordings with spoken digits, the two unimodal
networks, early and late fusion, each under the worst division of one total budget over the views;
late fusion also trained adversarially in both views, in one, and by E-AT.

    SPIKEPROOF_DATA=FOLDER python -m research.modalities.fusion
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import spikeproof as sp
from research.modalities import cells
from research.modalities.cells import Cell, intervals, part, table, verdict
from research.modalities.networks import clean_accuracy, pairs_part, trained
from spikeproof.analysis.claims.claim import Ruling, above
from spikeproof.attacks import APGD, PGD, Member, Suite
from spikeproof.data import Dataset
from spikeproof.evaluate import evaluate_ladder, open_test
from spikeproof.metrics import Estimate, Floats
from spikeproof.neurons import Surrogate
from spikeproof.study import InputsPlan
from spikeproof.threats import threat_of

TITLE = "fusion can lower robustness, joint attacks win most, and training carries over to little"
SOURCE = "tian2021can, croce2022eat"
# What decides, written before anything was measured. Each is a difference in shares of the items
# whose whole interval lies above 0 (supported) or below it (contradicted).
DIFFERENCE = 0.0
MISSED = 0.01  # of the items may a single view break where the joint attack, run alone, does not

TOTAL = 1.0  # of the factors of both views: half of it each is half of each view's own radius
SHARES = ("0-100", "25-75", "50-50", "75-25", "100-0")
VIEWS = {"events": "100-0", "audio": "0-100"}
NORMS = {"linf": 0.0025, "l2": 0.045, "l1": 1.3}
ITEMS = 40
NETWORKS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "events": ("fusion-small@events", "plain", {}),
    "audio": ("fusion-small@audio", "plain", {}),
    "early": ("fusion-early", "plain", {}),
    "late": ("fusion-small", "plain", {}),
    "late-AT-joint": ("fusion-small", "AT", {"threat": "joint"}),
    "late-AT-events": ("fusion-small", "AT", {"threat": "joint-only-events"}),
    "late-AT-linf": ("fusion-small", "AT", {}),
    "late-E-AT": ("fusion-small", "E-AT", {}),
}
PLAN: list[dict[str, Any]] = [
    {"name": f"{network.lower()}-{seed}", "network": network, "seed": seed, "items": ITEMS}
    for seed in (0, 1, 2)
    for network in NETWORKS
]
EPOCHS = 5
_SUITE = Suite(
    (
        Member(
            attack=PGD(steps=20, step_size=0.2, stop=True),
            gradient=Surrogate("arctan", sharpness=5.0),
        ),
        Member(
            attack=APGD(steps=20, stop=True),
            gradient=Surrogate("triangle", sharpness=1.0),
            loss="cross_entropy",
        ),
    )
)


@cache
def pairs() -> Dataset:
    """Recordings with spoken digits, test speakers in no training pair."""
    return sp.load("nmnist-fsdd")


def measured(settings: Cell, networks: Path) -> Cell:
    """Which test items of one network each division of the total breaks, and each norm."""
    network, seed = str(settings["network"]), int(settings["seed"])
    model_name, training, inputs = NETWORKS[network]
    data = pairs()
    more: dict[str, Any] = {}
    if inputs:
        attack = {"kind": "pgd", "steps": 3, "step_size": 0.5}
        more = {"inputs": InputsPlan(attack=attack, radius=1.0, **inputs)}
    model, said = trained(
        networks,
        f"pairs-{network.lower()}-{seed}",
        pairs_part(model_name, EPOCHS),
        data,
        training,
        seed=seed,
        **more,
    )
    split = open_test(data, int(settings["items"]))
    threats = {f"joint-split-{share}": TOTAL for share in SHARES}
    if network.startswith("late"):
        threats |= {"joint": TOTAL, "joint-only-events": TOTAL, "joint-only-audio": TOTAL} | NORMS
    broken = {}
    for name, radius in threats.items():
        if "@" in model_name and name not in (f"joint-split-{VIEWS[network]}",):
            continue  # a network of one view sees nothing of the other
        threat = threat_of(data, name, radius)
        outcome = evaluate_ladder(model, split, threat, _SUITE, seed=0, draws=0)
        broken[name] = outcome.broken[0].astype(int).tolist()
    return {
        "clean_accuracy": clean_accuracy(model, open_test(data)),
        "test_items": len(data.sealed),
        "training": said,
        "broken": broken,
    }


def _of(found: Sequence[Cell], network: str) -> list[Cell]:
    return [cell for cell in found if cell["about"]["settings"]["network"] == network]


def standing(found: Sequence[Cell], network: str, threats: Sequence[str]) -> Floats | None:
    """Which items stand under every one of these threats, per network and item."""
    here = _of(found, network)
    names = [name for name in threats if here and name in here[0]["broken"]]
    if not names:
        return None
    rows = [np.any([cell["broken"][name] for name in names], axis=0) for cell in here]
    return 1.0 - table([row.astype(float).tolist() for row in rows])


def divided(found: Sequence[Cell], network: str) -> Floats | None:
    """Which items stand under every division of the total."""
    return standing(found, network, [f"joint-split-{share}" for share in SHARES])


def gain(found: Sequence[Cell], one: str, other: str, threats: Sequence[str]) -> Estimate | None:
    """How many more items the first network keeps, paired by seed and item."""
    first, second = (standing(found, name, threats) for name in (one, other))
    if first is None or second is None or first.shape != second.shape:
        return None
    return intervals(first).difference(first, second)


def best_view(found: Sequence[Cell]) -> str | None:
    """The unimodal network that keeps most under the whole total on its own view."""
    kept = {view: divided(found, view) for view in VIEWS}
    if any(rows is None for rows in kept.values()):
        return None
    return max(kept, key=lambda view: float(np.mean(kept[view])))


def missed(found: Sequence[Cell]) -> Estimate | None:
    """Share of items that a single view breaks and the joint attack at the same radii does not."""
    here = [cell for cell in found if "joint" in cell["broken"]]
    rows = []
    for cell in here:
        alone = [cell["broken"][f"joint-only-{view}"] for view in VIEWS]
        rows.append((np.any(alone, axis=0) & ~np.asarray(cell["broken"]["joint"], bool)).tolist())
    if not rows:
        return None
    of = table(rows)
    return intervals(of).share(of)


def below(estimate: Estimate) -> Ruling:
    """Whether a difference lies below 0: the whole interval decides."""
    return {"supported": "contradicted", "contradicted": "supported"}.get(
        above(estimate, DIFFERENCE), "undecided"
    )  # type: ignore[return-value]


def _lower(found: Sequence[Cell]) -> list[dict[str, Any]]:
    """Whether a fusion keeps fewer items than the best network of one view."""
    view, parts = best_view(found), []
    for network in ("early", "late"):
        if view is None:
            break
        gap = gain(found, network, view, [f"joint-split-{share}" for share in SHARES])
        if gap is not None:
            name = f"{network} fusion less {view} alone, one total"
            parts.append(part(name, below(gap), gap, DIFFERENCE, "share of items"))
    return parts


def judge(found: Sequence[Cell]) -> dict[str, Any]:
    """The verdict, from cells alone."""
    parts = []
    if (share := missed(found)) is not None:
        ruling: Ruling = "supported" if share.value <= MISSED else "contradicted"
        name = "broken in one view, and not by the joint attack run alone"
        parts.append(part(name, ruling, share, MISSED, "share of items"))
    lower = _lower(found)
    if lower:
        # "Can lower" is an existence: one fusion that keeps less is enough.
        rulings = {one["verdict"] for one in lower}
        alone = len(rulings) == 1
        chosen = "supported" if "supported" in rulings else rulings.pop() if alone else "undecided"
        worst = min(lower, key=lambda one: one["estimate"][0])
        parts.append({**worst, "name": f"some fusion keeps less: {worst['name']}",
                      "verdict": chosen})  # fmt: skip
    splits = [f"joint-split-{share}" for share in SHARES]
    for one, other, threats, name in (
        (
            "late-AT-joint",
            "late-AT-events",
            splits,
            "AT in both views less AT in events, one total",
        ),
        (
            "late-E-AT",
            "late-AT-linf",
            list(NORMS),
            "E-AT less AT under l_inf, union of three norms",
        ),
    ):
        if (gap := gain(found, one, other, threats)) is not None:
            parts.append(part(name, above(gap, DIFFERENCE), gap, DIFFERENCE, "share of items"))
    complete = len(found) == len(PLAN)
    return {"parts": parts, "lower": lower, "verdict": verdict(parts, complete=complete)}


if __name__ == "__main__":
    cells.main("fusion", PLAN, measured)
