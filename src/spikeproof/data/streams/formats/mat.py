"""MATLAB's ``.mat``: events as vectors t (or ts), x, y and p (or pol), or in one struct."""

from __future__ import annotations

import io
import math
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from spikeproof.base import FileProblem, read_bytes, write_atomic
from spikeproof.data.streams.formats.stream_format import FORMATS, Columns, Damage, StreamFormat
from spikeproof.data.streams.formats.structured import polarities
from spikeproof.data.streams.recording import Recording

__all__ = ["Mat"]

Array = np.ndarray[Any, Any]
_NAMES = (("t", "ts"), ("x",), ("y",), ("p", "pol"))
_HEADER, _TAG = 128, 8
_PACKED, _MATRIX, _STRUCT, _COMPLEX = 15, 14, 2, 0x800
_NUMERIC = range(6, 16)  # classes of arrays
_TYPES = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
}
_MOST_VARIABLES = 64


@FORMATS.register("mat")
@dataclass(frozen=True, kw_only=True)
class Mat(StreamFormat):
    """Four vectors of whole numbers in a MATLAB file of level 5, as ASL-DVS keeps recordings.

    They are variables of their own, or fields of the only struct of the file. Nothing is run or
    unpickled. Files of MATLAB 7.3, which are HDF5, are refused.

    Args:
        sensor: Must be given: the file does not say it.
    """

    title: ClassVar[str] = "MATLAB .mat"
    suffixes: ClassVar[tuple[str, ...]] = (".mat",)
    last: ClassVar[int] = (1 << 53) - 1  # whole numbers that a double holds
    reach: ClassVar[tuple[int, int, int]] = (256, 1 << 16, 1 << 16)

    def load(self, path: Path, most: int) -> Columns:
        """Return the events in a file."""
        content = read_bytes(path, f"{self.title} file", most=most, follow=True)
        if content[:10] == b"MATLAB 7.3" or content[512:516] == b"\x89HDF":
            raise FileProblem(
                f"{path} is a MATLAB file of version 7.3, which is not read; save its variables "
                "t, x, y and p again with save(..., '-v7')."
            )
        return _columns(_vectors(_Level5(content, most).variables()))

    def save(self, path: Path, recording: Recording) -> None:
        """Write a file with these events, as variables of their own."""
        from scipy.io import savemat

        held = io.BytesIO()
        named = {"t": recording.t, "x": recording.x, "y": recording.y, "p": recording.p}
        savemat(held, {k: np.asarray(v, np.float64)[:, None] for k, v in named.items()})
        content = held.getvalue()
        # The header names the day; equal recordings give equal bytes.
        write_atomic(path, b"MATLAB 5.0 MAT-file".ljust(116) + content[116:])


