"""AEDAT 2, the format of CIFAR10-DVS: address and time of each event, of 32 bits each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spikeproof.base import check_one_of
from spikeproof.data.streams.formats.header import lines_of
from spikeproof.data.streams.formats.stream_format import FORMATS, ByteFormat, Columns, Damage
from spikeproof.data.streams.recording import Recording

__all__ = ["Aedat2"]

_EVENT = np.dtype([("address", ">u4"), ("t", ">i4")])
_MAGIC = b"#!AER-DAT2.0"
_SPECIAL = 0x8000  # an edge on the camera's plug, no event of a pixel


@FORMATS.register("aedat2")
@dataclass(frozen=True, kw_only=True)
class Aedat2(ByteFormat):
    """Events of the DVS128 camera as jAER writes them.

    Behind lines that begin with ``#`` stand big-endian pairs of an address and a time (us). Of the
    address, bit 0 is 1 for OFF, bits 1 to 7 are 127 - x, bits 8 to 14 are y; bit 15 marks an edge
    on the camera's plug, which is left out. Longer addresses are of other cameras and refused.

    Args:
        sensor: DVS128's; events of no other are read.
        axes: ``"jaer"``, or ``"spikingjelly"``: its reader of CIFAR10-DVS has jAER's x as the row
            and 127 - y as the column, so frames equal to its need the same.
    Raises:
        SettingError: other axes.
    References:
        li2017cifar10dvs
    Example:
        >>> format = Aedat2()
        >>> r = Recording([5], [3], [100], [1], sensor=(2, 128, 128))
        >>> format.encode(r)[-8:].hex()
        '000064f800000005'
    """

    title: ClassVar[str] = "AEDAT 2"
    suffixes: ClassVar[tuple[str, ...]] = (".aedat",)
    last: ClassVar[int] = (1 << 31) - 1
    reach: ClassVar[tuple[int, int, int]] = (2, 128, 128)

    sensor: tuple[int, int, int] | None = (2, 128, 128)
    axes: str = "jaer"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_one_of(self.axes, ("jaer", "spikingjelly"), "reading of the axes")

    def decode(self, content: bytes) -> Columns:
        """Return the events of a file."""
        if not content.startswith(_MAGIC):
            raise Damage(f"does not begin with {_MAGIC.decode()}")
        _, begin = lines_of(content, b"#")
        if (len(content) - begin) % 8:
            raise Damage(f"has {len(content) - begin:,} bytes of events, no whole ones of 8")
        events = np.frombuffer(content, _EVENT, offset=begin)
        address, t = events["address"].astype(np.uint32), events["t"].astype(np.int64)
        if len(address) and int(address.max()) >= 1 << 16:
            event = int(np.flatnonzero(address >= 1 << 16)[0])
            raise Damage(f"has an address {int(address[event]):#x} (event {event}), of 16 bits")
        if (address & _SPECIAL).any():
            pixels = (address & _SPECIAL) == 0
            address, t = address[pixels], t[pixels]
        across, down = (address >> 1 & 127).astype(np.uint16), (address >> 8).astype(np.uint16)
        x, y = (127 - across, down) if self.axes == "jaer" else (127 - down, 127 - across)
        return Columns(t, x, y, (1 - (address & 1)).astype(np.uint8))

    def encode(self, recording: Recording) -> bytes:
        """Return the bytes of a file."""
        x, y = recording.x.astype(np.uint32), recording.y.astype(np.uint32)
        across, down = (127 - x, y) if self.axes == "jaer" else (127 - y, 127 - x)
        events = np.empty(len(recording), _EVENT)
        events["address"] = down << 8 | across << 1 | (1 - recording.p)
        events["t"] = recording.t
        return _MAGIC + b"\r\n# Timestamps tick: 1 us\r\n" + events.tobytes()
