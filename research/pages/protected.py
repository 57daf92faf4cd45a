"""What six trainings protect on events, speech and pairs: tables of the plans ``modalities-*``."""

from __future__ import annotations

from pathlib import Path

from research import RESULTS
from research.pages.estimates import LABELS, Data, accuracies, less, made_of, mean, one_of, share
from research.pages.page import table
from spikeproof.analysis import Results, extracted

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
    sets: dict[str, Data] = {one: one for one in run.data()}
    if name in _FOLDS:
        sets = {_FOLDS[name]: tuple(run.data())}
    parts = "".join(_tables(run, called, data) for called, data in sets.items())
    asked = PLANS_OF[name][1]
    clean = [_clean(run, called, data, asked) for called, data in sets.items()]
    made = made_of(run, _OF_FOLDS if name in _FOLDS else None)
    return made + parts + "\n" + " ".join(text for text in clean if text) + "\n"


_OF_FOLDS = (
    "are over networks and items: folds are taken together, the networks of a training are one per "
    "fold, and each meets the test items of its own fold"
)


def _tables(run: Results, called: str, data: Data) -> str:
    """Accuracies, and differences from the network without a defence."""
    whats = ["clean", *run.threats(one_of(data))]
    heads = ("training", *(_label(run, one_of(data), what) for what in whats))
    text = f"\n{called}, %:\n" + table(heads, accuracies(run, data, whats))
    plain = run.undefended(one_of(data))
    if plain is None:
        return text
    rows = less(run, data, plain, whats)
    return text + f"\n{called}, less {plain}, points:\n" + table(heads, rows)


def _label(run: Results, data: str, what: str) -> str:
    """A column with its radius."""
    named = LABELS.get(what, f"`{what}`")
    found = [run.table(data, t, what) for t in run.trainings(data)]
    radii = {one.radii[one.middle] for one in found if one is not None}
    return f"{named} {', '.join(f'{r:g}' for r in sorted(radii))}".strip()


def _clean(run: Results, called: str, data: Data, asked: float) -> str:
    """Whether plain networks are as accurate as was asked for."""
    plain = run.undefended(one_of(data))
    found = None if plain is None else mean(run, data, plain, "clean")
    if found is None:
        return ""
    verdict = "met" if 100 * found.value >= asked else "**missed**"
    return (
        f"Clean accuracy of plain networks on {called}: {share(found)} %; {asked:g} was asked for: "
        f"{verdict}."
    )
