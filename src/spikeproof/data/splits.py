"""Which item belongs to train, validation and test: stratified, fixed, the same for every set."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from spikeproof.base import (
    InputError,
    SettingError,
    check_at_least,
    check_labels,
    check_positive,
    seeds,
)
from spikeproof.data.dataset import Split

__all__ = ["Shares", "assign", "choose", "hold_out"]


@dataclass(frozen=True, kw_only=True)
class Shares:
    """How much of each class goes to train and to validation; the rest is test.

    Args:
        train: Share of the items to train on.
        validation: Share of the items to select on.
    """

    train: float = 0.60
    validation: float = 0.15

    def __post_init__(self) -> None:
        check_positive(self, "train", "validation")
        if self.train + self.validation >= 1:
            raise SettingError(
                f"Shares must leave a rest for the test split; got train {self.train:g} + "
                f"validation {self.validation:g} >= 1. Lower one of them."
            )


def assign(y: Tensor, *, seed: int = 0, shares: Shares | None = None) -> dict[str, Tensor]:
    """Deal the items of every class to train, validation and test.

    Within class c with n_c items, sorted by a random key per item, the first
    round(0.60 n_c) are train, the next round(0.15 n_c) validation, the rest test. Each split is
    then sorted by the same keys, so that its first k items are a random sample of it.

    Args:
        y: Class numbers, int64 ``(N,)``.
        seed: Which deal.
        shares: Share of each split.
    Returns:
        ``"train"``, ``"validation"``, ``"test"`` → item numbers, int64; disjoint, together all.
    Example:
        >>> dealt = assign(torch.arange(1000) % 10)
        >>> [len(dealt[name]) for name in ("train", "validation", "test")]
        [600, 150, 250]
    """
    shares = shares or Shares()
    classes = int(y.max()) + 1 if len(y) else 0
    check_labels(y, classes)
    keys = seeds(seed, n=len(y)).child("split").bits(())
    order = torch.argsort(keys, stable=True)
    part = torch.empty_like(y)
    for label in range(classes):
        members = order[y[order] == label]
        train = round(shares.train * len(members))
        validation = round(shares.validation * len(members))
        part[members] = 2
        part[members[: train + validation]] = 1
        part[members[:train]] = 0
    return _by_part(order, part)


def choose(
    split: Split, items: int | None, *, name: str, to: str, data: str, skip: int = 0
) -> Split:
    """Take the first items of one fixed shuffled order, or the next ones after those.

    The smaller choice is always part of the larger one, whatever the model or the seed; and no
    item of ``skip=k`` is part of a choice of ``k``.

    Args:
        split: Where they are taken from.
        items: How many; all where absent.
        name: Of the split; each has its own order.
        to: What they are for, as the error says it.
        data: Name of the data set, as the error says it.
        skip: How many of that order are left out before them.
    Returns:
        The items in their own order.
    Raises:
        InputError: no such number of items.
    Example:
        >>> x = torch.zeros(9, 2)
        >>> split = Split(x, x[:, 0].long(), torch.arange(9))
        >>> few, more = (
        ...     choose(split, n, name="test", to="evaluate", data="toy").items for n in (3, 5)
        ... )
        >>> set(few.tolist()) < set(more.tolist())
        True
    """
    if items is None and not skip:
        return split
    skip = check_at_least(0, skip, f"{to}: skip")
    count = len(split) - skip if items is None else check_at_least(0, items, f"{to}: items")
    if not 1 <= count <= len(split) - skip:
        after = f" after the first {skip}" if skip else ""
        raise InputError(f"Cannot {to} {count} {name} items{after}; {data} has {len(split)}.")
    order = seeds(0, items=split.items).child(f"{name} order").bits(()).argsort()
    return split[order[skip : skip + count].sort().values]


def hold_out(
    y: Tensor,
    *,
    official: int,
    validation: float = 0.1,
    seed: int = 0,
    published: int | None = None,
) -> dict[str, Tensor]:
    """Deal the official training part to train and validation; the official test part is test.

    Within class c with n_c training items, sorted by a random key per item, the first
    round(validation * n_c) are validation, the rest train. Each split is then sorted by the same
    keys, so that its first k items are a random sample of it.

    Args:
        y: Class numbers, int64 ``(N,)``.
        official: How many items, from the first, are the official training part.
        validation: Share of each class of that part to select on.
        seed: Which deal; the test items are the same ones for every seed.
        published: How many items, from the end of that part, were published for validation; they
            are it then, and nothing is drawn.
    Returns:
        ``"train"``, ``"validation"``, ``"test"`` → item numbers, int64; disjoint, together all.
    Example:
        >>> dealt = hold_out(torch.arange(70) % 10, official=60, validation=0.5)
        >>> [len(dealt[name]) for name in ("train", "validation", "test")]
        [30, 30, 10]
    """
    order = torch.argsort(seeds(seed, n=len(y)).child("split").bits(()), stable=True)
    part = torch.full_like(y, 2)
    part[:official] = 0
    if published is not None:
        part[official - published : official] = 1
        return _by_part(order, part)
    for label in range(int(y.max()) + 1 if len(y) else 0):
        members = order[(y[order] == label) & (order < official)]
        part[members[: round(validation * len(members))]] = 1
    return _by_part(order, part)


def _by_part(order: Tensor, part: Tensor) -> dict[str, Tensor]:
    """The item numbers of parts 0, 1 and 2, each in the order given."""
    names = ("train", "validation", "test")
    return {name: order[part[order] == number] for number, name in enumerate(names)}
