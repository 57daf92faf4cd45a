"""A recording of events: when, where and of which polarity, on a sensor of known size."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikeproof.base import InputError, SettingError, check_whole

__all__ = ["Recording"]

Array = np.ndarray[Any, Any]
_COLUMNS: dict[str, Any] = {"t": np.int64, "x": np.uint16, "y": np.uint16, "p": np.uint8}
_AXES = {"p": 0, "y": 1, "x": 2}
_MOST = {"p": 256, "y": 1 << 16, "x": 1 << 16}


@dataclass(frozen=True, eq=False, repr=False)
class Recording:
    """Events in the order of their times, every one of them on the sensor.

    Args:
        t: Times in whole microseconds, >= 0 and never going back, ``(E,)``.
        x: Columns, ``(E,)``.
        y: Rows, ``(E,)``.
        p: Polarities, ``(E,)``: 1 is ON (brighter), 0 is OFF. Sensors of sound have 0 alone.
        sensor: ``(polarities, height, width)``, the shape of one frame; a cochlea of 700 channels
            is ``(1, 1, 700)``.
    Raises:
        InputError: columns of unequal length or of fractions, times that go back or are negative,
            or an event outside the sensor; the first bad event is named.
        SettingError: a sensor that is none.
    Cost:
        13 bytes an event. The columns are kept as read-only int64, uint16, uint16 and uint8, and
        copied unless they are that already.
    Example:
        >>> r = Recording([10, 250], [3, 4], [0, 1], [1, 0], sensor=(2, 34, 34))
        >>> r
        Recording(2 events, 10..250 us, sensor 2 x 34 x 34)
        >>> Recording([10, 5], [3, 4], [0, 1], [1, 0], sensor=(2, 34, 34))
        Traceback (most recent call last):
        spikeproof.base.errors.InputError: A recording's times must not go back; event 1 is at \
5 us, after one at 10 us; undo the wrapping of the clock, or sort the events by time.
    """

    t: Array
    x: Array
    y: Array
    p: Array
    sensor: tuple[int, int, int]

    def __post_init__(self) -> None:
        object.__setattr__(self, "sensor", _sensor(self.sensor))
        given = {name: np.asarray(getattr(self, name)) for name in _COLUMNS}
        lengths = {name: column.shape for name, column in given.items()}
        if any(column.ndim != 1 or len(column) != len(given["t"]) for column in given.values()):
            raise InputError(
                f"A recording has one t, x, y and p for each event; got shapes {lengths}, so cut "
                "or reshape them to one length."
            )
        for name, column in given.items():
            _check_whole(name, column)
        for name, axis in _AXES.items():
            self._check_inside(name, given[name], self.sensor[axis])
        _check_times(given["t"])
        for name, kind in _COLUMNS.items():
            object.__setattr__(self, name, _kept(given[name], kind))

    def _check_inside(self, name: str, column: Array, size: int) -> None:
        """Raise unless every entry lies in ``0..size - 1``."""
        # One pass over the bytes where the type allows no negative number.
        low = 0 if column.dtype.kind in "ub" or not len(column) else int(column.min())
        if len(column) and (low < 0 or int(column.max()) >= size):
            event = int(np.flatnonzero((column < 0) | (column >= size))[0])
            shown = " x ".join(map(str, self.sensor))
            raise InputError(
                f"A recording's events must lie on its sensor ({shown}: polarities, height, "
                f"width); event {event} has {name} = {int(column[event])}, so crop the events or "
                "name the sensor they come from."
            )

    def __len__(self) -> int:
        return len(self.t)

    def __repr__(self) -> str:
        span = f", {self.t[0]:,}..{self.t[-1]:,} us" if len(self) else ""
        shown = " x ".join(map(str, self.sensor))
        return f"Recording({len(self):,} events{span}, sensor {shown})"

    def __eq__(self, other: object) -> bool:
        """Whether both hold the same events in the same order on the same sensor."""
        if not isinstance(other, Recording):
            return NotImplemented
        return self.sensor == other.sensor and all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in _COLUMNS
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def sha256(self) -> str:
        """The hash of sensor and events, the same whatever file they came from."""
        total = hashlib.sha256(repr(self.sensor).encode())
        for name, kind in _COLUMNS.items():
            total.update(getattr(self, name).astype(np.dtype(kind).newbyteorder("<")).tobytes())
        return total.hexdigest()

    def window(self, start: int, stop: int, *, rebase: bool = False) -> Recording:
        """Return the events from ``start`` to before ``stop``, microseconds.

        Args:
            start: First time that is kept.
            stop: First time that is not.
            rebase: Whether times are counted from ``start``.
        """
        first, last = np.searchsorted(self.t, [start, stop])
        part = self.subset(slice(first, last))
        return Recording(part.t - start, part.x, part.y, part.p, self.sensor) if rebase else part

    def subset(self, keep: Array | slice) -> Recording:
        """Return the events that a mask, ascending positions or a slice choose."""
        return Recording(self.t[keep], self.x[keep], self.y[keep], self.p[keep], self.sensor)


def _sensor(sensor: object) -> tuple[int, int, int]:
    """A sensor as three whole numbers that events can lie on."""
    if not isinstance(sensor, tuple | list) or len(sensor) != 3:
        raise SettingError(
            f"A sensor is (polarities, height, width), e.g. (2, 34, 34); got {sensor!r}."
        )
    p, y, x = (check_whole(size, "A size of the sensor") for size in sensor)
    if not all(0 < size <= most for size, most in zip((p, y, x), _MOST.values(), strict=True)):
        raise SettingError(
            "A sensor has 1..256 polarities and 1..65536 rows and columns; got "
            f"{(p, y, x)}; name its real size."
        )
    return p, y, x


def _check_whole(name: str, column: Array) -> None:
    """Raise unless a column holds whole numbers."""
    if column.dtype.kind not in "iub" and len(column):
        raise InputError(
            f"A recording's {name} must be whole numbers; got {column.dtype}, so convert them "
            "(times to microseconds)."
        )


def _check_times(t: Array) -> None:
    """Raise unless times are at least 0 and do not go back."""
    if not len(t):
        return
    if t.dtype.kind == "u" and int(t.max()) >= 1 << 63:
        raise InputError(
            f"A recording's times must fit 63 bits; event {int(t.argmax())} is at {int(t.max())} "
            "us, so count from the beginning of the recording."
        )
    back = t[1:] < t[:-1]
    if back.any():
        event = int(back.argmax()) + 1
        raise InputError(
            f"A recording's times must not go back; event {event} is at {int(t[event])} us, after "
            f"one at {int(t[event - 1])} us; undo the wrapping of the clock, or sort the events "
            "by time."
        )
    if int(t[0]) < 0:
        raise InputError(
            f"A recording's times must be at least 0; event 0 is at {int(t[0])} us, so count from "
            "the beginning of the recording."
        )


def _kept(column: Array, kind: Any) -> Array:
    """A column of its type that nobody writes to."""
    if column.dtype == kind and not column.flags.writeable and column.flags.c_contiguous:
        return column
    kept = np.array(column, dtype=kind)
    kept.flags.writeable = False
    return kept
