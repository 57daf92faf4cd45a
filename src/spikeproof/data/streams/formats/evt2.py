"""Prophesee's raw EVT 2.0: words of 32 bits, the upper part of the time told apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spikeproof.data.streams.formats.header import raw_header, raw_lines
from spikeproof.data.streams.formats.stream_format import FORMATS, ByteFormat, Columns, Damage
from spikeproof.data.streams.recording import Recording

__all__ = ["Evt2"]

_OFF, _ON, _TIME = 0x0, 0x1, 0x8
_KNOWN = np.isin(np.arange(16), (_OFF, _ON, _TIME, 0xA, 0xE, 0xF))  # triggers and the vendor's own


@FORMATS.register("evt2")
@dataclass(frozen=True, kw_only=True)
class Evt2(ByteFormat):
    """Lines that begin with ``%``, then little-endian words whose upper four bits are their kind.

    Kind 0 (OFF) and 1 (ON) hold the lower 6 bits of the time (us), x and y of 11 bits each; kind 8
    holds the upper 28 bits of the time for all that follows. Triggers and the vendor's own words
    are left out, as are events before the first time; words of other kinds are refused.

    Args:
        sensor: What the header says, unless it is given.
    """

    title: ClassVar[str] = "EVT2"
    suffixes: ClassVar[tuple[str, ...]] = (".raw",)
    last: ClassVar[int] = (1 << 34) - 1
    reach: ClassVar[tuple[int, int, int]] = (2, 1 << 11, 1 << 11)

    def decode(self, content: bytes) -> Columns:
        """Return the events of a file."""
        begin, sensor = raw_header(content, "2")
        if (len(content) - begin) % 4:
            raise Damage(f"has {len(content) - begin:,} bytes of words, no whole ones of 4")
        words = np.frombuffer(content, "<u4", offset=begin)
        kinds = (words >> 28).astype(np.uint8)
        if not _KNOWN[kinds].all():
            wrong = int(np.flatnonzero(~_KNOWN[kinds])[0])
            raise Damage(f"has a word of the unknown kind {kinds[wrong]:#x} (word {wrong:,})")
        times = np.flatnonzero(kinds == _TIME)
        events = np.flatnonzero(kinds <= _ON)
        events = events[np.searchsorted(events, times[0]) if len(times) else len(events) :]
        # Each time word holds for the events up to the next one.
        upper = np.repeat(
            (words[times] & 0x0FFFFFFF).astype(np.int64),
            np.diff(np.searchsorted(events, times), append=len(events)),
        )
        word = words[events]
        x, y = (word >> 11 & 0x7FF).astype(np.uint16), (word & 0x7FF).astype(np.uint16)
        t = upper << 6 | (word >> 22 & 0x3F)
        return Columns(t, x, y, kinds[events], sensor)

    def encode(self, recording: Recording) -> bytes:
        """Return the bytes of a file."""
        x, y, p = (np.uint32(1) * c for c in (recording.x, recording.y, recording.p))
        lower = (recording.t & 0x3F).astype(np.uint32)
        events = p << 28 | lower << 22 | x << 11 | y
        upper = recording.t >> 6
        new = np.flatnonzero(np.diff(upper, prepend=-1))
        times = np.uint32(_TIME << 28) | upper[new].astype(np.uint32)
        words = np.insert(events, new, times).astype("<u4")
        return raw_lines("2", recording.sensor) + words.tobytes()
