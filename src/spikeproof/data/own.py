"""Data sets from arrays that a user brings: checked, split, hashed, the test items sealed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spikeproof.base import (
    InputError,
    SettingError,
    canonical_json,
    check_at_least,
    check_labels,
    check_name,
    class_numbers,
    digest_arrays,
    settings_from,
)
from spikeproof.data.content import deal, part_off
from spikeproof.data.dataset import Dataset, DataSpec, Split
from spikeproof.data.domain import Domain
from spikeproof.data.given import Layout, bounds_of, layout_of, tensor_of
from spikeproof.data.sets import DATASETS
from spikeproof.data.splits import Shares
from spikeproof.data.suggest import suggested
from spikeproof.data.views import domain_record

__all__ = ["Declared", "from_arrays", "from_splits"]

Pair = tuple[object, object]
_SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, kw_only=True)
class Declared:
    """What is said of arrays besides their numbers; what is None follows from the arrays.

    Args:
        kind: ``"image"``, ``"events"``, ``"audio"`` or ``"real"``; by the number of axes where
            absent (see ``layout_of``).
        low: Smallest legal value; 0, or -1 for sounds.
        high: Largest legal value; 1, or the largest count that there is.
        integer: Whether only whole numbers are legal; so for counts of events.
        name: What tables and records call the set.
        classes: Number of classes; the largest label + 1.
        channels: ``"first"`` or ``"last"``, where the shape does not say it.
        radii: Threat name → ascending radii; suggested ones.
        licence: Licence of the data.
        source: Where the data come from, one sentence.
        reference: What ``open_data`` was given, where the arrays were read from it.
    """

    kind: str | None = None
    low: float | None = None
    high: float | None = None
    integer: bool | None = None
    name: str = "own"
    classes: int | None = None
    channels: str | None = None
    radii: Mapping[str, Sequence[float]] | None = None
    licence: str = "not stated"
    source: str = ""
    reference: str | None = None

    @classmethod
    def of(cls, values: Mapping[str, Any], where: str) -> Declared:
        """Return what is said in a table; a single radius, and radii in an array, are taken too.

        Raises:
            SettingError: an unknown word, or a value of the wrong type.
        """
        given = dict(values)
        if isinstance(given.get("radii"), Mapping):
            given["radii"] = {
                name: radii if isinstance(radii, str) else np.ravel(radii).tolist()
                for name, radii in given["radii"].items()
            }
        return settings_from(cls, given, where)

    def __post_init__(self) -> None:
        check_name(self.name, "data set")
        if self.name in DATASETS:
            raise SettingError(
                f"The name {self.name!r} belongs to a data set of the package; give yours another "
                "one with name=."
            )
        if self.classes is not None:
            check_at_least(2, self.classes, "classes")
        for threat, radii in (self.radii or {}).items():
            if not len(radii) or list(radii) != sorted(set(radii)) or not min(radii) > 0:
                raise SettingError(
                    f"The radii of {threat!r} must ascend, be above 0 and name one at least; got "
                    f"{list(radii)}."
                )


def from_arrays(
    x: object, y: object, told: Declared, *, seed: int, shares: Shares | None
) -> Dataset:
    """Return a data set with splits that follow from what the items hold; see ``Dataset``."""
    parts, layout, domain = _read({"x": (x, y)}, told)
    values, labels = parts["x"]
    classes = _classes([labels], told)
    dealt = deal(values, labels, seed=seed, shares=shares)
    small = [name for name, items in dealt.items() if not len(items)]
    if small:
        raise InputError(
            f"{len(values)} items in {len(torch.unique(labels))} classes are too few to be dealt, "
            f"as equal ones stay together: no {small[0]} item is left; bring splits of your own, "
            "of which only the test items must be there (Dataset.from_splits; x_test and y_test in "
            "a file)."
        )
    splits = {name: Split(values[items], labels[items], items) for name, items in dealt.items()}
    return _made(splits, told, layout, domain, classes)


def from_splits(given: Mapping[str, Pair | None], told: Declared, *, seed: int) -> Dataset:
    """Return a data set with the splits that a user made; see ``Dataset``."""
    named = {name: pair for name in _SPLITS if (pair := given.get(name)) is not None}
    if "test" not in named:
        raise InputError("A data set needs test items: give test=(x, y).")
    if "validation" in named and "train" not in named:
        raise InputError("Validation items without training items serve nobody; give train=(x, y).")
    parts, layout, domain = _read(named, told)
    classes = _classes([y for _, y in parts.values()], told)
    empty = parts["test"][0][:0], parts["test"][1][:0]
    splits, begun = {}, 0
    for name in _SPLITS:
        x, y = parts.get(name, empty)
        splits[name] = Split(x, y, torch.arange(begun, begun + len(x)))
        begun += len(x)
    train = splits["train"]
    if len(train) and "validation" not in named:
        dealt = part_off(train.x, train.y, seed=seed)
        if not len(dealt["validation"]):
            raise InputError(
                f"{len(train)} training items are too few to part a tenth of each class off for "
                "validation; give validation=(x, y)."
            )
        splits |= {name: train[items] for name, items in dealt.items()}
    return _made(splits, told, layout, domain, classes)


def _read(
    given: Mapping[str, Pair], told: Declared
) -> tuple[dict[str, tuple[Tensor, Tensor]], Layout, Domain]:
    """Inputs and labels of every part as they are kept, their layout, and their domain."""
    raw = {name: tensor_of(pair[0], _called(name)) for name, pair in given.items()}
    shapes = {tuple(x.shape[1:]) for x in raw.values()}
    if len(shapes) > 1:
        said = ", ".join(f"{name} {tuple(x.shape[1:])}" for name, x in raw.items())
        raise InputError(f"The items of all splits must have one shape; got {said}.")
    if not all(len(x) for x in raw.values()):
        empty = next(name for name, x in raw.items() if not len(x))
        raise InputError(f"{_called(empty)} holds no items; leave it out, or give some.")
    layout = layout_of(shapes.pop(), told.kind, told.channels)
    low, high, integer = _bounds(list(raw.values()), layout.kind, told)
    domain = Domain(kind=layout.kind, shape=layout.shape, low=low, high=high, integer=integer)
    parts = {}
    for name, x in raw.items():
        # Always a copy: nothing that happens to the user's arrays afterwards changes the set.
        values = layout(x).to(torch.float32, copy=True, memory_format=torch.contiguous_format)
        domain.check(values, _called(name))
        parts[name] = values, class_numbers(given[name][1], len(x), f"The labels of {name}")
    return parts, layout, domain


def _bounds(parts: list[Tensor], kind: str, told: Declared) -> tuple[float, float, bool]:
    """Box and grid over all parts."""
    given: dict[str, Any] = {"low": told.low, "high": told.high, "integer": told.integer}
    found = [bounds_of(x, kind, **given) for x in parts]
    low, high, integer = zip(*found, strict=True)
    return min(low), max(high), all(integer)


def _classes(parts: list[Tensor], told: Declared) -> int:
    """How many classes there are, by the labels of every part."""
    every = torch.cat(parts)
    if told.classes is not None:
        check_labels(every, told.classes)
        return told.classes
    least, most = int(every.min()), int(every.max())
    if least > 0:
        raise InputError(
            f"No item is of class 0, labels are {least} to {most}: give y - {least} if they count "
            f"from {least}, or classes={most + 1} if class 0 has no items here."
        )
    if most < 1:
        raise InputError(
            "All labels are 0, and one class leaves nothing to mistake; give classes= if there are "
            "more."
        )
    return most + 1


def _called(name: str) -> str:
    """What inputs are called in a sentence."""
    return "x" if name == "x" else f"x of {name}"


def _made(
    splits: Mapping[str, Split], told: Declared, layout: Layout, domain: Domain, classes: int
) -> Dataset:
    """The data set of these splits, hashed."""
    train = splits["train"]
    items = sum(len(split) for split in splits.values())
    suggestion = suggested(domain, train.x if len(train) else splits["test"].x)
    notes = [suggestion.rule] if told.radii is None else []
    if layout.moved:
        notes.append("Channels were last and are first now, as networks read them.")
    if layout.grown:
        notes.append("Pictures were given an axis of one channel.")
    spec = DataSpec(
        name=told.name,
        version="1",
        classes=classes,
        modality=domain.kind,
        licence=told.licence,
        source=told.source or f"{items} items of the user's own.",
        sha256=_sha256(splits, domain, classes),
        radii={n: tuple(map(float, r)) for n, r in (told.radii or suggestion.radii).items()},
        reference=told.reference,
        notes=tuple(notes),
    )
    return Dataset(
        spec=spec,
        domain=domain,
        train=splits["train"],
        validation=splits["validation"],
        sealed=splits["test"],
    )


def _sha256(splits: Mapping[str, Split], domain: Domain, classes: int) -> str:
    """One hash over every item with its number and split, and over what is legal."""
    said = canonical_json({"domain": domain_record(domain), "classes": classes})
    arrays = {"said": np.frombuffer(said.encode(), dtype=np.uint8)}
    for name, split in splits.items():
        arrays |= {f"{name}.{key}": getattr(split, key).numpy() for key in ("x", "y", "items")}
    return digest_arrays(arrays)
