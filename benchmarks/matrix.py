"""How much evaluating a matrix of attacks costs beside running every attack on every item.

The matrix: every member of a suite, every norm, every radius of the norm's ladder, on one network.
Ours is ``evaluate_ladder``: an item that is broken for a threat is not attacked again for it,
neither by the next member nor at a larger radius, and the attack that breaks it leaves it alone at
once. Against: each member at each radius on every item, alone and to its last step. Both verify
what they find by the plain forward pass, both must give the same verdict for every item (it fails
otherwise), and neither makes the random draws that ``evaluate_ladder`` adds on request. Target:
less than half, in time and in passes. An item that stands at a radius has to be attacked by every
member there to its last step, so the share of standing items (``standing``, over the whole ladder)
is a floor for the ratio: no order of attacks can save more with the same verdicts. A run takes
minutes, so none is repeated to warm up; one thread is timed, by the processor's clock.

    python benchmarks/matrix.py
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from harness import compare, write

import spikeproof as sp
from spikeproof.attacks import Suite
from spikeproof.base import seeds
from spikeproof.data import Dataset, Split
from spikeproof.evaluate import evaluate_ladder, open_test, plain_logits, verify
from spikeproof.models import Network
from spikeproof.oracle import Passes

ITEMS = 120
EPOCHS = 12
ROUNDS = 2
SUITE = "core"
TARGET = 0.5
ERROR = (1.0, sp.CrossEntropy())
Verdicts = dict[str, np.ndarray[Any, Any]]


def objectives(data: Dataset) -> dict[str, sp.Objective]:
    """The trainings whose networks are evaluated."""
    inputs = sp.Adversarial(sp.PGD(steps=7, step_size=0.25), sp.standard_threats(data)["linf"][1])
    return {
        "plain": sp.Objective({"error": ERROR}),
        "SR": sp.Objective({"error": ERROR, "sparse": (0.1, sp.SparseGradient())}),
        "AT": sp.Objective({"error": ERROR}, inputs),
    }


def cascade(model: Network, data: Dataset, split: Split, suite: Suite) -> tuple[Verdicts, Passes]:
    """Ours: evaluate every ladder."""
    found, spent = {}, Passes()
    for name, ladder in sp.standard_threats(data).items():
        outcome = evaluate_ladder(model, split, ladder, suite, seed=0, draws=0)
        found[name], spent = outcome.broken, spent + outcome.passes
    return found, spent


def independent(
    model: Network, data: Dataset, split: Split, suite: Suite
) -> tuple[Verdicts, Passes]:
    """Against: every member on every item at every radius."""
    found, spent = {}, Passes()
    wrong = sp.Misclassification(split.y).margin(plain_logits(model, split.x)) > 0
    for name, ladder in sp.standard_threats(data).items():
        broken, rows = wrong.clone(), []
        for threat in ladder:
            keys = seeds(0, items=split.items).child(name, repr(threat.radius)).child("attack")
            for number, member in enumerate(suite.members):
                if not getattr(member.attack, "serves", lambda _: True)(threat):
                    continue
                with sp.Oracle(model, gradient=member.gradient) as oracle:
                    goal = sp.Misclassification(split.y, loss=member.loss)
                    own = keys.child("member", number)
                    attack = replace(member.attack, stop=False)  # type: ignore[type-var]
                    x_adv = attack(oracle, split.x, goal, threat, seeds=own)
                    spent += oracle.passes
                broken |= verify(model, split.x, x_adv, split.y, threat).won
                spent += Passes(forward=len(split))
            rows.append(broken.numpy().copy())
        found[name] = np.stack(rows)
    return found, spent


def measured(title: str, model: Network, data: Dataset) -> dict[str, Any]:
    """One row: same verdicts, passes and seconds of both ways, run in turn."""
    split, attacks = open_test(data, ITEMS), sp.suite(SUITE)
    ways = (cascade, independent)
    taken: tuple[list[float], list[float]] = ([], [])
    for number in range(ROUNDS):
        kept: list[tuple[Verdicts, Passes]] = [({}, Passes())] * 2
        for which in (0, 1) if number % 2 == 0 else (1, 0):
            begun = time.process_time()
            kept[which] = ways[which](model, data, split, attacks)
            taken[which].append(time.process_time() - begun)
        for name, broken in kept[0][0].items():
            if not np.array_equal(broken, kept[1][0][name]):
                raise SystemExit(f"{title}: the verdicts under {name} differ.")
    (found, ours), (_, theirs) = kept
    count = sum(len(rows) for rows in found.values()) * len(attacks.members)
    work = f"{title}, {count} attacks of suite {SUITE}, N={ITEMS}"
    row = compare(work, "every attack alone", taken)
    return {
        **row,
        "target": TARGET,
        "met": max(row["ratio"], ours.backward / theirs.backward) < TARGET,
        "identical_verdicts": True,
        "backward_passes": [ours.backward, theirs.backward],
        "backward_ratio": ours.backward / theirs.backward,
        "standing": float(np.mean([(~rows).mean() for rows in found.values()])),
        "robust": {name: (~rows).mean(1).tolist() for name, rows in found.items()},
    }


def total(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The whole matrix, all networks together."""
    ours, theirs = (sum(row[name] for row in rows) for name in ("ours_s", "theirs_s"))
    spent = np.sum([row["backward_passes"] for row in rows], axis=0)
    return {
        "work": f"all {len(rows)} networks together",
        "against": "every attack alone",
        "ours_s": ours,
        "theirs_s": theirs,
        "ratio": ours / theirs,
        "target": TARGET,
        "met": max(ours / theirs, float(spent[0] / spent[1])) < TARGET,
        "identical_verdicts": True,
        "backward_passes": spent.tolist(),
        "backward_ratio": float(spent[0] / spent[1]),
    }


def main() -> None:
    """Train, measure and store."""
    torch.set_num_threads(1)
    data = sp.load("digits")
    rows = []
    for title, objective in objectives(data).items():
        model = sp.build("cnn-small", data, timesteps=4)
        sp.fit(model, data, objective, epochs=EPOCHS, progress=False)
        rows.append(measured(f"cnn-small, digits, {title}", model, data))
    write("matrix", [*rows, total(rows)])


if __name__ == "__main__":
    main()