class _Level5:
    """The elements of a file of level 5, whose every size is held against the bytes there are.

    Written here, because scipy's reader ends the process on some damaged files.

    Args:
        content: The bytes.
        most: Bytes that packed variables may unpack to in all.
    """

    def __init__(self, content: bytes, most: int) -> None:
        mark = content[126:128]
        if len(content) < _HEADER or mark not in (b"IM", b"MI"):
            raise Damage("does not begin as MATLAB files of level 5 do")
        self.content, self.most, self.order = content, most, "<" if mark == b"IM" else ">"

    def variables(self) -> dict[str, Any]:
        """Name → array, or field → array of a struct; None for anything else."""
        found: dict[str, Any] = {}
        at = _HEADER
        while at < len(self.content):
            if len(found) >= _MOST_VARIABLES:
                raise Damage(f"holds {_MOST_VARIABLES} variables or more, or one name twice")
            kind, body, at = self._element(self.content, at, packed=True)
            if kind == _PACKED:
                kind, body, _ = self._element(self._unpacked(body), 0)
            if kind != _MATRIX:
                raise Damage(f"has an element of type {kind} where a variable begins")
            name, value = self._matrix(body)
            found[name] = value
        return found

    def _element(self, content: bytes, at: int, *, packed: bool = False) -> tuple[int, bytes, int]:
        """Type and bytes of the element at a place, and where the next one begins."""
        if at + _TAG > len(content):
            raise Damage("ends inside a variable")
        first, size = np.frombuffer(content, f"{self.order}u4", 2, at).tolist()
        if first >> 16:  # of four bytes at most, which stand in the tag
            first, size, begin, after = first & 0xFFFF, first >> 16, at + 4, at + _TAG
            if size > 4:
                raise Damage("has an element that does not fit its tag")
        else:
            begin = at + _TAG
            after = begin + size + (0 if packed and first == _PACKED else -size % 8)
        body = content[begin : begin + size]
        if len(body) < size:
            raise Damage("ends inside a variable")
        return first, body, after

    def _unpacked(self, packed: bytes) -> bytes:
        """The bytes of a packed variable."""
        stream = zlib.decompressobj()
        try:
            found = stream.decompress(packed, self.most + 1)
        except zlib.error as problem:
            raise Damage(f"cannot be unpacked ({problem})") from None
        if len(found) > self.most or not stream.eof:
            raise Damage(f"unpacks to more than {self.most:,} bytes, or not to its end")
        self.most -= len(found)
        return found

    def _matrix(self, body: bytes, *, inside: bool = False) -> tuple[str, Any]:
        """The name of a variable and what it holds."""
        _, flags, at = self._element(body, 0)
        _, sizes, at = self._element(body, at)
        _, name, at = self._element(body, at)
        if len(flags) != 8 or len(sizes) % 4:
            raise Damage("has a variable without a class or a shape")
        word = int(np.frombuffer(flags, f"{self.order}u4", 1)[0])
        shape = tuple(np.frombuffer(sizes, f"{self.order}i4").tolist())
        value: Any = None
        if (word & 0xFF) in _NUMERIC and not word & _COMPLEX:
            value = self._numbers(body, at, shape)
        elif (word & 0xFF) == _STRUCT and not inside and all(size == 1 for size in shape):
            value = self._struct(body, at)
        return name.decode("latin-1"), value

    def _numbers(self, body: bytes, at: int, shape: tuple[int, ...]) -> Array:
        """An array of real numbers."""
        kind, held, _ = self._element(body, at)
        if kind not in _TYPES:
            raise Damage(f"has numbers of type {kind}")
        values = np.frombuffer(held, self.order + _TYPES[kind]) if held else np.zeros(0)
        if any(size < 0 for size in shape) or math.prod(shape) != len(values):
            raise Damage(f"has {len(values)} numbers for a shape of {shape}"[:120])
        return values.reshape(shape, order="F")

    def _struct(self, body: bytes, at: int) -> dict[str, Any]:
        """The fields of the only element of a struct array."""
        _, each, at = self._element(body, at)
        _, text, at = self._element(body, at)
        long = int(np.frombuffer(each, f"{self.order}i4", 1)[0]) if len(each) == 4 else 0
        if long < 1 or len(text) % long or len(text) // long > _MOST_VARIABLES:
            raise Damage("has a struct whose fields have no names")
        fields: dict[str, Any] = {}
        for begin in range(0, len(text), long):
            kind, inner, at = self._element(body, at)
            if kind != _MATRIX:
                raise Damage("has a struct with a field that is no variable")
            name = text[begin : begin + long].split(b"\0")[0].decode("latin-1")
            fields[name] = self._matrix(inner, inside=True)[1] if inner else None
        return fields


def _vectors(variables: dict[str, Any]) -> dict[str, Array]:
    """The variables that are numbers, or the fields of the only struct where none is named so."""
    wanted = {name for names in _NAMES for name in names}
    structs = [value for value in variables.values() if isinstance(value, dict)]
    if not wanted & set(variables) and len(structs) == 1:
        variables = structs[0]
    return {name: variables[name] for name in sorted(wanted & set(variables))}


def _columns(found: dict[str, Array]) -> Columns:
    """t, x, y and p as whole numbers of one length."""
    columns = []
    for names in _NAMES:
        held = [found[name] for name in names if name in found]
        if not held:
            there = ", ".join(sorted(found))[:80] or "none of them"
            raise Damage(f"holds {there} and not t (or ts), x, y and p (or pol)")
        column = np.asarray(held[0])  # an object where it is neither numbers nor a struct
        if column.dtype.kind not in "iubf" or sum(size != 1 for size in column.shape) > 1:
            raise Damage(f"holds {names[0]} of {column.dtype} {column.shape}, which is no vector")
        column = column.reshape(-1)
        columns.append(_whole(column, names[0]))
    if len({len(column) for column in columns}) > 1:
        raise Damage(f"holds t, x, y and p of the lengths {[len(c) for c in columns]}")
    t, x, y, p = columns
    return Columns(t, x, y, polarities(p))


def _whole(column: Array, name: str) -> Array:
    """Whole numbers of any type as int64."""
    if column.dtype.kind in "iub":
        if column.dtype == np.uint64 and bool((column >> 63).any()):
            raise Damage(f"holds {name} beyond 63 bits")
        return column.astype(np.int64)
    if not bool((np.isfinite(column) & (np.abs(column) < 1 << 53)).all()):
        raise Damage(f"holds {name} that is no number")
    if bool((column != np.floor(column)).any()):
        raise Damage(f"holds {name} with parts of a whole; times are microseconds")
    return column.astype(np.int64)
