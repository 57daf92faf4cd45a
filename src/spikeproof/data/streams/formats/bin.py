"""N-MNIST and N-Caltech101 ``.bin``, and SLAYER's ``.bs2``: five bytes an event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spikeproof.data.streams.formats.stream_format import FORMATS, ByteFormat, Columns, Damage
from spikeproof.data.streams.recording import Recording

__all__ = ["Bin", "Bs2"]

_MARKER = 240  # as a row: no event, but 2**13 us that the clock has lost


@FORMATS.register("bin")
@dataclass(frozen=True, kw_only=True)
class Bin(ByteFormat):
    """Forty bits an event, the first byte first: x 8, y 8, p 1, t 23 (us).

    Recordings of the ATIS camera mark a clock that ran over by an entry with y = 240, after which
    all times are 2**13 us later; so it is read where the sensor has no row 240, as the reader
    published with the sets does. Nothing in the format tells a file that was cut between two
    events from a whole one.

    Args:
        sensor: N-MNIST's unless another is given: N-Caltech101 has (2, 180, 240).
    References:
        orchard2015
    Example:
        >>> r = Recording([5], [3], [33], [1], sensor=(2, 34, 34))
        >>> Bin().encode(r).hex()
        '0321800005'
    """

    title: ClassVar[str] = "N-MNIST"
    suffixes: ClassVar[tuple[str, ...]] = (".bin",)
    last: ClassVar[int] = (1 << 23) - 1
    reach: ClassVar[tuple[int, int, int]] = (2, 256, 256)

    sensor: tuple[int, int, int] | None = (2, 34, 34)

    def decode(self, content: bytes) -> Columns:
        """Return the events of a file."""
        if len(content) % 5:
            raise Damage(f"has {len(content):,} bytes, which are no whole events of 5")
        n = len(content) // 5
        if not n:
            return Columns(*np.zeros((4, 0), np.uint8))
        x = np.ndarray(n, np.uint8, content, 0, (5,))
        word = np.ndarray(n, ">u4", content, 1, (5,)).astype(np.uint32)
        y, p, t = (word >> 24).astype(np.uint16), (word >> 23) & 1, word & 0x7FFFFF
        t, p = t.astype(np.int64), p.astype(np.uint8)
        marks = y == _MARKER if self.sensor and self.sensor[1] <= _MARKER else None
        if marks is not None and marks.any():
            t += np.cumsum(marks) << 13
            x, y, t, p = x[~marks], y[~marks], t[~marks], p[~marks]
        return Columns(t, x.astype(np.uint16), y, p)

    def encode(self, recording: Recording) -> bytes:
        """Return the bytes of a file."""
        rows = np.empty((len(recording), 5), np.uint8)
        rows[:, 0], rows[:, 1] = recording.x, recording.y
        word = recording.t.astype(">u4") | (recording.p.astype(np.uint32) << 23)
        rows[:, 2:] = word.astype(">u4").view(np.uint8).reshape(-1, 4)[:, 1:]
        return rows.tobytes()


@FORMATS.register("bs2")
@dataclass(frozen=True, kw_only=True)
class Bs2(Bin):
    """The layout of ``Bin`` for the DVS128 camera, as SLAYER writes it.

    Args:
        sensor: DVS128's unless another is given.
    References:
        shrestha2018
    """

    title: ClassVar[str] = "SLAYER .bs2"
    suffixes: ClassVar[tuple[str, ...]] = (".bs2",)

    sensor: tuple[int, int, int] | None = (2, 128, 128)
