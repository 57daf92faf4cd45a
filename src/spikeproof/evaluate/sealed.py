"""The one place where test items are unsealed."""

from __future__ import annotations

import torch

from spikeproof.base import InputError, check_labels, check_one_of
from spikeproof.data import Dataset, Split, choose

__all__ = ["check_split", "open_split", "open_test", "open_validation"]


def open_test(data: Dataset, items: int | None = None, *, skip: int = 0) -> Split:
    """Unseal the test items of a data set.

    Args:
        data: The data set.
        items: How many; all where absent. They are the first of one fixed shuffled order, so the
            smaller choice is always part of the larger one, whatever the model or the seed.
        skip: How many of that order are left out before them: those that have been looked at.
    Returns:
        The items in their own order, checked.
    Raises:
        InputError: no such number of items, or items that the domain does not allow.
    """
    return _opened(data, data.sealed, "test", items, skip)


def open_validation(data: Dataset, items: int | None = None, *, skip: int = 0) -> Split:
    """Return validation items as ``open_test`` returns test items, which stay sealed.

    For searches: whatever is chosen by numbers on these items may still be judged on the test
    items afterwards.

    Args:
        data: The data set.
        items: How many; all where absent. The first of one fixed shuffled order, as for
            :func:`open_test`.
        skip: How many of that order are left out before them.
    Returns:
        The items in their own order, checked.
    Raises:
        InputError: no such number of items, or items that the domain does not allow.
    """
    return _opened(data, data.validation, "validation", items, skip)


def open_split(data: Dataset, split: str, items: int | None = None, *, skip: int = 0) -> Split:
    """Return the items of a split by its name; only ``"test"`` unseals the test items.

    Args:
        data: The data set.
        split: ``"test"`` or ``"validation"``.
        items: As for :func:`open_test`.
        skip: As for :func:`open_test`.
    Raises:
        InputError: as :func:`open_test`.
        SettingError: no such split.
    """
    openings = {"test": open_test, "validation": open_validation}
    return openings[check_one_of(split, openings, "split")](data, items, skip=skip)


def _opened(data: Dataset, split: Split, name: str, items: int | None, skip: int) -> Split:
    """The chosen items of a split, checked."""
    if not len(split):
        raise InputError(f"Cannot evaluate {name} items: {data.spec.name} has none.")
    chosen = choose(split, items, name=name, to="evaluate", data=data.spec.name, skip=skip)
    return check_split(chosen, data)


def check_split(split: Split, data: Dataset) -> Split:
    """Return ``split`` if its items are legal for ``data``; otherwise raise InputError."""
    data.domain.check(split.x, "x")
    check_labels(split.y, data.spec.classes, len(split.x))
    if torch.unique(split.items).numel() != len(split.x):
        raise InputError("Every item needs a number of its own; some numbers occur twice.")
    return split
