"""What six trainings protect on events, speech and pairs: tables of the plans ``modalities-*``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from research import RESULTS
from research.pages.estimates import (
    LABELS,
    What,
    accuracies,
    less,
    made_of,
    mean,
    measured,
    over,
    points,
    share,
)
from research.pages.page import table
from spikeproof.analysis import Results, extracted
from spikeproof.metrics import Estimate, Floats, Intervals

__all__ = ["PLANS_OF", "protected"]

# Plan -> (what the data are, least clean accuracy of plain networks that was asked for, percent).
PLANS_OF: dict[str, tuple[str, float]] = {
    "modalities-folds": ("N-MNIST in folds", 90.0),
    "modalities-i2e-fashion": ("Fashion-MNIST as events", 85.0),
    "modalities-i2e-cifar10": ("CIFAR-10 as events", 50.0),
    "modalities-fsdd": ("Spoken digits", 93.0),
    "modalities-pairs": ("Recordings with spoken digits", 95.0),
}
# Data sets of a plan that are folds of one: each network has test items of its own.
_FOLDS = {"modalities-folds": "N-MNIST, its folds together"}
_HEAD = """
## What six trainings protect

Small networks on real recordings, speech and pairs of both, attacked on test items by one suite
at the middle radius of each threat. Robust accuracies are upper bounds: what that suite could not
break. Differences are in points, paired by seed and item, bold where the 95 % interval excludes
0; nothing is corrected for the number of comparisons. A cell without a number was not measured.
Gradient masking: not diagnosed.
"""


def protected(studies: Path = RESULTS / "studies") -> str:
    """The sections of every plan that has an extract, and the names of those that have none."""
    found = {name: studies / f"{name}.json" for name in PLANS_OF}
    told = "".join(
        f"\n### {PLANS_OF[name][0]}\n{_section(name, extracted(path))}"
        for name, path in found.items()
        if path.exists()
    )
    absent = [f"`{name}`" for name, path in found.items() if not path.exists()]
    left = f"\nPlans that were not run yet: {', '.join(absent)}.\n" if absent else ""
    return _HEAD + told + left


def _section(name: str, run: Results) -> str:
    """One plan."""
    sets = {_FOLDS[name]: run.data()} if name in _FOLDS else {one: [one] for one in run.data()}
    parts = "".join(_tables(run, called, sets[called]) for called in sets)
    asked = PLANS_OF[name][1]
    clean = [_clean(run, called, data, asked) for called, data in sets.items()]
    made = made_of(run)
    if name in _FOLDS:
        made = made.replace(f" Intervals {over(run)}.", "") + _OF_FOLDS
    return made + parts + "\n" + " ".join(text for text in clean if text) + "\n"


_OF_FOLDS = """
Folds are taken together: the networks of a training are one per fold, each meets the test items of
its own fold, and intervals here are over these networks and items.
"""


def _tables(run: Results, called: str, data: list[str]) -> str:
    """Accuracies, and differences from the network without a defence."""
    first = data[0]
    whats = ["clean", *run.threats(first)]
    heads = ("training", *(_label(run, data, what) for what in whats))
    trainings, plain = run.trainings(first), run.undefended(first)
    if len(data) == 1:
        rows = accuracies(run, first, whats)
    else:
        rows = [(t, *(share(_mean(run, data, t, w)) for w in whats)) for t in trainings]
    text = f"\n{called}, %:\n" + table(heads, rows)
    if plain is None:
        return text
    if len(data) == 1:
        gaps = less(run, first, plain, whats)
    else:
        others = [t for t in trainings if t != plain]
        gaps = [(t, *(points(_gap(run, data, (t, plain), w)) for w in whats)) for t in others]
    return text + f"\n{called}, less {plain}, points:\n" + table(heads, gaps)


def _stacked(run: Results, data: list[str], training: str, what: What) -> Floats | None:
    """One number per network and item, the networks of all folds below one another."""
    found = [measured(run, one, training, what) for one in data]
    rows = [one.values["value"] for one in found if one is not None]
    if len(rows) < len(data):
        return None  # a fold that is missing would leave some items out
    shortest = min(row.shape[1] for row in rows)
    return np.concatenate([row[:, :shortest] for row in rows])


def _mean(run: Results, data: list[str], training: str, what: What) -> Estimate | None:
    """The mean over the networks of all folds."""
    values = _stacked(run, data, training, what)
    return None if values is None else Intervals(*values.shape).share(values)


def _gap(run: Results, data: list[str], pair: tuple[str, str], what: What) -> Estimate | None:
    """How much larger the mean of the first training is, paired by fold and item."""
    one, other = (_stacked(run, data, training, what) for training in pair)
    if one is None or other is None or one.shape != other.shape:
        return None
    return Intervals(*one.shape).difference(one, other)


def _label(run: Results, data: list[str], what: str) -> str:
    """A column with its radius."""
    named = LABELS.get(what, f"`{what}`")
    found = [run.table(one, t, what) for one in data for t in run.trainings(one)]
    radii = {one.radii[one.middle] for one in found if one is not None}
    return f"{named} {', '.join(f'{r:g}' for r in sorted(radii))}".strip()


def _clean(run: Results, called: str, data: list[str], asked: float) -> str:
    """Whether plain networks are as accurate as was asked for."""
    plain = run.undefended(data[0])
    if plain is None:
        return ""
    one = len(data) == 1
    found = mean(run, data[0], plain, "clean") if one else _mean(run, data, plain, "clean")
    if found is None:
        return ""
    verdict = "met" if 100 * found.value >= asked else "**missed**"
    return (
        f"Clean accuracy of plain networks on {called}: {share(found)} %; {asked:g} was asked for: "
        f"{verdict}."
    )
