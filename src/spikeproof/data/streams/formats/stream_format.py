"""What every format of recordings has in common: files of bounded size, and refusals by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from spikeproof.base import (
    FileProblem,
    InputError,
    Registry,
    SettingError,
    read_bytes,
    write_atomic,
)
from spikeproof.data.streams.recording import Recording

__all__ = [
    "FORMATS",
    "MOST_BYTES",
    "ByteFormat",
    "Columns",
    "Damage",
    "StreamFormat",
    "library",
    "recorded",
]

Array = np.ndarray[Any, Any]
Sensor = tuple[int, int, int]
MOST_BYTES = 1 << 30
"""Bytes that a file of a recording may have, and that what is packed in it may take."""


class Damage(Exception):
    """What is wrong with the bytes of a file, as the rest of a sentence that begins with "it"."""


class Columns(NamedTuple):
    """Events as a file holds them, before anybody has looked whether they are a recording."""

    t: Array
    x: Array
    y: Array
    p: Array
    sensor: Sensor | None = None


@dataclass(frozen=True, kw_only=True)
class StreamFormat(ABC):
    """One published layout of event files, read and written.

    Args:
        sensor: ``(polarities, height, width)``; None where the file says it.
    """

    title: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]
    last: ClassVar[int] = (1 << 63) - 1
    """The largest time that a file holds, microseconds."""
    reach: ClassVar[Sensor] = (2, 1 << 16, 1 << 16)
    """The largest sensor whose events a file holds."""

    sensor: Sensor | None = None

    def __post_init__(self) -> None:
        if self.sensor is not None:
            empty: list[int] = []
            checked = Recording(empty, empty, empty, empty, self.sensor).sensor  # type: ignore[arg-type]
            object.__setattr__(self, "sensor", checked)

    @abstractmethod
    def load(self, path: Path, most: int) -> Columns:
        """Return the events in a file, looked at by nobody; raise Damage where it is not whole."""

    @abstractmethod
    def save(self, path: Path, recording: Recording) -> None:
        """Write a file, atomically, with these events, which the format can hold."""

    def nearest(self, t: Array) -> Array:
        """Return the times nearest to given ones that a file holds, for :func:`write_back`."""
        return np.minimum(t, self.last)

    def read(
        self,
        path: Path | str,
        *,
        sort: bool = False,
        empty: bool = False,
        most: int = MOST_BYTES,
    ) -> Recording:
        """Return the recording in a file.

        Args:
            path: The file; a link is followed, since a person names it.
            sort: Whether events that are out of order are sorted by time; refused where not. A
                clock that wrapped is not mended by it.
            empty: Whether a recording without events is returned; refused where not.
            most: Bytes that the file may have.
        Raises:
            FileProblem: the file is absent, too large, truncated, of another format, or holds
                events that are no recording; the sentence names it.
            UnreadableFile: it is there, and the system does not let us read it.
        """
        try:
            found = self.load(Path(path), most)
        except Damage as problem:
            raise FileProblem(
                f"{path} is no whole {self.title} file: it {problem}; get it again, or name the "
                "format it is of."
            ) from None
        sensor = self.sensor or found.sensor
        if sensor is None:
            raise SettingError(
                f"{path} does not say its sensor, as {self.title} files need not; give "
                "sensor=(polarities, height, width)."
            )
        if not (empty or len(found.t)):
            raise FileProblem(f"{path} holds no events; get it again, or allow it with empty=True.")
        return recorded(found, sensor, str(path), sort=sort)

    def write(self, path: Path | str, recording: Recording) -> None:
        """Write a recording, atomically; what is read again is equal to it.

        Raises:
            InputError: the format cannot hold an event: a time beyond its clock or between its
                ticks, or another sensor.
            FileProblem: the file cannot be written.
        """
        self.check(recording)
        self.save(Path(path), recording)

    def check(self, recording: Recording) -> None:
        """Raise InputError unless a file of this format gives the recording back."""
        if self.sensor is not None and recording.sensor != self.sensor:
            raise InputError(
                f"This format is set to the sensor {self.sensor}, and the recording is of "
                f"{recording.sensor}; give the format that sensor."
            )
        if any(size > most for size, most in zip(recording.sensor, self.reach, strict=True)):
            raise InputError(
                f"{self.title} files hold sensors up to {self.reach} (polarities, height, width); "
                f"got {recording.sensor}, so crop the recording or choose another format."
            )
        wrong = np.flatnonzero(self.nearest(recording.t) != recording.t)
        if len(wrong):
            event = int(wrong[0])
            raise InputError(
                f"{self.title} files hold no time of {int(recording.t[event])} us (event {event}); "
                f"the nearest is {int(self.nearest(recording.t[event : event + 1])[0])}, so cut "
                "the recording, move its events, or choose another format."
            )


class ByteFormat(StreamFormat):
    """A format whose files are read and written as a whole."""

    @abstractmethod
    def decode(self, content: bytes) -> Columns:
        """Return the events in the bytes of a file; raise Damage where they are not whole."""

    @abstractmethod
    def encode(self, recording: Recording) -> bytes:
        """Return the bytes of a file with these events, which the format can hold."""

    def load(self, path: Path, most: int) -> Columns:
        """Return the events in a file."""
        return self.decode(read_bytes(path, f"{self.title} file", most=most, follow=True))

    def save(self, path: Path, recording: Recording) -> None:
        """Write a file with these events."""
        write_atomic(path, self.encode(recording))


def recorded(found: Columns, sensor: Sensor, name: str, *, sort: bool = False) -> Recording:
    """Return the recording that columns are; refuse by the name of their file what is none."""
    t, x, y, p = found[:4]
    if sort and bool((t[1:] < t[:-1]).any()):
        order = np.argsort(t, kind="stable")
        t, x, y, p = t[order], x[order], y[order], p[order]
    for column in (t, x, y, p):
        column.flags.writeable = False  # so that nothing is copied
    try:
        return Recording(t, x, y, p, sensor)
    except InputError as problem:
        text = str(problem)
        way = " (sort=True does)" if "go back" in text and not sort else ""
        raise FileProblem(
            f"{name} holds no recording: {text[0].lower()}{text[1:-1]}{way}."
        ) from None


def library(name: str, what: str) -> Any:
    """Return a library that reading a format needs; say how to install it where it is absent."""
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError:
        raise SettingError(
            f"{what} need the library {name}, which is not installed; install it with "
            f'"pip install spikeproof[events]".'
        ) from None


FORMATS: Registry[StreamFormat] = Registry("format of recordings", group="spikeproof.formats")
"""Name of a format → the class that reads and writes it."""
