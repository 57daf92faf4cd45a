"""Spikes of the Neuromorphic Auditory Sensor: eight bytes a spike, without a header."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spikeproof.data.streams.formats.stream_format import FORMATS, ByteFormat, Columns, Damage
from spikeproof.data.streams.recording import Recording

__all__ = ["Nas"]

_SPIKE = np.dtype([("address", ">u4"), ("t", ">u4")])


@FORMATS.register("nas")
@dataclass(frozen=True, kw_only=True)
class Nas(ByteFormat):
    """Address and time (us) of each spike, both big-endian and of 32 bits.

    An address is a column; what the addresses mean (channel and sign, on a cochlea of 64 channels
    and one ear) is left to who reads them. Without a header such a file is known by its name only.

    Args:
        sensor: 128 addresses unless another is given.
    Example:
        >>> Nas().encode(Recording([5], [127], [0], [0], sensor=(1, 1, 128))).hex()
        '0000007f00000005'
    """

    title: ClassVar[str] = "NAS"
    suffixes: ClassVar[tuple[str, ...]] = ()
    last: ClassVar[int] = (1 << 32) - 1
    reach: ClassVar[tuple[int, int, int]] = (1, 1, 1 << 16)

    sensor: tuple[int, int, int] | None = (1, 1, 128)

    def decode(self, content: bytes) -> Columns:
        """Return the spikes of a file."""
        if len(content) % 8:
            raise Damage(f"has {len(content):,} bytes, which are no whole spikes of 8")
        spikes = np.frombuffer(content, _SPIKE)
        zero = np.zeros(len(spikes), np.uint8)
        x = spikes["address"].astype(np.uint32)
        return Columns(spikes["t"].astype(np.int64), x, zero, zero)

    def encode(self, recording: Recording) -> bytes:
        """Return the bytes of a file."""
        spikes = np.empty(len(recording), _SPIKE)
        spikes["address"], spikes["t"] = recording.x, recording.t
        return spikes.tobytes()
