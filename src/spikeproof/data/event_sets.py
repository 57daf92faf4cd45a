"""What readers of event recordings share: frames of counts, one recording at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from re import Match
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from spikeproof.base import InputError, SettingError, check_count
from spikeproof.data.domain import Domain
from spikeproof.data.files import StoredItems
from spikeproof.data.streams import Binning, Recording, WrittenBack, write_back

__all__ = ["EventFrames", "classed", "part_of"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, kw_only=True)
class EventFrames:
    """Counts of the events of every bin and pixel, as whole numbers that a byte holds.

    Args:
        timesteps: Bins.
        duration: Length of the window from the beginning of a recording, microseconds.
        most: The largest legal count; more events of a pixel in a bin count as this many.
        outside: What is done with events after the window, as of :class:`Binning`.
        pool: Pixels to a side that become one.
    """

    sensor: ClassVar[tuple[int, int, int]]

    timesteps: int
    duration: int
    most: int
    outside: str = "clip"
    pool: int = 1

    def __post_init__(self) -> None:
        check_count(self, "most", "pool")
        if self.most > 255:
            raise SettingError(
                f"{type(self).__name__}.most must be at most 255, a byte; got {self.most}."
            )
        _ = self.binning

    @property
    def binning(self) -> Binning:
        """How recordings on the camera's own pixels become frames, and the way back."""
        return Binning(
            timesteps=self.timesteps,
            duration=self.duration,
            outside=self.outside,
            most=self.most,
            pool=(self.pool, self.pool),
        )

    @property
    def domain(self) -> Domain:
        """Legal frames."""
        polarities, height, width = self.sensor
        shape = (self.timesteps, polarities, height // self.pool, width // self.pool)
        return Domain(kind="events", shape=shape, high=float(self.most), integer=True)

    def values(self, stored: Tensor) -> Tensor:
        """Counts as numbers."""
        return stored.to(torch.float32)

    def frames(self, recording: Recording) -> Array:
        """The frames of a recording whose times begin at 0, uint8 of the domain's shape."""
        if not len(recording):
            raise InputError("An empty recording has no frames; get its file again.")
        found: Array = self.binning(recording).numpy().astype(np.uint8)
        return found

    def written_back(
        self, recording: Recording, frames: Tensor | Array, *, delete: str = "newest"
    ) -> WrittenBack:
        """Return the recording of the camera that attacked frames stand for.

        Args:
            recording: The original, on the camera's own pixels, as :meth:`frames` took it.
            frames: Whole counts of the domain's shape.
            delete: Which events of a cell go first, as of :func:`write_back`.
        Returns:
            What :func:`write_back` does, with blocks of ``pool`` pixels; the frames of the new
            recording are the given ones.
        """
        return write_back(recording, frames, self.binning, delete=delete)

    def stored(
        self,
        y: Array,
        official: int,
        read: Callable[[int], Recording],
        notes: tuple[str, ...] = (),
    ) -> StoredItems:
        """What is decoded into the cache: recording ``k`` is read by ``read(k)``."""

        def items() -> Iterator[Array]:
            for number in range(len(y)):
                yield self.frames(read(number))

        return StoredItems(
            y=y,
            official=official,
            shape=self.domain.shape,
            dtype=np.uint8,
            items=items(),
            notes=notes,
        )


def classed(
    found: Sequence[tuple[Path, Match[str]]], classes: Sequence[str], test: Collection[int]
) -> tuple[list[Path], Array, int]:
    """Return the recordings of a set that has a folder per class and numbers in each.

    Args:
        found: Files, with their class and their number as the groups of their match.
        classes: Names of the classes.
        test: Numbers, of every class, that are for the test.
    Returns:
        Files by class and number, those for training first; their classes; how many train.
    """
    listed = sorted(found, key=lambda one: (classes.index(one[1][1]), int(one[1][2])))
    held = np.isin([int(match[2]) for _, match in listed], list(test))
    order = np.argsort(held, kind="stable")
    y = np.array([classes.index(match[1]) for _, match in listed])[order]
    return [listed[number][0] for number in order], y, int((~held).sum())


def part_of(here: int, whole: int, what: str) -> tuple[str, ...]:
    """Return a note where not all of a set is there.

    Example:
        >>> part_of(10, 3000, "clips")
        ('10 of the 3,000 clips of the set are here.',)
    """
    return () if here == whole else (f"{here:,} of the {whole:,} {what} of the set are here.",)
