"""What a data set is: its description, its splits, and the test items that stay sealed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from spikeproof.base import class_numbers
from spikeproof.data.domain import Domain
from spikeproof.data.views import Views

if TYPE_CHECKING:
    from spikeproof.data.splits import Shares

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
        reference: The file, folder or function that a set of the user's own was read from, as
            ``open_data`` takes it; None for a set of the package, and for arrays.
        notes: What was done to arrays of the user's own, and the rule that suggested the radii, a
            sentence each.
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
    reference: str | None = None
    notes: tuple[str, ...] = ()


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

    @classmethod
    def from_arrays(
        cls,
        x: object,
        y: object,
        *,
        kind: str | None = None,
        low: float | None = None,
        high: float | None = None,
        integer: bool | None = None,
        name: str = "own",
        seed: int = 0,
        shares: Shares | None = None,
        **told: Any,
    ) -> Dataset:
        """Make a data set of arrays: checked, dealt to splits, hashed, the test items sealed.

        Which split an item belongs to follows from its values, its class and ``seed``, not from
        its place, so the same items in another order are dealt alike; equal items of one class
        stay together. The arrays are copied. Inputs become float32, labels int64.

        Args:
            x: Inputs, items first: a tensor, array or list of real numbers of any type and layout
                in memory; pictures also with their channels last, or without an axis for them.
            y: Labels: whole numbers of any type, ``(N,)`` or ``(N, 1)``, or one-hot ``(N, K)``.
            kind: ``"image"``, ``"events"``, ``"audio"`` or ``"real"``; by the number of axes where
                absent: 1 real, 3 image, 4 events.
            low: Smallest legal value; 0 where absent, -1 for sounds.
            high: Largest legal value; 1 where absent, the largest count for events.
            integer: Whether only whole numbers are legal; so for counts of events where absent.
            name: What tables and records call it.
            seed: Which deal.
            shares: Share of each split; 60, 15 and 25 % where absent.
            told: ``classes`` (the largest label + 1 where absent), ``channels`` (``"first"`` or
                ``"last"``), ``radii`` (threat → ascending radii; suggested ones where absent, and
                ``spec.notes`` says by which rule), ``licence`` and ``source``.
        Returns:
            The data set, as ``load`` returns one.
        Raises:
            SettingError: a shape, range or name with two meanings or none; what to say is named.
            InputError: inputs that are not legal, labels that do not fit, or too few items.
        Cost:
            About a second for 300 MB.
        Example:
            >>> import numpy as np
            >>> x = np.random.default_rng(0).random((40, 8, 8, 3))
            >>> data = Dataset.from_arrays(x, np.arange(40) % 2, name="mine")
            >>> data.domain.shape, len(data.train), data.spec.radii["linf"][1]
            ((3, 8, 8), 24, 0.0313725)
        """
        from spikeproof.data.own import Declared, from_arrays

        known = {"kind": kind, "low": low, "high": high, "integer": integer, "name": name}
        declared = Declared.of({**known, **told}, "Dataset.from_arrays")
        return from_arrays(x, y, declared, seed=seed, shares=shares)

    @classmethod
    def from_splits(
        cls,
        *,
        test: tuple[object, object],
        train: tuple[object, object] | None = None,
        validation: tuple[object, object] | None = None,
        kind: str | None = None,
        low: float | None = None,
        high: float | None = None,
        integer: bool | None = None,
        name: str = "own",
        seed: int = 0,
        **told: Any,
    ) -> Dataset:
        """Make a data set of splits that were made already; for the rest see ``from_arrays``.

        Args:
            test: Inputs and labels that only evaluation opens.
            train: Those to train on; none where absent, so that the set can only be audited.
            validation: Those to select on; a tenth of each class of the training items, chosen
                by their values, where absent.
            kind: As for :meth:`from_arrays`, like all that follow.
            low: Smallest legal value.
            high: Largest legal value.
            integer: Whether only whole numbers are legal.
            name: What tables and records call it.
            seed: Which items are parted off for validation.
            told: As for :meth:`from_arrays`.
        Returns:
            The data set. Items are numbered over train, validation and test in turn.
        Raises:
            SettingError: a shape, range or name with two meanings or none.
            InputError: no test items, or splits that do not fit each other.
        Example:
            >>> import numpy as np
            >>> x, y = np.zeros((6, 1, 4, 4)), np.arange(6) % 3
            >>> data = Dataset.from_splits(test=(x, y))
            >>> len(data.train), data.spec.classes
            (0, 3)
        """
        from spikeproof.data.own import Declared, from_splits

        known = {"kind": kind, "low": low, "high": high, "integer": integer, "name": name}
        declared = Declared.of({**known, **told}, "Dataset.from_splits")
        given = {"train": train, "validation": validation, "test": test}
        return from_splits(given, declared, seed=seed)
