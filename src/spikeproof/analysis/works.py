"""The works that a run used: those that the parts named in its records cite."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from spikeproof.analysis.attacked import suites_used
from spikeproof.analysis.records import CellRecord
from spikeproof.attacks import ATTACKS
from spikeproof.base import SettingError, references
from spikeproof.data import DATASETS
from spikeproof.evaluate import diagnose, evaluate_ladder, joint_grid, probe, timing
from spikeproof.metrics import Intervals
from spikeproof.models import ENCODERS, architecture
from spikeproof.neurons import NEURONS
from spikeproof.oracle import GRADIENTS
from spikeproof.threats import GEOMETRIES
from spikeproof.train import AUGMENTATIONS, HOOKS, INPUTS, TERMS

__all__ = ["cited", "works_of"]

# Where a record names a part → the parts of that family.
_FAMILIES: Mapping[str, Any] = {
    "attack": ATTACKS, "gradient": GRADIENTS, "surrogate": GRADIENTS, "terms": TERMS,
    "inputs": INPUTS, "members": INPUTS, "rules": HOOKS, "geometry": GEOMETRIES,
    "neuron": NEURONS, "encoder": ENCODERS, "augment": AUGMENTATIONS,
}  # fmt: skip
# Normalisations are told apart by settings, not by classes.
_NORMS = {"per-step": ("kim2021",), "tdbn": ("zheng2021",)}
_LOOKS: Mapping[str, Any] = {
    "attack": evaluate_ladder, "doctor": diagnose, "grid": joint_grid, "probe": probe,
    "timing": timing,
}  # fmt: skip
_SECTION = re.compile(r"^References:\n((?:[ \t]+\S.*\n?)+)", re.MULTILINE)


def cited(thing: object) -> list[str]:
    """Return the keys of ``references.bib`` under "References" in a docstring.

    Example:
        >>> from spikeproof.attacks import PGD
        >>> cited(PGD)
        ['madry2018']
    """
    found = _SECTION.search(inspect.getdoc(thing) or "")
    names = re.findall(r"[a-z][a-z0-9]+", found[1]) if found else []
    known = set(references())
    return [name for name in names if name in known]


def works_of(cells: Sequence[CellRecord]) -> list[str]:
    """Return the keys of the works that a run used, sorted.

    Args:
        cells: Its completed cells.
    """
    found = set(cited(Intervals)) if cells else set()
    for thing in _things(cells):
        found |= set(cited(thing))
    for model in [cell.cell.get("model") or {} for cell in cells]:
        found.update(_NORMS.get(str(model.get("norm")), ()))
    return sorted(found)


def _things(cells: Sequence[CellRecord]) -> Iterator[object]:
    """The classes and functions behind what the cells name."""
    named: set[tuple[str, str]] = set()
    for cell in cells:
        # Of a suite those members count that attacked anything, where a record says who did.
        said = ("suite",) if cell.result.get("members") else ()
        named |= set(_kinds({key: part for key, part in cell.cell.items() if key not in said}))
    members = [member for suite in suites_used(cells) for member in suite.members]
    for member in members:
        named |= set(_kinds(member.record)) if member.ran else set()
    for place, kind in sorted(named):
        members = _FAMILIES[place].members
        if kind in members:
            yield members[kind]
    for kind in {cell.kind for cell in cells} & set(_LOOKS):
        yield _LOOKS[kind]
    yield from filter(None, map(_data, sorted({cell.data for cell in cells})))
    models = {str(c.cell.get("model", {}).get("name", "")) for c in cells if c.holds_network}
    yield from filter(None, map(_architecture, sorted(models)))


def _kinds(content: Any, place: str = "") -> Iterable[tuple[str, str]]:
    """Where a record names a kind, and which; surrogates are named by their shape."""
    if isinstance(content, Mapping):
        kind = content.get("kind", "surrogate" if "sharpness" in content else None)
        if isinstance(kind, str) and place in _FAMILIES:
            yield place, kind
        for key, inner in content.items():
            named = key in _FAMILIES
            yield from _kinds(inner, key if named else place if place in _LISTS else "")
    elif isinstance(content, list | tuple):
        for inner in content:
            yield from _kinds(inner, place)


_LISTS = ("terms",)  # mappings whose keys are free


def _data(name: str) -> object:
    """The class that makes a data set; None where this package does not know it."""
    try:
        return DATASETS[name]
    except SettingError:
        return None


def _architecture(name: str) -> object:
    """What builds an architecture; None where this package does not know it."""
    try:
        return architecture(name)
    except SettingError:
        return None
