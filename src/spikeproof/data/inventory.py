"""What is seen in a data set: shape, range, balance, duplicates, and what looks wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from spikeproof.base import seeds
from spikeproof.data.content import content_keys
from spikeproof.data.dataset import Dataset, Split
from spikeproof.data.pinned import part_named
from spikeproof.data.sets import DATASETS
from spikeproof.data.views import domain_record

__all__ = ["Inventory", "inventory"]

_SPLITS = ("train", "validation", "test")
_PAIRS = 2e9  # values that the search for neighbours of another class may compare
_MOST = 1000  # items that it looks at


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """What is seen in a data set, as plain numbers.

    Args:
        name: Of the set.
        sha256: Of the set.
        part: What of a set of this package it is, ``"the whole set"`` or a part in words, where
            its hash is pinned; None elsewhere.
        domain: Record of the legal inputs.
        classes: How many there are.
        splits: Split → items, smallest and largest value, mean, and items of each class.
        equal: ``"train"`` and its like → items that equal an earlier one of the split, and
            ``"train, test"`` and its like → items of the second that equal one of the first.
        contradictions: Equal items of different classes, counted as items.
        constant: Values that are the same in all items of the largest split.
        apart: The smallest l_inf distance between items of different classes, among some of them;
            None where nothing could be compared.
        radii: Threat → radii.
        notes: What was done to the arrays, and the rule of the radii.
        warnings: What looks wrong, a sentence each.
    """

    name: str
    sha256: str
    part: str | None
    domain: Mapping[str, Any]
    classes: int
    splits: Mapping[str, Mapping[str, Any]]
    equal: Mapping[str, int]
    contradictions: int
    constant: int
    apart: float | None
    radii: Mapping[str, tuple[float, ...]]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def inventory(data: Dataset) -> Inventory:
    """Look through a data set, its sealed test items too, and say what is there.

    Nothing is chosen by what is seen, so test items stay test items.

    Args:
        data: The data set.
    Cost:
        About two seconds for 300 MB, and distances between 1000 items at most.
    Example:
        >>> x = torch.arange(80.0).reshape(20, 1, 2, 2) / 80
        >>> seen = inventory(Dataset.from_splits(test=(x, torch.arange(20) % 2), name="mine"))
        >>> seen.splits["test"]["n"], seen.equal["test"], round(seen.apart, 3)
        (20, 0, 0.05)
    """
    parts = {"train": data.train, "validation": data.validation, "test": data.sealed}
    keys = {name: content_keys(split.x) for name, split in parts.items()}
    largest = max(parts.values(), key=len)
    flat = largest.x.flatten(1)
    seen: dict[str, Any] = {
        "splits": {name: _facts(split, data.spec.classes) for name, split in parts.items()},
        "equal": _equal(keys),
        "contradictions": _contradictions(keys, parts),
        "constant": int((flat == flat[:1]).all(0).sum()) if len(flat) > 1 else 0,
        "apart": _apart(largest),
    }
    return Inventory(
        name=data.spec.name,
        sha256=data.spec.sha256,
        part=_part(data),
        domain=domain_record(data.domain),
        classes=data.spec.classes,
        radii=data.spec.radii,
        notes=data.spec.notes,
        warnings=tuple(_warnings(data, seen)),
        **seen,
    )


def _part(data: Dataset) -> str | None:
    """What of a set of the package this is, where that is pinned."""
    if data.spec.name not in DATASETS:
        return None
    return part_named(DATASETS[data.spec.name].facts, data.spec.sha256)


def _facts(split: Split, classes: int) -> dict[str, Any]:
    """Numbers of one split."""
    x = split.x
    return {
        "n": len(split),
        "low": float(x.min()) if len(x) else None,
        "high": float(x.max()) if len(x) else None,
        "mean": float(x.double().mean()) if len(x) else None,
        "by_class": torch.bincount(split.y, minlength=classes).tolist(),
    }


def _equal(keys: Mapping[str, Tensor]) -> dict[str, int]:
    """Items that are there twice, within a split and between two."""
    found = {name: len(one) - len(torch.unique(one)) for name, one in keys.items()}
    for number, first in enumerate(_SPLITS):
        for second in _SPLITS[number + 1 :]:
            found[f"{first}, {second}"] = int(torch.isin(keys[second], keys[first]).sum())
    return found


def _contradictions(keys: Mapping[str, Tensor], parts: Mapping[str, Split]) -> int:
    """Items that equal an item of another class."""
    key = torch.cat([keys[name] for name in _SPLITS])
    y = torch.cat([parts[name].y for name in _SPLITS])
    _, group = torch.unique(key, return_inverse=True)
    count = int(group.max()) + 1 if len(group) else 0
    least = torch.full((count,), torch.iinfo(torch.int64).max).scatter_reduce(0, group, y, "amin")
    most = torch.full((count,), -1).scatter_reduce(0, group, y, "amax")
    return int((least < most)[group].sum())


def _apart(split: Split) -> float | None:
    """The smallest l_inf distance between some items of different classes."""
    size = max(1, split.x[:1].numel())
    most = min(_MOST, len(split), int(math.sqrt(_PAIRS / size)))
    if most < 2:
        return None
    order = seeds(0, items=split.items).child("apart").bits(()).argsort()[:most]
    x, y = split.x[order].flatten(1), split.y[order]
    least = math.inf
    for number in range(1, most):
        other = y[:number] != y[number]
        if other.any():
            least = min(least, float((x[:number][other] - x[number]).abs().amax(1).min()))
    return None if least == math.inf else least


def _warnings(data: Dataset, seen: Mapping[str, Any]) -> list[str]:
    """What looks wrong."""
    splits, found = seen["splits"], []
    for pair, count in seen["equal"].items():
        if count and "," in pair:
            first, second = pair.split(", ")
            found.append(f"{count} {second} items are {first} items too: numbers on them say less.")
    if seen["contradictions"]:
        found.append(f"{seen['contradictions']} items equal an item of another class.")
    for name, facts in splits.items():
        lacking = [label for label, count in enumerate(facts["by_class"]) if not count]
        if facts["n"] and lacking:
            listed = ", ".join(map(str, lacking[:10]))
            found.append(f"{name} has no item of class {listed}{' ...' * (len(lacking) > 10)}.")
    found += _range_warnings(data, splits)
    linf = data.spec.radii.get("linf", ())
    apart = seen["apart"]
    if apart is not None and linf and linf[len(linf) // 2] >= apart / 2 > 0:
        found.append(
            f"linf {linf[len(linf) // 2]:g} is at least half the distance {apart:g} between two "
            "items of different classes: within it the right answer may change."
        )
    return found


def _range_warnings(data: Dataset, splits: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Values that do not use the range that is legal."""
    low, high = getattr(data.domain, "low", None), getattr(data.domain, "high", None)
    full = [facts for facts in splits.values() if facts["n"]]
    if low is None or high is None or not math.isfinite(high - low):
        return []
    least, most = min(one["low"] for one in full), max(one["high"] for one in full)
    if most - least < 0.1 * (high - low) and most > least:
        return [
            f"Values lie in {least:.4g} to {most:.4g}, less than a tenth of the legal range "
            f"{low:g} to {high:g}: check low= and high=."
        ]
    return ["All values are the same."] if most == least else []
