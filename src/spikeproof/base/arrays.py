"""Named arrays on disk whose bytes depend on nothing but the arrays."""

from __future__ import annotations

import hashlib
import io
import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from spikeproof.base.errors import FileProblem
from spikeproof.base.files import write_atomic
from spikeproof.base.reading import read_bytes

__all__ = ["read_array", "read_arrays", "write_arrays"]

Array = np.ndarray[Any, Any]
_NUMBERS = "biufc"  # kinds of numpy's types
_EPOCH = (1980, 1, 1, 0, 0, 0)
_MOST = 1 << 29
_MEMBERS = 10_000
_HEADER = 10_000
_LONGEST = 200  # characters that are shown of what a library said
_BLOCK = 1 << 20
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# All that a spoilt archive, or a header that is no dictionary, makes the libraries raise.
_BROKEN = (
    ArithmeticError, AttributeError, EOFError, LookupError, MemoryError,
    SyntaxError, TypeError, ValueError, RuntimeError, OSError,
    tokenize.TokenError, struct.error, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def write_arrays(
    path: Path | str, arrays: Mapping[str, np.ndarray[Any, Any]], *, make: bool = True
) -> None:
    """Write arrays as an ``.npz`` file, atomically; equal arrays give equal bytes.

    Args:
        path: File to write.
        arrays: Plain numeric or bool arrays under their names.
        make: Whether the folder is made if need be.
    Raises:
        FileProblem: the file cannot be written.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(arrays):
            # A fixed date: numpy's own writer stamps the time of day into the file.
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=_EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            content = io.BytesIO()
            contiguous = np.ascontiguousarray(arrays[name]).reshape(np.shape(arrays[name]))
            np.lib.format.write_array(content, contiguous, allow_pickle=False)
            archive.writestr(entry, content.getvalue())
    write_atomic(Path(path), buffer.getvalue(), make=make)


def read_arrays(
    path: Path | str,
    what: str = "array file",
    *,
    mend: str | None = None,
    sha256: str | None = None,
    most: int = _MOST,
    follow: bool = False,
    texts: bool = False,
) -> dict[str, np.ndarray[Any, Any]]:
    """Read every array of an ``.npz`` file; never unpickles, never allocates what is not there.

    Args:
        path: File to read.
        what: What to call it in an error.
        mend: What an error advises instead of deleting the file.
        sha256: Of its bytes, where it is known; the very bytes that are read are compared.
        most: Bytes that it may have, packed, and that its arrays may have together.
        follow: Whether a link in its place is followed, as for what a person names.
        texts: Whether arrays of text are read too; numbers alone where not.
    Returns:
        Name → array.
    Raises:
        FileProblem: missing, truncated, changed, too large, or holding anything but plain arrays.
        UnreadableFile: it is there, and the system does not let us read it.
    """
    content = read_bytes(path, what, most=most, follow=follow, mend=mend)
    advice = mend or "delete it and run again to rebuild it"
    if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
        raise FileProblem(f"The {what} {path} was changed after it was written; {advice}.")
    try:
        return _unpacked(content, most, _NUMBERS + "U" * texts)
    except _BROKEN as problem:
        raise FileProblem(
            f"The {what} {path} is not whole ({_shown(problem)}); {advice}."
        ) from None


def read_array(path: Path | str, what: str = "array file", *, most: int = _MOST) -> Array:
    """Read the array of numbers in an ``.npy`` file; never unpickles.

    Args:
        path: File to read; links are not followed.
        what: What to call it in an error.
        most: Bytes that it may have.
    Raises:
        FileProblem: missing, truncated, too large, or holding anything but a plain array.
        UnreadableFile: it is there, and the system does not let us read it.
    """
    content = read_bytes(path, what, most=most)
    try:
        return _array(io.BytesIO(content), len(content), _NUMBERS)
    except _BROKEN as problem:
        raise FileProblem(
            f"The {what} {path} is not whole ({_shown(problem)}); write it again with np.save."
        ) from None


def _shown(problem: Exception) -> str:
    """What a library said, in one line of a length that can be read."""
    text = " ".join(str(problem).split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _unpacked(content: bytes, most: int, kinds: str) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of an archive whose size was looked at before anything is unpacked."""
    _check_directory(content)
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
        total = sum(entry.file_size for entry in entries)
        if total > most:
            raise ValueError(f"its arrays would take {total:,} bytes; at most {most:,} are read")
        for entry in entries:
            name = entry.filename.removesuffix(".npy")
            if name == entry.filename or name in arrays:
                raise ValueError(f"its member {entry.filename[:80]!r} is no array of its own")
            if entry.flag_bits & 0x1 or entry.compress_type not in _PACKINGS:
                raise ValueError(f"its member {entry.filename[:80]!r} is encrypted or packed oddly")
            with archive.open(entry) as stream:
                arrays[name] = _array(stream, entry.file_size, kinds)
    return arrays


def _check_directory(content: bytes) -> None:
    """Raise unless the archive lists few members; the library would read a million of them."""
    end = content.rfind(b"PK\x05\x06", max(0, len(content) - (1 << 16) - 22))
    if end < 0 or len(content) < end + 22:
        raise zipfile.BadZipFile("File is not a zip file")
    members, size = struct.unpack("<HI", content[end + 10 : end + 16])
    if members > _MEMBERS or size > 1 << 20:
        raise ValueError(f"it lists {members:,} members; at most {_MEMBERS:,} are read")


def _array(stream: IO[bytes], size: int, kinds: str) -> Array:
    """An array whose header says no more than the bytes that its member holds."""
    version = np.lib.format.read_magic(stream)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read is None:
        raise ValueError(f"an array is of version {version} of the format")
    shape, fortran, kind = read(stream, max_header_size=_HEADER)
    if kind.hasobject or kind.kind not in kinds or kind.subdtype is not None:
        raise ValueError(f"an array is of type {str(kind)[:40]}, which is not read")
    if not all(isinstance(length, int) and length >= 0 for length in shape):
        raise ValueError("an array has no proper shape")
    wanted = math.prod(shape) * kind.itemsize
    if wanted > size:
        raise ValueError(f"an array says {wanted:,} bytes and holds at most {size:,}")
    flat = np.empty(wanted, dtype=np.uint8)
    view = flat.data
    done = 0
    while done < wanted:  # in blocks, so that nothing is held twice
        block = stream.read(min(_BLOCK, wanted - done))
        if not block:
            raise EOFError(f"an array ends after {done:,} of {wanted:,} bytes")
        view[done : done + len(block)] = block
        done += len(block)
    if stream.read(1):  # at the end the library compares the checksum
        raise ValueError("a member holds more than its array")
    return flat.view(kind).reshape(shape, order="F" if fortran else "C")
