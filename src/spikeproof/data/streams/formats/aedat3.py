"""AEDAT 3.1, the format of DVS128 Gesture, and the table of its gestures."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from spikeproof.base import FileProblem, read_text
from spikeproof.data.streams.formats.header import lines_of
from spikeproof.data.streams.formats.stream_format import FORMATS, ByteFormat, Columns, Damage
from spikeproof.data.streams.recording import Recording

__all__ = ["Aedat3", "read_intervals"]

Array = np.ndarray[Any, Any]
_MAGIC, _END = b"#!AER-DAT3.1", b"#!END-HEADER"
_PACKET = struct.Struct("<HHIIIIII")
_EVENT = np.dtype([("address", "<u4"), ("t", "<i4")])
_POLARITY, _KINDS = 1, 16  # of packets: one holds events of pixels, others sensors of movement
_MOST_IN_PACKET = 1 << 13


@FORMATS.register("aedat3")
@dataclass(frozen=True, kw_only=True)
class Aedat3(ByteFormat):
    """Packets of events as cAER writes them, little-endian.

    A packet begins with 28 bytes: kind and source (16 bits each), bytes of an event, where its
    time stands, how often the clock ran over, room, events, valid events (32 bits each). An event
    is an address and a time t: bit 0 says that it is valid, bit 1 that it is ON, bits 2 to 16 are
    y, bits 17 to 31 are x, and its time is t + 2**31 * overflows (us). Invalid events and packets
    of other kinds are left out; a packet whose numbers contradict each other is refused.

    Args:
        sensor: DVS128's unless another is given.
    References:
        amir2017
    """

    title: ClassVar[str] = "AEDAT 3.1"
    suffixes: ClassVar[tuple[str, ...]] = (".aedat",)
    last: ClassVar[int] = (1 << 62) - 1
    reach: ClassVar[tuple[int, int, int]] = (2, 1 << 15, 1 << 15)

    sensor: tuple[int, int, int] | None = (2, 128, 128)

    def decode(self, content: bytes) -> Columns:
        """Return the events of a file."""
        if not content.startswith(_MAGIC):
            raise Damage(f"does not begin with {_MAGIC.decode()}")
        _, begin = lines_of(content, b"#", _END)
        found = list(_packets(content, begin))
        parts = [np.zeros(0, _EVENT), *(events for events, _ in found)]
        address = np.concatenate([part["address"] for part in parts])
        times = [part["t"].astype(np.int64) + over for part, (_, over) in zip(
            parts[1:], found, strict=True)]  # fmt: skip
        t = np.concatenate([np.zeros(0, np.int64), *times])
        x, y = (address >> 17).astype(np.uint16), (address >> 2 & 0x7FFF).astype(np.uint16)
        return Columns(t, x, y, (address >> 1 & 1).astype(np.uint8))

    def encode(self, recording: Recording) -> bytes:
        """Return the bytes of a file."""
        events = np.empty(len(recording), _EVENT)
        x, y, p = (np.uint32(1) * c for c in (recording.x, recording.y, recording.p))
        events["address"] = x << 17 | y << 2 | p << 1 | 1
        overflows = recording.t >> 31
        events["t"] = recording.t & 0x7FFFFFFF
        cuts = np.flatnonzero(np.diff(overflows)) + 1
        cuts = np.union1d(cuts, np.arange(0, len(recording), _MOST_IN_PACKET)).astype(int)
        pieces = [_MAGIC, b"\r\n#Format: RAW\r\n", _END, b"\r\n"]
        for first, last in zip(cuts, [*cuts[1:], len(recording)][: len(cuts)], strict=True):
            n = int(last - first)
            pieces.append(_PACKET.pack(_POLARITY, 1, 8, 4, int(overflows[first]), n, n, n))
            pieces.append(events[first:last].tobytes())
        return b"".join(pieces)


def _packets(content: bytes, begin: int) -> Iterator[tuple[Array, int]]:
    """The valid events of each packet of pixels, and what is to be added to their times."""
    while begin < len(content):
        if begin + _PACKET.size > len(content):
            raise Damage(f"ends inside the header of a packet at byte {begin:,}")
        kind, _, size, where, over, room, n, valid = _PACKET.unpack_from(content, begin)
        stop = begin + _PACKET.size + size * room
        if kind >= _KINDS or not valid <= n <= room or where + 4 > size or over >= 1 << 31:
            raise Damage(f"has a packet at byte {begin:,} whose header contradicts itself")
        if stop > len(content):
            raise Damage(
                f"has a packet at byte {begin:,} of {size * room:,} bytes, and ends after "
                f"{len(content) - begin - _PACKET.size:,} of them"
            )
        if kind == _POLARITY:
            if (size, where) != (8, 4):
                raise Damage(f"has events of {size} bytes in the packet at byte {begin:,}, not 8")
            events = np.frombuffer(content, _EVENT, n, begin + _PACKET.size)
            good = (events["address"] & 1).astype(bool)
            if int(good.sum()) != valid:
                raise Damage(
                    f"has a packet at byte {begin:,} that says {valid:,} valid events and holds "
                    f"{int(good.sum()):,}"
                )
            yield events[good], over << 31
        begin = stop


def read_intervals(path: Path | str) -> Array:
    """Return the table beside a recording of DVS128 Gesture that says which gesture is when.

    Args:
        path: A CSV file with the columns class, startTime_usec, endTime_usec.
    Returns:
        int64 ``(K, 3)``: class as the file counts it (from 1), begin and end in microseconds, for
        :meth:`Recording.window`.
    Raises:
        FileProblem: the file is absent, too large, or no such table.
    """
    lines = read_text(path, "table of gestures", most=1 << 20).splitlines()
    if not lines or lines[0].replace(" ", "").lower() != "class,starttime_usec,endtime_usec":
        raise FileProblem(
            f"{path} is no table of gestures: its first line must be "
            "class,startTime_usec,endTime_usec; take the file that came with the recording."
        )
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in line.split(",")]
        plain = len(cells) == 3 and all(c.isascii() and c.isdigit() and len(c) < 19 for c in cells)
        if not plain or not int(cells[1]) < int(cells[2]):
            raise FileProblem(
                f"{path}, line {number}, is {line[:80]!r} and not a class and two times of which "
                "the second is later; take the file that came with the recording."
            )
        rows.append([int(cell) for cell in cells])
    return np.array(rows, dtype=np.int64).reshape(-1, 3)
