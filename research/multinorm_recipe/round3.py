"""The third round of the search for the recipe: judged by `core` alone, with seeds of its own.

The second round's best candidate, small changes of it, and the strongest rivals. Three seeds that
no other round used; validation items as in `search.py`, more of them on Fashion-MNIST. After
each run the file `research/results/recipe_third.json` is replaced; what is in it already is not
measured again.

    python -m research.multinorm_recipe.round3
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from functools import partial

import torch

from benchmarks.harness import Row, write
from research import RESULTS
from research.multinorm_recipe.candidates import F_E_AT
from research.multinorm_recipe.round2 import F_REFINED, FALL, FALLING, RECIPE, RIVAL
from research.multinorm_recipe.search import (
    STRONGER,
    Job,
    answers,
    judged,
    key,
    told,
    trained,
)
from spikeproof.attacks import PGD
from spikeproof.neurons import LIF, Surrogate

SEEDS, PATH = (3, 4, 5), RESULTS / "recipe_third.json"
GENTLE = {"l1": 1.75, "linf": 1.2}
SOFT = partial(LIF, leak=1.0, reset="soft")
FOUR = PGD(steps=4, step_size=0.6, last=0.33, keep="last")
TWO = PGD(steps=2, step_size=0.75, last=0.5, keep="last")
SHARP = SOFT(surrogate=Surrogate("triangle", sharpness=1.5))
F_RIVAL = F_E_AT.but("E-AT, two norms", "inputs", norms=("linf", "l1"))
F_FALL = F_REFINED[1]

DIGITS = (
    RIVAL,
    RECIPE,
    FALL,
    FALL.but("gentle", "radii", scales=GENTLE),
    FALL.but("gentle, 28 epochs", "radii and epochs", scales=GENTLE, epochs=28),
    FALL.but("l_1 x2.25, l_inf x1.2", "radii", scales={"l1": 2.25, "linf": 1.2}),
    FALL.but("average .99", "weight averaging", settings={"average": 0.99}),
    FALL.but("no random start", "attack", attack=replace(FALLING, random_start=False)),
    FALL.but("4 steps, 17 epochs", "attack steps", attack=FOUR, epochs=17),
    FALL.but("2 steps, 30 epochs", "attack steps", attack=TWO, epochs=30),
    FALL.but("AdamW", "weight decay .01", settings={"optimizer": "adamw", "weight_decay": 0.01}),
    FALL.but(
        "rate .015, warm-up", "learning rate", settings={"learning_rate": 0.015, "warmup": 0.1}
    ),
    FALL.but("sharpness 1.5", "surrogate", network={"neuron": SHARP}),
    FALL.but("detached reset", "reset", network={"neuron": SOFT(detach_reset=True)}),
)
FASHION = tuple(
    replace(candidate, items=600, watched=300)
    for candidate in (
        F_E_AT.but("AT-linf", "inputs", inputs="linf"),
        F_RIVAL,
        F_REFINED[0],
        F_FALL,
        F_FALL.but("gentle", "radii", scales=GENTLE),
    )
)
CANDIDATES = tuple(replace(one, core=True, seeds=SEEDS) for one in (*DIGITS, *FASHION))


def measured(job: Job) -> Row:
    """One candidate with one seed, judged by `core`."""
    torch.set_num_threads(1)
    candidate, seed = job
    model, cost = trained(candidate, seed)
    row = {"data": candidate.data, "name": candidate.name, "seed": seed, **cost}
    return {**row, STRONGER: judged(candidate, model, STRONGER)}


def store(runs: Iterable[Row]) -> None:
    """Replace the file of results."""
    order = {(c.data, c.name): place for place, c in enumerate(CANDIDATES)}
    write(
        PATH.stem,
        [],
        folder=RESULTS,
        clock="processor seconds of training, one thread, on a busy machine",
        suite=STRONGER,
        split="validation",
        candidates=[told(candidate) for candidate in CANDIDATES],
        runs=sorted(runs, key=lambda row: (order[key(row)[:2]], row["seed"])),
    )


def main() -> None:
    """Measure what is missing."""
    torch.set_num_threads(1)
    stored = json.loads(PATH.read_text(encoding="utf-8"))["runs"] if PATH.exists() else []
    known = {key(row): row for row in stored}
    jobs = [(c, s) for c in CANDIDATES for s in c.seeds if (c.data, c.name, s) not in known]
    for row in answers(measured, jobs, processes=2):
        known[key(row)] = row
        store(known.values())
        print(row["data"], row["name"], row["seed"], row[STRONGER], flush=True)


if __name__ == "__main__":
    main()
