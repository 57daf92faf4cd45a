"""Named arrays as a data set: an ``.npz`` file, or ``.npy`` files side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from spikeproof.base import InputError, placed, suggestion
from spikeproof.data.dataset import Dataset
from spikeproof.data.own import Declared, from_arrays, from_splits

__all__ = ["dataset_of"]

Arrays = Mapping[str, Any]
# What inputs and labels of a split are called, also by other libraries' files.
_NAMES = {
    "all": (("x", "y"), ("images", "labels")),
    "train": (("x_train", "y_train"), ("train_images", "train_labels")),
    "validation": (
        ("x_validation", "y_validation"),
        ("x_val", "y_val"),
        ("val_images", "val_labels"),
    ),
    "test": (("x_test", "y_test"), ("test_images", "test_labels")),
}
_NUMBERS = ("low", "high", "integer", "classes")
_TEXTS = ("kind", "name", "channels", "licence", "source")
_RADII = "radii_"
_SPLIT = "split"  # the split of each item: 0 train, 1 validation, 2 test
_SPLITS = ("train", "validation", "test")


def dataset_of(
    arrays: Arrays, where: str, told: Mapping[str, Any] | None = None, *, seed: int = 0
) -> Dataset:
    """Return the data set that arrays under documented names are.

    Args:
        arrays: ``x`` and ``y``, dealt to splits, or placed by ``split``; or ``x_train``,
            ``y_train``, ``x_validation``, ``y_validation``, ``x_test``, ``y_test``, of which only
            the last two must be there. Beside them ``low``, ``high``, ``integer``, ``classes``,
            ``kind``, ``name``, ``channels``, ``licence``, ``source``, and ``radii_linf`` and its
            like.
        where: What holds them, for errors.
        told: The same facts from elsewhere, which win.
        seed: Which deal.
    Raises:
        InputError, SettingError: a name that nobody knows, or what ``Dataset`` refuses.
    Example:
        >>> arrays = {"x_test": np.zeros((4, 1, 4, 4)), "y_test": np.arange(4) % 2}
        >>> len(dataset_of(arrays, "it").train)
        0
    """
    rest = dict(arrays)
    parts = {split: pair for split in _NAMES if (pair := _pair(rest, split, where)) is not None}
    placing = rest.pop(_SPLIT, None)
    facts = {**_facts(rest, where), **(told or {})}
    if not parts:
        raise InputError(
            f"{where} holds neither x and y nor x_test and y_test; it holds "
            f"{', '.join(sorted(arrays)[:20]) or 'nothing'}."
        )
    whole = parts.pop("all", None)
    if whole is not None and parts:
        raise InputError(f"{where} holds both x and x_{next(iter(parts))}; leave one of them out.")
    with placed(where):
        declared = Declared.of(facts, "its facts")
    try:
        with placed(where):
            if whole is None:
                return from_splits(parts, declared, seed=seed)
            if placing is None:
                return from_arrays(*whole, declared, seed=seed, shares=None)
            return from_splits(_placed(*whole, placing), declared, seed=seed)
    except InputError as problem:
        raise InputError(f"{where}: {problem}") from None


def _pair(rest: dict[str, Any], split: str, where: str) -> tuple[Any, Any] | None:
    """Inputs and labels of a split, taken out of the rest; None where it has none."""
    for x, y in _NAMES[split]:
        if x in rest and y in rest:
            return rest.pop(x), rest.pop(y)
        if x in rest or y in rest:
            there, missing = (x, y) if x in rest else (y, x)
            raise InputError(f"{where} holds {there} and no {missing}; add it.")
    return None


def _facts(rest: Arrays, where: str) -> dict[str, Any]:
    """What the other names say."""
    facts: dict[str, Any] = {}
    for name, value in rest.items():
        if name.startswith(_RADII):
            radii = np.asarray(value)
            if radii.dtype.kind not in "iuf":
                raise InputError(f"{where}: {name} must be ascending numbers; got {radii.dtype}.")
            facts.setdefault("radii", {})[name.removeprefix(_RADII)] = radii
        elif name not in (*_NUMBERS, *_TEXTS):
            known = [key for pairs in _NAMES.values() for pair in pairs for key in pair]
            known += [*_NUMBERS, *_TEXTS, _SPLIT, f"{_RADII}linf"]
            raise InputError(f"{where}: unknown array {name!r}. {suggestion(name, known)}")
        else:
            facts[name] = _one(name, value, where)
    return facts


def _one(name: str, value: Any, where: str) -> Any:
    """A single number or text."""
    array = np.asarray(value)
    if array.size != 1 or (array.dtype.kind == "U") != (name in _TEXTS):
        what = "text" if name in _TEXTS else "number"
        raise InputError(
            f"{where}: {name} must be one {what}; got {array.dtype} of shape {array.shape}."
        )
    try:
        return array.reshape(()).item()
    except ValueError as problem:  # a code that is no character
        raise InputError(f"{where}: {name} is no text ({problem}).") from None


def _placed(x: Any, y: Any, placing: Any) -> dict[str, tuple[Any, Any] | None]:
    """Inputs and labels of every split, from the number of the split of each item."""
    x, y, which = (np.asarray(one) for one in (x, y, placing))
    if x.ndim < 1 or y.shape[:1] != x.shape[:1]:
        raise InputError(
            f"x of shape {x.shape} and y of shape {y.shape} must have one entry an item each."
        )
    if which.shape != (len(x),) or not np.isin(which, range(len(_SPLITS))).all():
        raise InputError(
            f"split must hold 0 (train), 1 (validation) or 2 (test) for each of {len(x)} items; "
            f"got {which.dtype} of shape {which.shape}."
        )
    return {
        name: (x[which == number], y[which == number]) if (which == number).any() else None
        for number, name in enumerate(_SPLITS)
    }
