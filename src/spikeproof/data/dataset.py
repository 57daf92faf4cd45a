"""What a data set is: its description, its splits, and the test items that stay sealed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from spikeproof.base import class_numbers
from spikeproof.data.domain import Domain
from spikeproof.data.views import Views

__all__ = ["DataSpec", "Dataset", "Split"]


@dataclass(frozen=True)
class Split:
    """Items of one split.

    Args:
        x: Inputs, ``(N, *shape)``.
        y: Class numbers, int64 ``(N,)``; whole numbers of another type, ``(N, 1)`` and one-hot rows
            become them (see ``class_numbers``).
        items: The item's number in the whole data set, int64 ``(N,)``; random draws belong to it.
    Raises:
        InputError: labels that are no class numbers.
    """

    x: Tensor
    y: Tensor
    items: Tensor

    def __post_init__(self) -> None:
        if self.y.dtype != torch.int64 or self.y.ndim != 1:
            object.__setattr__(self, "y", class_numbers(self.y))

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, which: slice | Tensor) -> Split:
        """The chosen items."""
        return Split(self.x[which], self.y[which], self.items[which])


@dataclass(frozen=True, kw_only=True)
class DataSpec:
    """What is known about a data set without opening it.

    Args:
        name: Its name in ``load``.
        version: Changes whenever any value changes.
        classes: Number of classes.
        modality: ``"image"``, ``"events"``, ``"audio"`` or ``"audio-visual"``.
        licence: Licence of the data.
        source: Where the data come from, one sentence with the citation key.
        sha256: Hash of every array, ``digest_arrays`` over x, y, items and the splits.
        radii: Threat name → ascending radii that the report uses; the middle one is standard.
        joint: View name → its own radius in the ``"joint"`` threat; empty without views.
    """

    name: str
    version: str
    classes: int
    modality: str
    licence: str
    source: str
    sha256: str
    radii: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    joint: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Train and validation items for whoever trains; the test items stay sealed.

    Args:
        spec: What is known about the set.
        domain: Legal inputs.
        train: Items to train on.
        validation: Items to select on.
        sealed: Test items; only ``evaluate`` opens them, a test of the code base sees to it.
    """

    spec: DataSpec
    domain: Domain | Views
    train: Split
    validation: Split
    sealed: Split = field(repr=False)
