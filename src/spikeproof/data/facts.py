"""What a data set says of itself, and what makes or reads its items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from torch import Tensor

from spikeproof.data.domain import Domain
from spikeproof.data.files import Listed, Published, Source
from spikeproof.data.views import Views

__all__ = ["Facts", "Maker", "Reader"]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything that is known of a data set without opening it; a class's ``facts``.

    Args:
        version: Raised whenever any value changes.
        classes: Number of classes.
        title: What an item is, in a word or two of the plural, as reports head their sections.
        unit: What one value of an input is, as axes of figures say it.
        licence: Licence of the data.
        source: Where the data come from, one sentence with the citation key.
        radii: Threat name → three ascending radii that reports use; the middle one is standard.
            They are in the unit of the inputs; ``"l0"`` counts pixels (all channels of a position)
            or samples of sound, ``"counts"`` whole events added or removed; ``"linf"`` to ``"l0"``
            on events are frame space, real-valued counts. ``"joint"`` multiplies ``joint``.
        joint: View name → its own radius in the ``"joint"`` threat; empty without views.
        pinned: Array name → sha256, and ``"all"`` → that of all of them; what
            ``python -m spikeproof.data.pin NAME`` prints. Empty where nothing is pinned.
        pinned_parts: What a part of the set is, in words → its hashes, as of ``pinned``: for sets
            whose files were never all at hand.
        limits: What must not be concluded from numbers on this set, a sentence each.
        training: How ``spikeproof train`` trains on it where nothing else is said: the keys of a
            plan's ``[[data]]`` table.
        rate_hz: Samples per second, where there is sound.
    """

    version: str
    classes: int
    title: str
    unit: str
    licence: str
    source: str
    radii: Mapping[str, tuple[float, ...]]
    joint: Mapping[str, float] = field(default_factory=dict)
    pinned: Mapping[str, str] = field(default_factory=dict)
    pinned_parts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    limits: tuple[str, ...] = ()
    training: Mapping[str, Any] = field(default_factory=dict)
    rate_hz: int | None = None


@runtime_checkable
class Maker(Protocol):
    """What makes the inputs of a data set from item numbers."""

    facts: ClassVar[Facts]

    @property
    def domain(self) -> Domain | Views:
        """Legal inputs."""

    def labels(self) -> Tensor:
        """Class number of every item there is, int64 ``(N,)``."""

    def __call__(self, items: Tensor, *, seed: int = 0) -> Tensor:
        """The inputs of ``items``, ``(N, *shape)``."""


@runtime_checkable
class Reader(Protocol):
    """What reads the items of a data set from files."""

    facts: ClassVar[Facts]

    @property
    def domain(self) -> Domain | Views:
        """Legal inputs, as ``values`` returns them."""

    @property
    def published(self) -> Source:
        """The files to get where none are there."""

    def __call__(self, folder: Path) -> Published | Listed:
        """The items in ``folder``, as stored; or what to decode into the cache, item by item."""

    def values(self, stored: Tensor) -> Tensor:
        """Inputs, float ``(N, *shape)``, from items as stored."""
