"""The one place where test items are unsealed."""

from __future__ import annotations

import torch

from spikeproof.base import InputError, check_labels, seeds
from spikeproof.data import Dataset, Split

__all__ = ["check_split", "open_test"]


def open_test(data: Dataset, items: int | None = None) -> Split:
    """Unseal the test items of a data set.

    Args:
        data: The data set.
        items: How many; all where absent. They are the first of one fixed shuffled order, so the
            smaller choice is always part of the larger one, whatever the model or the seed.
    Returns:
        The items in their own order, checked.
    Raises:
        InputError: no such number of items, or items that the domain does not allow.
    """
    split = data.sealed
    if items is not None:
        if not 1 <= items <= len(split):
            raise InputError(
                f"Cannot evaluate {items} test items; {data.spec.name} has {len(split)}."
            )
        order = seeds(0, items=split.items).child("test order").bits(()).argsort()
        split = split[order[:items].sort().values]
    return check_split(split, data)


def check_split(split: Split, data: Dataset) -> Split:
    """Return ``split`` if its items are legal for ``data``; otherwise raise InputError."""
    data.domain.check(split.x, "x")
    check_labels(split.y, data.spec.classes, len(split.x))
    if torch.unique(split.items).numel() != len(split.x):
        raise InputError("Every item needs a number of its own; some numbers occur twice.")
    return split
