"""N-TIDIGITS: recordings of a silicon cochlea of 64 channels, under the names of the utterances."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from spikeproof.base import InputError, check_one_of, write_atomic
from spikeproof.data.streams.formats.hdf5 import dataset_in
from spikeproof.data.streams.formats.stream_format import Damage, library
from spikeproof.data.streams.recording import Recording
from spikeproof.data.streams.spikes import SpikeFile, check_writable

__all__ = ["NTidigitsFile", "write_n_tidigits"]

Array = np.ndarray[Any, Any]
_PARTS = ("train", "test")
_MOST_ITEMS = 1 << 24
_MOST_EVENTS = 1 << 26  # of one recording


class NTidigitsFile(SpikeFile):
    """N-TIDIGITS: per part its names, and under each name the times and channels.

    Times are seconds, written here in float32, whose ticks are a microsecond and less up to 16 s.

    Args:
        path: The file; a link is followed.
        part: ``"train"`` or ``"test"``.
        sort: Whether events that are out of order are sorted by time; refused where not.
    Raises:
        FileProblem: the file is absent, or no such file.
        SettingError: h5py is not installed, or an unknown part.
    References:
        anumula2018
    """

    title, channels, ticks = "N-TIDIGITS", 64, np.float32

    def __init__(self, path: Path | str, part: str = "train", *, sort: bool = False) -> None:
        super().__init__(path, sort=sort)
        self.part = check_one_of(part, _PARTS, "part of N-TIDIGITS")
        with self._named():
            held = dataset_in(self._file(), f"{part}_labels", most=_MOST_ITEMS * 100)
            if held.ndim != 1 or held.dtype.kind not in "SO":
                raise Damage(f"holds names of {held.dtype} {held.shape}")
            found = held[()].tolist()
            if not all(isinstance(one, bytes | str) for one in found):
                raise Damage("holds names that are no text")
            self.names = tuple(
                one.decode("latin-1") if isinstance(one, bytes) else one for one in found
            )

    def __len__(self) -> int:
        return len(self.names)

    def _spikes(self, file: Any, item: int) -> tuple[Array, Array]:
        """Times in seconds and channels of a recording."""
        name = self.names[item]
        if "/" in name or name in ("", "."):
            raise Damage(f"holds a recording of the name {name[:40]!r}")
        kinds = ("timestamps", "addresses")
        times, channels = (
            dataset_in(file, f"{self.part}_{kind}/{name}", most=_MOST_EVENTS * 8) for kind in kinds
        )
        return np.asarray(times[()]), np.asarray(channels[()])


def write_n_tidigits(path: Path | str, parts: Mapping[str, Mapping[str, Recording]]) -> None:
    """Write recordings as a file of N-TIDIGITS, atomically; what is read again is equal to them.

    Args:
        path: The file; one that is there is replaced.
        parts: ``"train"`` and ``"test"``, or one of them → name of an utterance → its recording,
            on the sensor ``(1, 1, 64)``.
    Raises:
        InputError: another sensor, times that float32 seconds do not hold, or a name that no
            entry of an HDF5 file can have.
        SettingError: h5py is not installed, or an unknown part.
        FileProblem: the file cannot be written.
    """
    h5py = library("h5py", "N-TIDIGITS files")
    held = io.BytesIO()
    with h5py.File(held, "w", libver=("v110", "v110")) as file:
        for part, named in parts.items():
            check_one_of(part, _PARTS, "part of N-TIDIGITS")
            check_writable(NTidigitsFile, list(named.values()))
            for name, one in named.items():
                if not name.isascii() or "/" in name or name in ("", "."):
                    raise InputError(
                        f"The recording {name!r} must have a name in ASCII without a slash."
                    )
                file[f"{part}_timestamps/{name}"] = (one.t / 1e6).astype(np.float32)
                file[f"{part}_addresses/{name}"] = one.x
            file[f"{part}_labels"] = np.array([name.encode() for name in named], dtype="S")
    write_atomic(Path(path), held.getvalue())
