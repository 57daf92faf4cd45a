"""The third round of the search for the recipe: judged by `core` alone, with seeds of its own.

The second round's best candidate, small changes of it, and the strongest rivals. Three seeds that
no other round used; validation items as in `recipe_search.py`, more of them on Fashion-MNIST. After
each run the file `benchmarks/results/recipe_third.json` is replaced; what is in it already is not
measured again.

    python benchmarks/recipe_third.py
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch
from harness import RESULTS
from recipe_candidates import F_E_AT
from recipe_refined import F_REFINED, FALL, FALLING, RECIPE, RIVAL
from recipe_search import STRONGER, Round

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


def main() -> None:
    """Measure what is missing."""
    torch.set_num_threads(1)
    Round(CANDIDATES, PATH, STRONGER).pursue(processes=2)


if __name__ == "__main__":
    main()
