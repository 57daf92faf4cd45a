"""Prophesee's ``.dat``, the format of N-CARS, GEN1 and 1 Mpx: eight bytes an event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spikeproof.data.streams.formats.header import facts_of, lines_of, sensor_of
from spikeproof.data.streams.formats.stream_format import FORMATS, ByteFormat, Columns, Damage
from spikeproof.data.streams.recording import Recording

__all__ = ["Dat"]

_EVENT = np.dtype([("t", "<u4"), ("where", "<u4")])
_KINDS = (0, 12)  # events of pixels, before and since the vendor numbered them anew


@FORMATS.register("dat")
@dataclass(frozen=True, kw_only=True)
class Dat(ByteFormat):
    """Lines that begin with ``%``, two bytes (kind of events, their size), then the events.

    An event is little-endian: time (us) of 32 bits, then x of 14 bits, y of 14 and polarity of 4.
    Files of the first version lack the two bytes.

    Args:
        sensor: What the lines ``% Width`` and ``% Height`` say, unless it is given. N-CARS says
            nothing; its recordings have up to 120 columns and 100 rows.
    References:
        sironi2018
    Example:
        >>> r = Recording([5], [3], [1], [1], sensor=(2, 100, 120))
        >>> Dat().decode(Dat().encode(r)).sensor
        (2, 100, 120)
    """

    title: ClassVar[str] = "Prophesee .dat"
    suffixes: ClassVar[tuple[str, ...]] = (".dat",)
    last: ClassVar[int] = (1 << 32) - 1
    reach: ClassVar[tuple[int, int, int]] = (2, 1 << 14, 1 << 14)

    def decode(self, content: bytes) -> Columns:
        """Return the events of a file."""
        lines, begin = lines_of(content, b"%")
        if not lines:
            raise Damage("does not begin with a line of %")
        if (len(content) - begin) % 8 == 2:
            kind, size = content[begin : begin + 2]
            if kind not in _KINDS or size != 8:
                raise Damage(f"holds events of kind {kind} and {size} bytes, not of pixels and 8")
            begin += 2
        elif (len(content) - begin) % 8:
            raise Damage(f"has {len(content) - begin:,} bytes of events, no whole ones of 8")
        events = np.frombuffer(content, _EVENT, offset=begin)
        where = events["where"]
        p = (where >> 28).astype(np.uint8)
        x, y = (where & 0x3FFF).astype(np.uint16), (where >> 14 & 0x3FFF).astype(np.uint16)
        facts = facts_of(lines)
        sensor = sensor_of(facts.get("width"), facts.get("height"))
        return Columns(events["t"].astype(np.int64), x, y, p, sensor)

    def encode(self, recording: Recording) -> bytes:
        """Return the bytes of a file."""
        _, height, width = recording.sensor
        events = np.empty(len(recording), _EVENT)
        x, y, p = (np.uint32(1) * c for c in (recording.x, recording.y, recording.p))
        events["t"], events["where"] = recording.t, p << 28 | y << 14 | x
        lines = (
            f"% Data file containing CD events.\n% Version 2\n% Width {width}\n% Height {height}\n"
        )
        return lines.encode() + bytes((12, 8)) + events.tobytes()
