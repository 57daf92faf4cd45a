"""What readers of event recordings share: frames of counts, one recording at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from spikeproof.base import InputError, SettingError, check_count
from spikeproof.data.domain import Domain
from spikeproof.data.files import Stored
from spikeproof.data.streams import Binning, Recording

__all__ = ["EventFrames", "coarser", "part_of"]

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
        """How recordings become frames; what ``write_back`` needs for the way back."""
        return Binning(
            timesteps=self.timesteps,
            duration=self.duration,
            outside=self.outside,
            most=self.most,
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
        found: Array = self.binning(coarser(recording, self.pool)).numpy().astype(np.uint8)
        return found

    def stored(
        self,
        y: Array,
        official: int,
        read: Callable[[int], Recording],
        notes: tuple[str, ...] = (),
    ) -> Stored:
        """What is decoded into the cache: recording ``k`` is read by ``read(k)``."""

        def items() -> Iterator[Array]:
            for number in range(len(y)):
                yield self.frames(read(number))

        return Stored(
            y=y,
            official=official,
            shape=self.domain.shape,
            dtype=np.uint8,
            items=items(),
            notes=notes,
        )


def coarser(recording: Recording, pool: int) -> Recording:
    """Return a recording of a sensor with squares of pixels for pixels.

    Raises:
        SettingError: the sensor does not divide into such squares.
    Example:
        >>> r = Recording([0], [5], [3], [1], sensor=(2, 4, 8))
        >>> coarser(r, 4)
        Recording(1 events, 0..0 us, sensor 2 x 1 x 2)
    """
    if pool == 1:
        return recording
    polarities, height, width = recording.sensor
    if height % pool or width % pool:
        raise SettingError(
            f"A sensor of {height} x {width} pixels does not divide into squares of {pool}; "
            "choose another pool."
        )
    sensor = (polarities, height // pool, width // pool)
    return Recording(recording.t, recording.x // pool, recording.y // pool, recording.p, sensor)


def part_of(here: int, whole: int, what: str) -> tuple[str, ...]:
    """Return a note where not all of a set is there.

    Example:
        >>> part_of(10, 3000, "clips")
        ('10 of the 3,000 clips of the set are here.',)
    """
    return () if here == whole else (f"{here:,} of the {whole:,} {what} of the set are here.",)
