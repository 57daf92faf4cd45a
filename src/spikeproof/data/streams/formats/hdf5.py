"""Prophesee's HDF5, and how every HDF5 file here is opened: no links, no other files."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from spikeproof.base import SpikeproofError
from spikeproof.data.streams.formats.header import sensor_of
from spikeproof.data.streams.formats.stream_format import (
    FORMATS,
    MOST_BYTES,
    ByteFormat,
    Columns,
    Damage,
    library,
)
from spikeproof.data.streams.recording import Recording

__all__ = ["Hdf5", "dataset_in", "foreign", "opened"]

Array = np.ndarray[Any, Any]
_ECF = 0x8ECF  # the vendor's own compression of events
_EVENT = np.dtype([("x", "<u2"), ("y", "<u2"), ("p", "<i2"), ("t", "<i8")])


@FORMATS.register("hdf5")
@dataclass(frozen=True, kw_only=True)
class Hdf5(ByteFormat):
    """Events as entries (x, y, p, t) of ``/CD/events``, as the Metavision tools write them.

    The vendor compresses them with its filter ECF, 0x8ECF, which its plugin for HDF5 brings; where
    that lacks, such a file is refused by name and an uncompressed one is read. Written with
    deflate and with checksums of events (fletcher32) and of the file's own structure (HDF5 1.10).

    Args:
        sensor: What the attribute ``geometry`` says, unless it is given.
    """

    title: ClassVar[str] = "Prophesee HDF5"
    suffixes: ClassVar[tuple[str, ...]] = (".hdf5", ".h5")
    reach: ClassVar[tuple[int, int, int]] = (128, 1 << 16, 1 << 16)

    def decode(self, content: bytes) -> Columns:
        """Return the events of a file."""
        with opened(content, "Prophesee HDF5 files") as file, foreign():
            events = dataset_in(file, "CD/events")
            if not {"t", "x", "y", "p"} <= set(events.dtype.names or ()) or events.ndim != 1:
                raise Damage("holds no events (x, y, p, t) under /CD/events")
            held = events[()]
            columns = {name: held[name] for name in ("t", "x", "y", "p")}
            if any(c.dtype.kind not in "iu" or c.ndim != 1 for c in columns.values()):
                raise Damage("holds events that are no whole numbers")
            said = file.attrs.get("geometry", "")
            text = said.decode("latin-1") if isinstance(said, bytes) else str(said)
        sensor = sensor_of(*text.split("x")) if text.count("x") == 1 else None
        t = columns["t"].astype(np.int64)
        x, y, p = (np.array(columns[name]) for name in ("x", "y", "p"))
        return Columns(t, x, y, p, sensor)

    def encode(self, recording: Recording) -> bytes:
        """Return the bytes of a file."""
        h5py = library("h5py", "Prophesee HDF5 files")
        events = np.empty(len(recording), _EVENT)
        for name in _EVENT.names or ():
            events[name] = getattr(recording, name)
        _, height, width = recording.sensor
        held = io.BytesIO()
        with h5py.File(held, "w", libver=("v110", "v110")) as file:
            file.attrs["geometry"] = f"{width}x{height}"
            # An empty dataset has no chunks, and so nothing to pack.
            packing = {"compression": "gzip", "fletcher32": True} if len(events) else {}
            file.create_dataset("CD/events", data=events, **packing)
        return held.getvalue()


@contextmanager
def opened(content: Any, what: str) -> Iterator[Any]:
    """Open an HDF5 file from its bytes, or from an open file, for reading.

    Raises:
        Damage: the bytes are no HDF5 file.
        SettingError: h5py is not installed.
    """
    h5py = library("h5py", what)
    stream = io.BytesIO(content) if isinstance(content, bytes) else content
    with foreign():
        file = h5py.File(stream, "r")
    try:
        yield file
    finally:
        file.close()


@contextmanager
def foreign() -> Iterator[None]:
    """Turn what the library raises on spoilt files into Damage."""
    try:
        yield
    except (Damage, SpikeproofError):
        raise
    # The library raises of every kind where the bytes contradict each other.
    except (ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError,
            ValueError, MemoryError) as problem:  # fmt: skip
        text = " ".join(str(problem).split())[:120].rstrip(".")
        raise Damage(f"is not read by the library h5py ({text})") from None


def dataset_in(file: Any, name: str, *, most: int = MOST_BYTES) -> Any:
    """Return the dataset of a name, if reading it stays within the file and within memory.

    Raises:
        Damage: it is absent, lies behind a link or in another file, is larger than is read, or is
            packed by a filter that is not there.
    """
    h5py = library("h5py", "HDF5 files")
    found = file
    for part in name.split("/"):
        if not isinstance(found, h5py.Group) or part not in found:
            raise Damage(f"has no /{name}")
        if not isinstance(found.get(part, getlink=True), h5py.HardLink):
            raise Damage(f"has a link at /{name}, and links are not followed")
        found = found[part]
    if not isinstance(found, h5py.Dataset) or found.is_virtual or found.external:
        raise Damage(f"has no dataset of its own at /{name}")
    if found.size is None or found.size * found.dtype.itemsize > most:
        raise Damage(f"has a dataset /{name} of no size, or larger than {most:,} bytes")
    packing = found.id.get_create_plist()
    for number in range(packing.get_nfilters()):
        code = packing.get_filter(number)[0]
        if not h5py.h5z.filter_avail(code):
            raise Damage(
                f"is packed with the filter {code:#x}"
                + (", the vendor's ECF, whose plugin for HDF5 is not installed" * (code == _ECF))
            )
    return found
