"""From a cell's record to the objects it is about, and everything that these hold."""

from __future__ import annotations

import json
import types
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from spikeproof.attacks import Suite
from spikeproof.base import canonical_json
from spikeproof.data import Domain, Views
from spikeproof.models import ModelSpec
from spikeproof.threats import Threat
from spikeproof.train import AUGMENTATIONS, Augmentation, Objective, TrainingSettings

__all__ = ["attack_of", "held", "objects_of", "threats_of", "training_of"]

# What of a record becomes objects; the rest is numbers and names.
_BECOMES = ("kind", "model", "objective", "settings", "augment", "threat", "threats", "suite")


def training_of(
    cell: Mapping[str, Any], domain: Domain | Views
) -> tuple[ModelSpec, Objective, TrainingSettings, list[Augmentation]]:
    """Return network, objective, settings and augmentation of a train cell."""
    return (
        ModelSpec.from_record(cell["model"]),
        Objective.from_record(cell["objective"], domain=domain),
        TrainingSettings(**cell["settings"]),
        [AUGMENTATIONS.build(change) for change in cell["augment"]],
    )


def attack_of(cell: Mapping[str, Any], domain: Domain | Views) -> tuple[tuple[Threat, ...], Suite]:
    """Return ladder and suite of an attack cell."""
    record = cell["threat"]
    ladder = (Threat.from_record({**record, "radius": r}, domain) for r in record["radii"])
    return tuple(ladder), Suite.from_record(cell["suite"])


def threats_of(cell: Mapping[str, Any], domain: Domain | Views) -> list[Threat]:
    """Return the threats of a cell that names several, a probe or a doctor."""
    return [Threat.from_record(record, domain) for record in cell["threats"]]


_OBJECTS = {
    "train": training_of,
    "attack": attack_of,
    "doctor": threats_of,
    "grid": attack_of,
    "probe": threats_of,
}


def objects_of(
    cell: Mapping[str, Any], domain: Domain | Views, network: Mapping[str, Any]
) -> tuple[object, ...]:
    """Return every object that a cell's record names, those inside others too.

    Args:
        cell: The record.
        domain: Of its data set.
        network: The record of the network that the cell trains or looks at.
    """
    named = {key: cell[key] for key in _BECOMES if key in cell}
    return _objects(canonical_json({**named, "model": dict(network)}), domain)


@lru_cache(maxsize=1024)
def _objects(text: str, domain: Domain | Views) -> tuple[object, ...]:
    """The objects of a record that was written as text; cells of one training share them."""
    cell = json.loads(text)
    settings = _OBJECTS[cell["kind"]](cell, domain) if cell["kind"] in _OBJECTS else ()
    own = "source" in cell["model"]  # code of a user, which no record of ours builds
    return tuple(held((None if own else ModelSpec.from_record(cell["model"]), settings)))


def held(thing: object) -> Iterator[object]:
    """Yield an object and everything it holds in settings, tables and lists.

    Example:
        >>> from spikeproof.attacks import PGD, Restarts
        >>> [type(one).__name__ for one in held([Restarts(attack=PGD(steps=3))])]
        ['Restarts', 'PGD']
    """
    if isinstance(thing, Mapping):
        thing = list(thing.values())
    if isinstance(thing, list | tuple | set | frozenset):
        for one in thing:
            yield from held(one)
    elif isinstance(thing, type | types.FunctionType):
        yield thing
    elif hasattr(thing, "__dict__") or hasattr(thing, "__slots__"):
        yield thing
        slots = getattr(type(thing), "__slots__", ())
        names = [*getattr(thing, "__dict__", {}), *([slots] if isinstance(slots, str) else slots)]
        for name in names:
            yield from held(getattr(thing, name, None))
