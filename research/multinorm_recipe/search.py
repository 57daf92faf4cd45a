"""The search for the recipe `multinorm`, on validation items; no test item is opened.

Every candidate of `candidates.py` and `round2.py` is trained with each of its seeds and attacked at
the middle standard radius of l_inf, l_2, l_1 and l_0 by the suite `quick`, those of the second file
by `core` too. After each, the file `research/results/recipe_search.json` is replaced; what is in it
already is not measured again, so a search goes on where it was stopped. Seconds are processor
seconds of training, one thread.

    python -m research.multinorm_recipe.search
    python -m research.multinorm_recipe.search --processes 1 --check "digits/two norms, l_1 x1.5"

The first line measures what is missing and prints the table (delete the file to start anew); with
`--check` the named candidates are measured again and printed beside the stored numbers.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from multiprocessing import get_context
from typing import Any

import torch

import spikeproof as sp
from benchmarks.harness import Row, write
from research import RESULTS
from research.multinorm_recipe.candidates import DIGITS, FASHION, Candidate
from research.multinorm_recipe.round2 import F_REFINED, REFINED
from spikeproof.attacks import suite
from spikeproof.data import Dataset
from spikeproof.evaluate import evaluate_ladder
from spikeproof.train import AVG, EAT, MAX, MSD, SAT, Adversarial, Inputs, Objective

CANDIDATES = (*DIGITS, *REFINED, *FASHION, *F_REFINED)
PATH = RESULTS / "recipe_search.json"
UNION = ("linf", "l2", "l1")
MEASURED = ("clean", *UNION, "union", "l0", "all4")
SUITE, STRONGER, LEVEL = "quick", "core", 1

Key = tuple[str, str, int]
Job = tuple[Candidate, int]


def key(row: Row) -> Key:
    """What a row is about."""
    return row["data"], row["name"], row["seed"]


def items(candidate: Candidate) -> Dataset:
    """The data set with the candidate's training items."""
    data = sp.load(candidate.data)
    return replace(data, train=data.train[: candidate.train_items])


def inputs(candidate: Candidate, data: Dataset) -> Inputs | None:
    """What the candidate trains on."""
    kind = candidate.inputs
    if kind is None:
        return None
    threats = {}
    for norm, ladder in sp.standard_threats(data).items():
        threat = ladder[LEVEL]
        threats[norm] = threat.at(threat.radius * candidate.scales.get(norm, 1.0))
    attacked = {
        norm: Adversarial(
            candidate.attack, threats[norm], gradient=candidate.gradient, loss=candidate.loss
        )
        for norm in candidate.norms
    }
    if kind in attacked:
        return attacked[kind]
    if kind == "MSD":
        met = tuple(threats[norm] for norm in candidate.norms)
        return MSD(met, steps=candidate.attack.steps, step_size=candidate.attack.step_size)
    made = {"SAT": SAT, "E-AT": EAT, "MAX": MAX, "AVG": AVG}
    return made[kind](tuple(attacked.values()))


def trained(candidate: Candidate, seed: int) -> tuple[torch.nn.Module, dict[str, float]]:
    """The network and the cost of its training."""
    data = items(candidate)
    model = sp.build("cnn-small", data, seed=seed, **candidate.network)
    objective = Objective(dict(candidate.terms), inputs(candidate, data))
    begun = time.process_time()
    history = sp.fit(
        model,
        replace(data, validation=data.validation[: candidate.watched]),
        objective,
        epochs=candidate.epochs,
        seed=seed,
        settings=candidate.settings,
        augment=candidate.augment,
        progress=False,
    )
    seconds = time.process_time() - begun
    passes = sum(epoch.forward + epoch.backward for epoch in history.epochs)
    return model, {"processor_s": round(seconds, 3), "passes": passes}


