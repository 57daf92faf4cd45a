"""Claim 9: the sparse dynamic attack (SDA) needs few flips, no more than simpler attacks.

Published (lun2025pdsg, CIFAR10-DVS, 100 items): 82 % success below 800 flips, median 303; the top-k
of the gradient 69 % with a mean of 656. Here: N-MNIST and I2E(Fashion-MNIST), against the top-k of
the gradient, Swap, and random flips, all counted on the same ladder of budgets.

    SPIKEPROOF_DATA=FOLDER python -m research.modalities.flips
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import spikeproof as sp
from research.modalities import cells
from research.modalities.cells import Cell, intervals, part, table, verdict
from research.modalities.networks import (
    events_per_item,
    first_right,
    folds_part,
    i2e_part,
    recordings,
    trained,
)
from spikeproof.analysis.claims.claim import Ruling, above
from spikeproof.attacks import SDA, Member, Random, Saliency, Suite, Swap
from spikeproof.evaluate import evaluate_ladder
from spikeproof.metrics import Bootstrap, Estimate
from spikeproof.neurons import Surrogate
from spikeproof.oracle import PDSG
from spikeproof.threats import threat_from

TITLE = "SDA breaks with few flips, no more than the top-k of the gradient and Swap"
SOURCE = "lun2025pdsg"
# What decides, written before anything was measured.
SUCCESS = 0.82  # of the right items, below 800 flips
NO_MORE = 0.0  # doublings of the flips, SDA less the other

LADDER = (2, 4, 8, 16, 32, 64, 128, 256, 512, 800)
ITEMS = 24
SETS = ("n-mnist", "i2e-fashion-mnist")
PLAN: list[dict[str, Any]] = [
    {"name": f"{data}-{number}", "data": data, "number": number, "items": ITEMS}
    for number in (1, 2, 3)
    for data in SETS
]
MEMBERS = {
    "sda": Member(attack=SDA(), gradient=PDSG()),
    "top-k": Member(attack=Saliency(steps=1, stop=True), gradient=PDSG()),
    "swap": Member(
        attack=Swap(steps=40, share=0.8, noise=0.2, stop=True),
        gradient=Surrogate("triangle", sharpness=1.0),
    ),
    "random": Member(attack=Random(draws=1)),
}


def measured(settings: Cell, networks: Path) -> Cell:
    """The first budget of the ladder that breaks each item, by attack."""
    number = int(settings["number"])
    if settings["data"] == "n-mnist":
        data, seed = recordings(number), 0
        model, said = trained(
            networks, f"n-mnist-10-fold-{number}-plain", folds_part(), data, "plain", seed=0
        )
    else:
        data, seed = sp.load(settings["data"]), number - 1
        name = f"{settings['data']}-plain-{seed}"
        model, said = trained(networks, name, i2e_part(), data, "plain", seed=seed)
    split, clean, of = first_right(model, data, int(settings["items"]))
    ladder = [threat_from("flips", flips, data.domain) for flips in LADDER]
    flips: dict[str, list[int]] = {}
    for name, member in MEMBERS.items():
        outcome = evaluate_ladder(model, split, ladder, Suite((member,)), seed=0, draws=0)
        first = np.where(outcome.broken.any(0), outcome.broken.argmax(0), len(LADDER))
        flips[name] = first.astype(int).tolist()
    return {
        "clean_accuracy": clean,
        "test_items": of,
        "events_per_item": events_per_item(data),
        "training": said,
        "level": flips,
    }


def _of(found: Sequence[Cell], data: str) -> list[Cell]:
    return [cell for cell in found if cell["about"]["settings"]["data"] == data]


def success(found: Sequence[Cell], data: str, attack: str) -> Estimate | None:
    """Share of the right items that an attack breaks within the whole ladder."""
    here = _of(found, data)
    if not here:
        return None
    rows = (table([cell["level"][attack] for cell in here]) < len(LADDER)).astype(float)
    return intervals(rows).share(rows)


def median_flips(found: Sequence[Cell], data: str, attack: str) -> Estimate | None:
    """Median of the first budget that breaks an item; infinite where half of them stand."""
    here = _of(found, data)
    if not here:
        return None
    flips = np.asarray([*map(float, LADDER), np.inf])
    rows = flips[table([cell["level"][attack] for cell in here]).astype(int)]
    return Bootstrap(*rows.shape).median(rows)


def doublings(found: Sequence[Cell], data: str, other: str) -> Estimate | None:
    """How many times SDA needs the double of the flips, paired by item; unbroken ones are next."""
    here = _of(found, data)
    if not here:
        return None
    steps = np.log2(np.asarray([*map(float, LADDER), 2.0 * LADDER[-1]]))
    one, two = (
        steps[table([cell["level"][attack] for cell in here]).astype(int)]
        for attack in ("sda", other)
    )
    return intervals(one).mean(one - two)


def no_more(estimate: Estimate) -> Ruling:
    """Whether SDA needs no more flips: the whole interval decides, and 0 itself is no more."""
    if estimate.high <= NO_MORE:
        return "supported"
    return "contradicted" if estimate.low > NO_MORE else "undecided"


def judge(found: Sequence[Cell]) -> dict[str, Any]:
    """The verdict, from cells alone."""
    parts = []
    for data in SETS:
        if (share := success(found, data, "sda")) is not None:
            parts.append(
                part(
                    f"{data}: SDA within {LADDER[-1]} flips",
                    above(share, SUCCESS),
                    share,
                    SUCCESS,
                    "share of right items",
                )
            )
        for other in ("top-k", "swap"):
            if (gap := doublings(found, data, other)) is not None:
                parts.append(
                    part(
                        f"{data}: SDA less {other}",
                        no_more(gap),
                        gap,
                        NO_MORE,
                        "doublings of the flips",
                    )
                )
    complete = len(found) == len(PLAN)
    return {"parts": parts, "verdict": verdict(parts, complete=complete)}


if __name__ == "__main__":
    cells.main("flips", PLAN, measured)
