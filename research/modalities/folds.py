"""Five folds over the recordings of N-MNIST that are at hand, binary frames.

The packed subset has 100 official test recordings, on which an accuracy is known to some six
points. A fold tests on a fifth of all 1,100, so that five folds test on each of them once.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from spikeproof.base import seeds
from spikeproof.data import DATASETS, Dataset
from spikeproof.data.files import chosen_folder
from spikeproof.data.sets.n_mnist_binary import NMnistBinary

__all__ = ["FOLDS", "fold", "fold_1", "fold_2", "fold_3", "fold_4", "fold_5", "fold_of"]

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


def fold(number: int, timesteps: int = 10) -> Dataset:
    """Return a fold: a fifth of the recordings for the test, the others to train and select on.

    Args:
        number: 1 to 5.
        timesteps: Frames of a recording; its folds are the same whatever their number.
    """
    reader = NMnistBinary(timesteps=timesteps)
    place = chosen_folder(_SET, None, reader.published.url)
    stored = reader(place).read()
    x = reader.values(torch.from_numpy(np.stack(list(stored.items))))
    y = torch.from_numpy(stored.y)
    test = fold_of(y) == number - 1
    facts = DATASETS[_SET].facts
    steps = "" if timesteps == NMnistBinary().timesteps else f"-{timesteps}-steps"
    return Dataset.from_splits(
        train=(x[~test], y[~test]),
        test=(x[test], y[test]),
        kind="events",
        low=0.0,
        high=1.0,
        integer=True,
        classes=facts.classes,
        name=f"n-mnist-fold-{number}{steps}",
        licence=facts.licence,
        source=f"{facts.source} Fold {number} of {FOLDS}.",
        radii=dict(facts.radii),
    )


def fold_1() -> Dataset:
    """The first fold."""
    return fold(1)


def fold_2() -> Dataset:
    """The second fold."""
    return fold(2)


def fold_3() -> Dataset:
    """The third fold."""
    return fold(3)


def fold_4() -> Dataset:
    """The fourth fold."""
    return fold(4)


def fold_5() -> Dataset:
    """The fifth fold."""
    return fold(5)
