"""AEDAT 4, the format of iniVation's DV: packets of events, each packed for itself."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from spikeproof.base import read_bytes, write_atomic
from spikeproof.data.streams.formats.stream_format import (
    FORMATS,
    MOST_BYTES,
    Columns,
    Damage,
    StreamFormat,
    library,
)
from spikeproof.data.streams.recording import Recording

__all__ = ["Aedat4"]

Array = np.ndarray[Any, Any]
_MAGIC = b"#!AER-DAT4.0\r\n"
_EVENT = np.dtype({"names": ["t", "x", "y", "p"], "formats": ["<i8", "<i2", "<i2", "u1"],
                   "offsets": [0, 8, 10, 12], "itemsize": 16})  # fmt: skip
_IN_PACKET = 1 << 16
_ZSTD, _LZ4 = b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18"
_LZ4_MOST = 255  # bytes that one packed byte can become
_INFO = """<dv version="2.0"><node name="outInfo" path="/mainloop/Recorder/outInfo/">\
<node name="0" path="/mainloop/Recorder/outInfo/0/"><attr key="compression" type="string">NONE\
</attr><attr key="typeIdentifier" type="string">EVTS</attr><node name="info" \
path="/mainloop/Recorder/outInfo/0/info/"><attr key="sizeX" type="int">{width}</attr>\
<attr key="sizeY" type="int">{height}</attr></node></node></node></dv>"""


@FORMATS.register("aedat4")
@dataclass(frozen=True, kw_only=True)
class Aedat4(StreamFormat):
    """A header that names the streams, then packets of flatbuffers, plain or packed (LZ4, Zstd).

    Read by the library ``aedat``, after a walk over the packets that finds files cut short and
    packets that would fill memory. Frames, movement and triggers are left out; of several streams
    of events none is chosen. Times are as stored, in DV's files microseconds since 1970: see
    ``Recording.window(..., rebase=True)``. Written plain and without the table of packets at the
    end, which the format lets lack.

    Args:
        sensor: What the header says, unless it is given.
    """

    title: ClassVar[str] = "AEDAT 4"
    suffixes: ClassVar[tuple[str, ...]] = (".aedat4",)
    reach: ClassVar[tuple[int, int, int]] = (2, 1 << 15, 1 << 15)

    def load(self, path: Path, most: int) -> Columns:
        """Return the events in a file."""
        aedat = library("aedat", "AEDAT 4 files")
        _check_packets(read_bytes(path, f"{self.title} file", most=most, follow=True))
        with _foreign():
            decoder = aedat.Decoder(str(path))
            streams = [(number, one) for number, one in decoder.id_to_stream().items()
                       if one.get("type") == "events"]  # fmt: skip
            if len(streams) != 1:
                raise Damage(f"holds {len(streams)} streams of events, not one")
            number, facts = streams[0]
            parts, total = [], 0
            for packet in decoder:
                if packet["stream_id"] == number and "events" in packet:
                    parts.append(packet["events"])
                    total += len(packet["events"]) * 16
                    if total > MOST_BYTES:
                        raise Damage(f"unpacks to more than {MOST_BYTES:,} bytes of events")
        if not parts:
            return Columns(
                *np.zeros((4, 0), np.uint8), (2, int(facts["height"]), int(facts["width"]))
            )
        columns = [np.concatenate([part[name] for part in parts]) for name in ("t", "x", "y")]
        # Its name is a title, and so differs between versions of the library.
        p = np.concatenate([part[(part.dtype.names or ())[3]].view(np.uint8) for part in parts])
        sensor = (2, int(facts["height"]), int(facts["width"]))
        return Columns(columns[0].view(np.int64), columns[1], columns[2], p, sensor)

    def save(self, path: Path, recording: Recording) -> None:
        """Write a file with these events."""
        _, height, width = recording.sensor
        info = _INFO.format(width=width, height=height).encode()
        # IOHE: a table of compression (0: none), place of the table of packets (-1) and info.
        header = struct.pack(
            "<I4sHHHHHxxiiqII", 20, b"IOHE", 10, 20, 4, 8, 16, 12, 0, -1, 4, len(info)
        )
        header += info + b"\0" * (8 - len(info) % 8)
        pieces = [_MAGIC, struct.pack("<I", len(header)), header]
        events = np.zeros(len(recording), _EVENT)
        for name in _EVENT.names or ():
            events[name] = getattr(recording, name)
        for first in range(0, len(events), _IN_PACKET):
            part = events[first : first + _IN_PACKET]
            # EVTS: a table of one vector; its entries begin at a multiple of 8 bytes.
            table = struct.pack("<I4sxxHHHiII", 16, b"EVTS", 6, 8, 4, 6, 4, len(part))
            body = struct.pack("<I", len(table) + part.nbytes) + table + part.tobytes()
            pieces.append(struct.pack("<ii", 0, len(body)) + body)
        write_atomic(path, b"".join(pieces))


def _check_packets(content: bytes) -> None:
    """Raise Damage unless the packets fill the file, and none becomes larger than is read."""
    if not content.startswith(_MAGIC):
        raise Damage(f"does not begin with {_MAGIC.decode().strip()}")
    begin = len(_MAGIC) + 4
    if len(content) < begin + 24:
        raise Damage("ends inside its header")
    (size,) = struct.unpack_from("<I", content, begin - 4)
    begin += size
    end = _table_of_packets(content)
    if end is not None and not begin <= end < len(content):
        raise Damage(f"says a table of packets at byte {end:,} and ends at {len(content):,}")
    stop = len(content) if end is None else end
    while begin < stop:
        if begin + 8 > stop:
            raise Damage(f"ends inside the header of a packet at byte {begin:,}")
        _, size = struct.unpack_from("<ii", content, begin)
        if size < 0 or begin + 8 + size > stop:
            raise Damage(
                f"has a packet at byte {begin:,} of {size:,} bytes, and ends after "
                f"{stop - begin - 8:,} of them"
            )
        # Packets are unpacked one by one, so each must fit by itself.
        most = _unpacked(content, begin + 8, size)
        if most > MOST_BYTES:
            raise Damage(f"has a packet at byte {begin:,} that may unpack to {most:,} bytes")
        begin += 8 + size
    if begin != stop:
        raise Damage("has packets that do not end where its table begins")


def _table_of_packets(content: bytes) -> int | None:
    """Where the table of packets begins, from the header; None where there is none."""
    base = len(_MAGIC) + 4
    try:
        (root,) = struct.unpack_from("<I", content, base)
        table = base + root
        (back,) = struct.unpack_from("<i", content, table)
        length, _, _, field = struct.unpack_from("<HHHH", content, table - back)
        if length < 8 or not field:
            return None
        (place,) = struct.unpack_from("<q", content, table + field)
    except struct.error:
        raise Damage("has a header that points outside the file") from None
    return None if place < 0 else int(place)


def _unpacked(content: bytes, begin: int, size: int) -> int:
    """An upper bound for the bytes that a packet becomes."""
    mark = content[begin : begin + 4]
    if mark == _LZ4:
        return size * _LZ4_MOST
    if mark != _ZSTD:
        return size
    if size < 14:
        raise Damage(f"has a packet at byte {begin:,} that is too short for its packing")
    # A frame says its size in 1, 2, 4 or 8 bytes behind its descriptor (RFC 8878, 3.1.1.1).
    descriptor = content[begin + 4]
    single, width = descriptor >> 5 & 1, (0, 2, 4, 8)[descriptor >> 6]
    width = width or single
    if not width:
        raise Damage(f"has a packet at byte {begin:,} that does not say what it unpacks to")
    place = begin + 5 + (1 - single) + (0, 1, 2, 4)[descriptor & 3]
    said = int.from_bytes(content[place : place + width], "little")
    return said + (256 if width == 2 else 0)


@contextmanager
def _foreign() -> Iterator[None]:
    """Turn what the library raises on spoilt files into Damage, its panics too."""
    try:
        yield
    except (Damage, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as problem:
        if not isinstance(problem, Exception) and type(problem).__name__ != "PanicException":
            raise
        text = " ".join(str(problem).split())[:120].rstrip(".")
        raise Damage(f"is not read by the library aedat ({text})") from None
