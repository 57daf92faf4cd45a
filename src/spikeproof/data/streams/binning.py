"""From events to frames of counts: a window of time cut into equal bins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spikeproof.base import InputError, SettingError, check_at_least, check_count, check_one_of
from spikeproof.data.streams.recording import Recording

__all__ = ["Binning"]

Array = np.ndarray[Any, Any]
_OUTSIDE = ("refuse", "drop", "clip")
_MOST_CELLS = 1 << 30


@dataclass(frozen=True, kw_only=True)
class Binning:
    """Count the events of every bin and pixel.

    With the window ``[start, start + duration)`` an event at t falls into the bin

        k = floor((t - start) * timesteps / duration),

    and the frames are counts ``(timesteps, polarities, height, width)``: entry ``[k, p, y, x]``
    holds how many events of polarity p the pixel (x, y) had in bin k. The window never depends on
    the events, so that adding or deleting one changes its own bin and no other: this is what makes
    frames that were attacked writable as a recording (:func:`write_back`).

    Args:
        timesteps: Bins.
        duration: Length of the window, whole microseconds; at least one for each bin.
        start: Where the window begins, microseconds.
        outside: What is done with events outside the window: ``"refuse"`` them, ``"drop"`` them
            from the frames, or ``"clip"`` them into the first and last bin.
        most: Counts above are cut to this; 1 makes binary frames, None cuts nothing.
    Returns:
        From a call: float32 ``(timesteps, *sensor)``, whole numbers.
    Raises:
        SettingError: a window that cannot be cut so, or an unknown way with what lies outside.
        InputError: events outside the window where they are refused.
    Cost:
        One pass over the events; the frames are as large as their shape says.
    Differs from the paper:
        SpikingJelly and tonic take windows from a recording's own first and last event by default;
        :meth:`spanning` makes such a window once, and it then stays what it is.
    Example:
        >>> r = Recording([0, 9, 10, 19], [0, 0, 1, 1], [0] * 4, [1] * 4, sensor=(2, 1, 2))
        >>> Binning(timesteps=2, duration=20)(r)[:, 1, 0].tolist()
        [[2.0, 0.0], [0.0, 2.0]]
        >>> Binning(timesteps=2, duration=20, most=1)(r)[:, 1, 0].tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """

    timesteps: int
    duration: int
    start: int = 0
    outside: str = "refuse"
    most: int | None = None

    def __post_init__(self) -> None:
        check_count(self, "timesteps", "duration")
        check_count(self, "start", least=0)
        if self.most is not None:
            check_count(self, "most")
        check_one_of(self.outside, _OUTSIDE, "way with events outside the window")
        if self.timesteps > self.duration:
            raise SettingError(
                f"Binning.timesteps must be <= Binning.duration, so that each bin holds a whole "
                f"microsecond; got {self.timesteps} bins of {self.duration} us."
            )
        # Beyond, k * duration would not fit 64 bits. The start may be a date: clocks of cameras
        # count from 1970.
        if self.timesteps * self.duration >= 1 << 62 or self.start >= 1 << 62:
            raise SettingError(
                "Binning takes a start, and a product of timesteps and duration, below 2**62; got "
                f"{self.start}, {self.timesteps} and {self.duration}."
            )

    @classmethod
    def spanning(cls, recording: Recording, timesteps: int, *, most: int | None = None) -> Binning:
        """Return the binning whose window spans a recording from first to last event.

        Events that an attack adds stay inside, so the window is made from the clean recording
        and kept for everything that becomes of it.

        Raises:
            InputError: the recording has no events.
        """
        if not len(recording):
            raise InputError("An empty recording spans no window; give Binning a duration.")
        first = int(recording.t[0])
        duration = max(int(recording.t[-1]) - first + 1, check_at_least(1, timesteps, "timesteps"))
        return cls(timesteps=timesteps, duration=duration, start=first, most=most)

    @property
    def edges(self) -> Array:
        """Where each bin begins, and where the last one ends: int64 ``(timesteps + 1,)``."""
        k = np.arange(self.timesteps + 1, dtype=np.int64)
        return self.start - (-k * self.duration) // self.timesteps  # rounded up

    def bins(self, recording: Recording) -> Array:
        """Return the bin of each event, int64 ``(E,)``; -1 for one that is dropped.

        Raises:
            InputError: events outside the window where they are refused.
        """
        end = self.start + self.duration
        # Times ascend, so the bins are runs: a search for each edge, none for each event.
        begins = np.searchsorted(recording.t, self.edges)
        before, after = int(begins[0]), len(recording) - int(begins[-1])
        lost = before + after
        if lost and self.outside == "refuse":
            raise InputError(
                f"{lost:,} of {len(recording):,} events lie outside the window "
                f"{self.start}..{end - 1} us (the recording runs {recording.t[0]}.."
                f"{recording.t[-1]} us); choose another window, or outside='drop' or 'clip'."
            )
        sizes = np.concatenate([[before], np.diff(begins), [after]])
        numbers = np.arange(-1, self.timesteps + 1)
        if self.outside == "clip":
            numbers = numbers.clip(0, self.timesteps - 1)
        else:
            numbers[-1] = -1
        return np.repeat(numbers, sizes)

    def cells(self, recording: Recording) -> Array:
        """Return each event's entry in the flattened frames, int64 ``(E,)``; -1 if dropped."""
        _, height, width = self._frame(recording)
        bins = self.bins(recording)
        channels = bins * recording.sensor[0] + recording.p
        cells = (channels * height + recording.y) * width + recording.x
        return np.where(bins < 0, -1, cells)

    def counts(self, recording: Recording) -> Array:
        """Return the counts before anything is cut, int64 ``(timesteps, *sensor)``."""
        cells = self.cells(recording)
        shape = (self.timesteps, *recording.sensor)
        inside = cells[cells >= 0] if self.outside == "drop" else cells
        return np.bincount(inside, minlength=int(np.prod(shape))).reshape(shape)

    def __call__(self, recording: Recording) -> Tensor:
        """Return the frames of a recording, float32 ``(timesteps, *sensor)``."""
        counts = self.counts(recording)
        if self.most is not None:
            counts = np.minimum(counts, self.most)
        return torch.from_numpy(counts.astype(np.float32))

    def _frame(self, recording: Recording) -> tuple[int, int, int]:
        """The sensor of a recording, whose frames must have a size that can be held."""
        cells = self.timesteps * int(np.prod(recording.sensor))
        if cells > _MOST_CELLS:
            raise InputError(
                f"Frames of {self.timesteps} bins on the sensor {recording.sensor} have {cells:,} "
                f"entries, more than {_MOST_CELLS:,}; use fewer bins or crop the recording."
            )
        return recording.sensor
