"""Five folds over the recordings of N-MNIST that are at hand, binary frames.

The packed subset has 100 official test recordings, on which an accuracy is known to some six
points. A fold tests on a fifth of all 1,100, so that five folds test on each of them once.
"""

from __future__ import annotations

import torch
from torch import Tensor

from spikeproof.base import seeds
from spikeproof.data import DATASETS, Dataset, Split, load
from spikeproof.evaluate import open_test

__all__ = ["FOLDS", "fold_1", "fold_2", "fold_3", "fold_4", "fold_5", "fold_of"]

FOLDS = 5
_SET = "n-mnist-binary"


def fold_of(y: Tensor) -> Tensor:
    """Return the fold of each item, 0 to 4, int64 ``(N,)``.

    Within a class the items stand in a random order, and folds take them in turn.

    Args:
        y: Class numbers, in the order of the items' numbers.
    """
    order = seeds(0, n=len(y)).child("folds of n-mnist").bits(()).argsort(stable=True)
    fold = torch.empty_like(y)
    for label in y.unique():
        members = order[y[order] == label]
        fold[members] = torch.arange(len(members)) % FOLDS
    return fold


def _fold(number: int) -> Dataset:
    """A fold: a fifth of the recordings for the test, the others to train and to select on."""
    data = load(_SET)
    parts = [data.train, data.validation, open_test(data)]
    items = torch.cat([part.items for part in parts])
    order = items.argsort()
    whole = Split(
        torch.cat([part.x for part in parts])[order],
        torch.cat([part.y for part in parts])[order],
        items[order],
    )
    test = fold_of(whole.y) == number - 1
    facts = DATASETS[_SET].facts
    return Dataset.from_splits(
        train=(whole.x[~test], whole.y[~test]),
        test=(whole.x[test], whole.y[test]),
        kind="events",
        low=0.0,
        high=1.0,
        integer=True,
        classes=facts.classes,
        name=f"n-mnist-fold-{number}",
        licence=facts.licence,
        source=f"{facts.source} Fold {number} of {FOLDS}.",
        radii=dict(facts.radii),
    )


def fold_1() -> Dataset:
    """The first fold."""
    return _fold(1)


def fold_2() -> Dataset:
    """The second fold."""
    return _fold(2)


def fold_3() -> Dataset:
    """The third fold."""
    return _fold(3)


def fold_4() -> Dataset:
    """The fourth fold."""
    return _fold(4)


def fold_5() -> Dataset:
    """The fifth fold."""
    return _fold(5)
