"""Structured arrays of events, as tonic and other libraries hold them, and their ``.npy`` files."""

from __future__ import annotations

import io
import math
import warnings
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from spikeproof.base import InputError
from spikeproof.data.streams.formats.stream_format import FORMATS, ByteFormat, Columns, Damage
from spikeproof.data.streams.recording import Recording

__all__ = ["Npy", "from_structured", "polarities", "to_structured"]

Array = np.ndarray[Any, Any]
_EVENT = np.dtype([("t", "<i8"), ("x", "<u2"), ("y", "<u2"), ("p", "i1")])
_FIELDS = {"t", "x", "y", "p"}
_SPELLED = {"on": "p", "polarity": "p", "timestamp": "t", "ts": "t"}


def from_structured(events: Array, sensor: tuple[int, int, int]) -> Recording:
    """Return the recording in an array with the fields t, x, y and p, in any order.

    Args:
        events: ``(E,)``, as tonic, evio and ``aedat`` give them; sensors of sound may lack y or p.
        sensor: ``(polarities, height, width)``.
    Raises:
        InputError: other fields, or events that are no recording.
    Example:
        >>> dtype = [("x", "i2"), ("y", "i2"), ("p", "?"), ("t", "i8")]
        >>> from_structured(np.array([(3, 1, True, 10)], dtype), (2, 34, 34)).t.tolist()
        [10]
    """
    found = np.asarray(events)
    if found.ndim != 1 or not found.dtype.names:
        raise InputError(
            "Events must be a structured array (E,) with the fields t, x, y and p; got "
            f"{found.dtype} of shape {found.shape}."
        )
    try:
        columns = _columns(found)
    except Damage as problem:
        raise InputError(
            f"The array of events {problem}; give whole microseconds, pixels and polarities."
        ) from None
    return Recording(columns.t, columns.x, columns.y, columns.p, sensor)


def to_structured(recording: Recording) -> Array:
    """Return a recording as a structured array with the fields t, x, y and p.

    Example:
        >>> r = Recording([10], [3], [1], [1], sensor=(2, 34, 34))
        >>> to_structured(r)
        array([(10, 3, 1, 1)],
              dtype=[('t', '<i8'), ('x', '<u2'), ('y', '<u2'), ('p', 'i1')])
    """
    events = np.empty(len(recording), _EVENT)
    for name in _FIELDS:
        events[name] = getattr(recording, name)
    return events


def polarities(p: Array) -> Array:
    """Return polarities as 0 and 1; -1, which some libraries write for OFF, becomes 0 and says so.

    Raises:
        Damage: numbers that are no polarities.
    """
    if p.dtype.kind == "i" and len(p) and int(p.min()) == -1 and not (p == 0).any():
        warnings.warn("Polarities -1 and 1 were read as 0 (OFF) and 1 (ON).", stacklevel=2)
        return (p > 0).astype(np.uint8)
    return p


@FORMATS.register("npy")
@dataclass(frozen=True, kw_only=True)
class Npy(ByteFormat):
    """A structured array with the fields t, x, y and p, written by ``numpy.save``.

    Files of Bullying10k and DVS-Lip are so. Nothing is unpickled.

    Args:
        sensor: Must be given: the array does not say it.
    """

    title: ClassVar[str] = "structured .npy"
    suffixes: ClassVar[tuple[str, ...]] = (".npy",)
    reach: ClassVar[tuple[int, int, int]] = (128, 1 << 16, 1 << 16)

    def decode(self, content: bytes) -> Columns:
        """Return the events of a file."""
        stream = io.BytesIO(content)
        try:
            version = np.lib.format.read_magic(stream)
            read = {
                (1, 0): np.lib.format.read_array_header_1_0,
                (2, 0): np.lib.format.read_array_header_2_0,
            }.get(version)
            if read is None:
                raise Damage(f"is of version {version} of the format")
            shape, _, kind = read(stream, max_header_size=10_000)
            begin, count = stream.tell(), math.prod(shape)
        except Damage:
            raise
        except Exception:  # numpy evaluates the header, and fails in every way on a spoilt one
            raise Damage("has no header of an array") from None
        if len(shape) != 1 or not kind.names or kind.hasobject:
            raise Damage("holds no structured array of one axis")
        if count < 0 or count * kind.itemsize != len(content) - begin:
            raise Damage(
                f"says {count:,} events of {kind.itemsize} bytes and holds "
                f"{len(content) - begin:,} bytes of them"
            )
        return _columns(np.frombuffer(content, kind, offset=begin))

    def encode(self, recording: Recording) -> bytes:
        """Return the bytes of a file."""
        stream = io.BytesIO()
        np.lib.format.write_array(stream, to_structured(recording), allow_pickle=False)
        return stream.getvalue()


def _columns(events: Array) -> Columns:
    """The columns of a structured array; of sound, rows and polarities may lack."""
    names = {_SPELLED.get(name, name): name for name in events.dtype.names or ()}
    if not {"t", "x"} <= set(names) <= _FIELDS:
        raise Damage(f"has the fields {', '.join(map(str, events.dtype.names))}, not t, x, y and p")
    columns = {}
    for field in ("t", "x", "y", "p"):
        column = events[names[field]] if field in names else np.zeros(len(events), np.uint8)
        if column.dtype.kind not in "iub" or column.ndim != 1:
            raise Damage(f"has a {field} of {column.dtype}, which are no whole numbers")
        if column.dtype.kind == "u" and len(column) and int(column.max()) >= 1 << 63:
            raise Damage(f"has a {field} of {int(column.max())}, beyond 63 bits")
        columns[field] = column if column.dtype.kind == "b" else column.astype(np.int64)
    columns["p"] = polarities(columns["p"])
    return Columns(columns["t"], columns["x"], columns["y"], columns["p"].astype(np.int64))