def judged(candidate: Candidate, model: torch.nn.Module, name: str) -> dict[str, float]:
    """Shares of the validation items that stand: clean, by norm, under several at once."""
    data = sp.load(candidate.data)
    split = data.validation[: candidate.items]
    stands = {}
    for norm, ladder in sp.standard_threats(data).items():
        if norm in (*UNION, "l0"):
            found = evaluate_ladder(model, split, [ladder[LEVEL]], suite(name), seed=0, draws=0)
            stands[norm] = ~torch.as_tensor(found.broken[0])
            clean = torch.as_tensor(found.clean_margin <= 0)
    union = torch.stack([stands[norm] for norm in UNION]).all(0)
    every = {"clean": clean, **stands, "union": union, "all4": union & stands["l0"]}
    return {what: round(float(each.double().mean()), 6) for what, each in every.items()}


def measured(job: Job) -> Row:
    """One candidate with one seed."""
    torch.set_num_threads(1)
    candidate, seed = job
    model, cost = trained(candidate, seed)
    row = {"data": candidate.data, "name": candidate.name, "seed": seed, **cost}
    if candidate.core:
        row[STRONGER] = judged(candidate, model, STRONGER)
    return {**row, **judged(candidate, model, SUITE)}


def told(candidate: Candidate) -> Row:
    """What the page of evidence needs to know of a candidate."""
    shown = {name: getattr(candidate, name) for name in ("data", "name", "group", "beside")}
    sizes = {name: getattr(candidate, name) for name in ("epochs", "train_items", "items")}
    return {**shown, **sizes, "made": repr(candidate)}


def content() -> dict[str, Any]:
    """The file of results; empty where there is none."""
    empty: dict[str, Any] = {"candidates": [], "runs": []}
    return json.loads(PATH.read_text(encoding="utf-8")) if PATH.exists() else empty


def store(runs: Iterable[Row]) -> None:
    """Replace the file of results; its note on the runs it had stays."""
    order = {(c.data, c.name): place for place, c in enumerate(CANDIDATES)}
    write(
        PATH.stem,
        [],
        folder=RESULTS,
        clock="processor seconds of training, one thread, on a busy machine",
        suite=SUITE,
        split="validation",
        candidates=[told(candidate) for candidate in CANDIDATES],
        note=content().get("note"),
        runs=sorted(runs, key=lambda row: (order.get(key(row)[:2], len(order)), row["seed"])),
    )


def stored() -> dict[Key, Row]:
    """What was measured of the candidates."""
    names = {(candidate.data, candidate.name) for candidate in CANDIDATES}
    return {key(row): row for row in content()["runs"] if key(row)[:2] in names}


def line(row: Row) -> str:
    """A row of the table."""
    shares = " ".join(f"{100 * row[what]:6.1f}" for what in MEASURED)
    return f"{row['data']:<14} {row['name']:<58} {row['seed']} {shares} {row['processor_s']:7.1f}"


def answers(measure: Callable[[Job], Row], jobs: list[Job], processes: int) -> Iterator[Row]:
    """Measure in several processes; rows come as they are ready."""
    if jobs:
        with get_context("spawn").Pool(min(processes, len(jobs))) as pool:
            yield from pool.imap_unordered(measure, jobs)


def check(names: list[str], processes: int) -> None:
    """Measure candidates again and print them beside what is stored."""
    before = stored()
    jobs = [(c, seed) for c in CANDIDATES if f"{c.data}/{c.name}" in names for seed in c.seeds]
    for row in answers(measured, jobs, processes):
        print(line(row), "measured now", flush=True)
        if key(row) in before:
            print(line(before[key(row)]), "stored", flush=True)


def main() -> None:
    """Measure what is missing and print everything, or check some candidates."""
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--processes", type=int, default=2)
    words.add_argument("--check", nargs="+", metavar="DATA/NAME", default=[])
    asked: Any = words.parse_args()
    torch.set_num_threads(1)
    if asked.check:
        return check(asked.check, asked.processes)
    known = stored()
    jobs = [(c, s) for c in CANDIDATES for s in c.seeds if (c.data, c.name, s) not in known]
    for row in answers(measured, jobs, asked.processes):
        known[key(row)] = row
        store(known.values())
        print(line(row), flush=True)
    print(f"{'':<75}{' '.join(f'{what:>6}' for what in MEASURED)}  proc. s")
    for row in sorted(known.values(), key=lambda row: (row["data"], -row["union"])):
        print(line(row))
    return None


if __name__ == "__main__":
    main()
