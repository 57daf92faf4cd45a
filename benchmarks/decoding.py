"""How fast event files become arrays, beside the fastest permissively licensed readers.

Ours is ``StreamFormat.read``: bytes, decoding, and the checks that every event lies on the sensor
and times do not go back. Theirs is the reader of another library, to its own arrays, without such
checks: evio (NumPy; MIT) for ``.bin`` and ``.dat``, evt3 (Rust; MIT), aedat (Rust; MIT), h5py
(BSD). For EVT3, AEDAT 4 and HDF5 the other library is also what ours reads by, so these rows say
what the checks add. Where no other reader of a format is at hand, a plain loop over the events with
``struct`` is the other side. Target: at most 1.1 of the seconds of a reader whose work ours does
itself; the rows of libraries that ours uses have none.

    python benchmarks/decoding.py
"""

from __future__ import annotations

import struct
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aedat
import evio
import evt3
import h5py
import numpy as np
import torch
from harness import Row, compare, interleaved, judged, write

from spikeproof.data import FORMATS, Recording, write_recording

EVENTS, LOOPED, ROUNDS, MOST = 400_000, 20_000, 7, 1.1
SENSOR = {"bin": (2, 34, 34), "aedat2": (2, 128, 128), "aedat3": (2, 128, 128)}


def recording(sensor: tuple[int, int, int], events: int) -> Recording:
    """Random events at ten million a second, in the order of time."""
    rng = np.random.default_rng(0)
    t = np.sort(rng.integers(0, events // 10, events))
    p, y, x = (rng.integers(0, size, events) for size in sensor)
    return Recording(t, x, y, p, sensor)


def unpacked(path: Path) -> list[Any]:
    """All packets of an AEDAT 4 file."""
    return [packet["events"] for packet in aedat.Decoder(path)]


def columns(path: Path) -> Any:
    """The events of an HDF5 file."""
    with h5py.File(path) as file:
        return file["CD/events"][()]


def looped(layout: str, skip: Callable[[bytes], int]) -> Callable[[Path], list[Any]]:
    """Reads a file event by event."""

    def read(path: Path) -> list[Any]:
        content = path.read_bytes()
        return list(struct.iter_unpack(layout, content[skip(content) :]))

    return read


def behind(mark: bytes, more: int) -> Callable[[bytes], int]:
    """Where the events begin: so many bytes behind the last line that begins with a mark."""
    return lambda content: content.index(b"\n", content.rindex(mark)) + 1 + more


THEIRS: dict[str, tuple[str, Callable[[Path], Any], bool]] = {
    "bin": ("evio", evio.read, True),
    "dat": ("evio", evio.read, True),
    "evt3": ("evt3, which ours uses", lambda path: evt3.decode_file(str(path)), False),
    "aedat4": ("aedat, which ours uses", unpacked, False),
    "hdf5": ("h5py, which ours uses", columns, False),
    "aedat2": ("a loop with struct", looped(">Ii", behind(b"# Timestamps", 0)), True),
    "evt2": ("a loop with struct", looped("<I", behind(b"% end", 0)), True),
}


def rows_of(folder: Path) -> list[Row]:
    """Every format in turn, ours and theirs in the same rounds."""
    rows = []
    for kind, (name, read, has_target) in THEIRS.items():
        sensor = SENSOR.get(kind, (2, 240, 320))
        events = LOOPED if "loop" in name else EVENTS
        path = folder / f"a.{'raw' if kind.startswith('evt') else kind}"
        one = recording(sensor, events)
        write_recording(path, one, kind)
        form = FORMATS[kind](sensor=sensor)
        assert form.read(path) == one
        work = {"ours": lambda form=form, path=path: form.read(path),
                "theirs": lambda read=read, path=path: read(path)}  # fmt: skip
        taken = interleaved(work, rounds=ROUNDS, seconds=0.05, clock=time.process_time)
        row = compare(f"{kind}, {events:,} events", name, (taken["ours"], taken["theirs"]))
        row["events_per_s"] = events / row["ours_s"]
        rows.append(judged(row, MOST) if has_target else row)
    return rows


def main() -> None:
    """Measure and store."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        rows = rows_of(Path(folder))
    write("decoding", rows, clock="processor seconds of one thread")


if __name__ == "__main__":
    main()
