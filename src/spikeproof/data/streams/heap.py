"""Lists of numbers in HDF5 lie in its global heap, which has no checksum: a walk over it."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from spikeproof.data.streams.formats.stream_format import Damage

__all__ = ["check_lists"]

Array = np.ndarray[Any, Any]
_REFERENCE = np.dtype([("length", "<u4"), ("address", "<u8"), ("index", "<u4")])
_COLLECTION = struct.Struct("<4sB3xQ")  # GCOL, version, size
_OBJECT = struct.Struct("<HHxxxxQ")  # index, references, size
_MOST_COLLECTION = 1 << 30


def check_lists(path: Path, dataset: Any) -> None:
    """Raise Damage unless the lists of a dataset are where it says they are.

    The library reads such lists without a look at where they lie, and does not come back from a
    heap whose sizes make no sense. Lists behind a filter are left to it.

    Args:
        path: The file.
        dataset: One of lists of numbers, in the open file.
    Cost:
        A few small reads for each block of lists, at once; no list is read.
    """
    file = dataset.file
    if tuple(file.id.get_create_plist().get_sizes()) != (8, 8) or file.userblock_size:
        raise Damage("has addresses of another size than 8 bytes, or a user block")
    each = dataset.dtype.metadata["vlen"].itemsize
    with path.open("rb") as stream:
        end = os.fstat(stream.fileno()).st_size
        for part in _references(stream, dataset):
            held = part[part["length"] > 0]
            for address in np.unique(held["address"]):
                sizes = _sizes(stream, int(address), end)
                here = held[held["address"] == address]
                for length, index in zip(here["length"], here["index"], strict=True):
                    if sizes.get(int(index), -1) < int(length) * each:
                        raise Damage(f"says a list of {int(length):,} numbers that is not there")


def _references(stream: Any, dataset: Any) -> Iterator[Array]:
    """Where the lists lie, in the parts in which the dataset is stored."""
    if dataset.id.get_create_plist().get_nfilters():
        return
    if dataset.chunks is None:
        offset = dataset.id.get_offset()
        if offset is not None:
            yield _read(stream, offset, dataset.size)
        return
    for number in range(dataset.id.get_num_chunks()):
        chunk = dataset.id.get_chunk_info(number)
        if chunk.size % _REFERENCE.itemsize:
            raise Damage(f"has a part of {chunk.size} bytes, which are no places of lists")
        count = min(chunk.size // 16, dataset.size - chunk.chunk_offset[0])
        yield _read(stream, chunk.byte_offset, count)


def _read(stream: Any, offset: int, count: int) -> Array:
    """So many references from a place in the file."""
    stream.seek(offset)
    content = stream.read(count * _REFERENCE.itemsize)
    if len(content) != count * _REFERENCE.itemsize:
        raise Damage("ends before the places of its lists")
    return np.frombuffer(content, _REFERENCE)


def _sizes(stream: Any, address: int, end: int) -> dict[int, int]:
    """Index → bytes of the objects of a collection, which must fill it step by step."""
    if address + _COLLECTION.size > end:
        raise Damage(f"has lists at byte {address:,}, and ends at {end:,}")
    stream.seek(address)
    mark, version, size = _COLLECTION.unpack(stream.read(_COLLECTION.size))
    if mark != b"GCOL" or version != 1 or size > _MOST_COLLECTION or address + size > end:
        raise Damage(f"has no block of lists at byte {address:,}")
    found: dict[int, int] = {}
    at = _COLLECTION.size
    while at + _OBJECT.size <= size:
        stream.seek(address + at)
        index, _, held = _OBJECT.unpack(stream.read(_OBJECT.size))
        if index == 0:  # the free rest, whose size counts its own header
            if held != size - at:
                raise Damage(f"has a block of lists at byte {address:,} that does not end")
            return found
        if index in found or at + _OBJECT.size + held > size:
            raise Damage(f"has a block of lists at byte {address:,} that contradicts itself")
        found[index] = held
        at += _OBJECT.size + (held + 7) // 8 * 8
    return found
