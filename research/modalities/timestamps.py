"""Claim 10: spikes of speech that come a few milliseconds early or late change the answer.

Published as student work on SHD (clean accuracy .40 to .60, relaxed input, no check of legality): a
mean shift of 4.5 ms breaks 98 % of 100 items, and random jitter does not. Here: spoken digits as
spikes of 64 channels, a step a millisecond; every spike moves by at most so many whole steps, a
channel keeps its spikes and a step at most one, which the package's own checks verify.

    SPIKEPROOF_DATA=FOLDER python -m research.modalities.timestamps
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import spikeproof as sp
from research.modalities import cells
from research.modalities.cells import Cell, intervals, part, table, verdict
from research.modalities.networks import events_per_item, first_right, trained
from spikeproof.analysis.claims.claim import Ruling, above
from spikeproof.attacks import PGD, Member, RetimingSearch, Suite
from spikeproof.data import Dataset
from spikeproof.evaluate import evaluate_ladder, open_test
from spikeproof.metrics import Estimate
from spikeproof.models import GammatoneBank, Onsets, raster
from spikeproof.neurons import Surrogate
from spikeproof.oracle import Backward
from spikeproof.study import DataPlan
from spikeproof.threats import Threat, TimestampShift, threat_from

TITLE = "a few milliseconds decide what a network hears, and random jitter of that size does not"
SOURCE = "student work on SHD"
# What decides, written before anything was measured.
RADIUS_MS = 5
SUCCESS = 0.80  # of the right items, under shifts of at most RADIUS_MS
JITTER = 0.10  # of the right items may random shifts of that size make wrong

BANDS, THRESHOLD = 32, 0.1
RADII_MS = (2, 5)
ITEMS, DRAWS = 40, 5
PLAN: list[dict[str, Any]] = [{"name": f"fsdd-{s}", "seed": s, "items": ITEMS} for s in (0, 1, 2)]
PART = DataPlan(
    name="fsdd-onsets",
    model="dense",
    width=96,
    neuron={"kind": "lif", "leak": 0.95},
    epochs=8,
    train_items=1500,
    batch_size=64,
    learning_rate=0.01,
)
_SUITE = Suite(
    (
        Member(
            attack=RetimingSearch(steps=40, stop=True),
            gradient=Surrogate("triangle", sharpness=1.0),
        ),
        Member(
            attack=PGD(steps=30, step_size=0.5, stop=True),
            # Over so many steps the gradient through the reset grows beyond all bounds.
            gradient=Backward(gradient=Surrogate("arctan", sharpness=5.0), reset="detached"),
        ),
    )
)


@cache
def spoken() -> Dataset:
    """The spoken digits with their official test, as onsets and offsets of 32 gammatone bands."""
    data = sp.load("fsdd")
    front = Onsets(GammatoneBank(bands=BANDS, hop=8), threshold=THRESHOLD, offsets=True)

    def spikes(x: Tensor) -> Tensor:
        return torch.cat([raster(front, part) for part in x.split(64)])

    test = open_test(data)
    return Dataset.from_splits(
        train=(spikes(data.train.x), data.train.y),
        validation=(spikes(data.validation.x), data.validation.y),
        test=(spikes(test.x), test.y),
        kind="events",
        low=0.0,
        high=1.0,
        integer=True,
        classes=10,
        name=PART.name,
        licence=data.spec.licence,
        source=data.spec.source,
        radii={"retiming-inf": (1.0, 2.0, 5.0)},
    )


def measured(settings: Cell, networks: Path) -> Cell:
    """Success of the attacks and of random jitter on the right items of one network."""
    data, seed = spoken(), int(settings["seed"])
    model, said = trained(networks, f"fsdd-onsets-{seed}", PART, data, "plain", seed=seed)
    split, clean, of = first_right(model, data, int(settings["items"]))
    broken: dict[str, list[int]] = {}
    jitter: dict[str, list[float]] = {}
    for radius in RADII_MS:
        threat = threat_from("retiming-inf", float(radius), data.domain)
        outcome = evaluate_ladder(model, split, threat, _SUITE, seed=0, draws=DRAWS, keep=True)
        _check_milliseconds(split.x, outcome.adversarials, split.items, radius, data)
        broken[str(radius)] = outcome.broken[0].astype(int).tolist()
        jitter[str(radius)] = [round(1 - float(v), 4) for v in outcome.random_correct[0]]
    return {
        "clean_accuracy": clean,
        "test_items": of,
        "events_per_item": events_per_item(data),
        "training": said,
        "broken": broken,
        "jitter": jitter,
    }


def _check_milliseconds(x: Tensor, found: Any, items: Tensor, radius: int, data: Dataset) -> None:
    """Measure what the attacks returned as shifts of timestamps, spike by spike."""
    threat = Threat(TimestampShift(), float(radius), data.domain)
    if found is None or not len(found.items):
        return
    rows = torch.searchsorted(items, torch.as_tensor(found.items))
    moved = torch.as_tensor(found.x_adv).double().numpy()
    lengths = threat.geometry.length_between(moved, x[rows].double().numpy(), data.domain)
    assert (lengths <= radius).all(), "a returned raster is no shift of timestamps"


def broken_by(found: Sequence[Cell], radius: int) -> Estimate | None:
    """Share of the right items that shifts of at most so many milliseconds break."""
    if not found:
        return None
    rows = table([cell["broken"][str(radius)] for cell in found])
    return intervals(rows).share(rows)


def lost_to_jitter(found: Sequence[Cell], radius: int) -> Estimate | None:
    """Share of the right items that random shifts of that size make wrong, mean over draws."""
    if not found:
        return None
    rows = table([cell["jitter"][str(radius)] for cell in found])
    return intervals(rows).share(rows)


def at_most(estimate: Estimate, threshold: float) -> Ruling:
    """Whether a share is no larger than a threshold: the whole interval decides."""
    if estimate.high <= threshold:
        return "supported"
    return "contradicted" if estimate.low > threshold else "undecided"


def judge(found: Sequence[Cell]) -> dict[str, Any]:
    """The verdict, from cells alone."""
    parts = []
    if (share := broken_by(found, RADIUS_MS)) is not None:
        parts.append(
            part(
                f"broken by shifts of at most {RADIUS_MS} ms",
                above(share, SUCCESS),
                share,
                SUCCESS,
                "share of right items",
            )
        )
    if (lost := lost_to_jitter(found, RADIUS_MS)) is not None:
        parts.append(
            part(
                f"lost to random jitter of {RADIUS_MS} ms",
                at_most(lost, JITTER),
                lost,
                JITTER,
                "share of right items",
            )
        )
    complete = len(found) == len(PLAN)
    return {"parts": parts, "verdict": verdict(parts, complete=complete)}


if __name__ == "__main__":
    cells.main("timestamps", PLAN, measured)
