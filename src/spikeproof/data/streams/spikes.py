"""Files of many recordings of sound: SHD and SSC, and N-TIDIGITS."""

from __future__ import annotations

import io
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from spikeproof.base import (
    FileProblem,
    InputError,
    check_one_of,
    open_regular,
    write_atomic,
)
from spikeproof.data.streams.formats.hdf5 import dataset_in, foreign
from spikeproof.data.streams.formats.stream_format import Columns, Damage, library, recorded
from spikeproof.data.streams.heap import check_lists
from spikeproof.data.streams.recording import Recording

__all__ = ["NTidigitsFile", "ShdFile", "SpikeFile", "write_shd"]

Array = np.ndarray[Any, Any]
_MOST_FILE = 1 << 36
_MOST_ITEMS = 1 << 24
_MOST_EVENTS = 1 << 26  # of one recording


class SpikeFile(ABC):
    """Recordings in one HDF5 file, each read when it is asked for.

    The file is opened in every process that reads, so that loaders may have workers, and memory
    is that of one recording, whatever the size of the file.

    Args:
        path: The file; a link is followed.
        sort: Whether events that are out of order are sorted by time; refused where not.
    """

    title: str
    channels: int

    def __init__(self, path: Path | str, *, sort: bool = False) -> None:
        self.path, self.sort = Path(path), sort
        self._opened: tuple[int, Any] | None = None

    @property
    def sensor(self) -> tuple[int, int, int]:
        """``(1, 1, channels)``."""
        return 1, 1, self.channels

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def _spikes(self, file: Any, item: int) -> tuple[Array, Array]:
        """Times in seconds and channels of a recording."""

    def __getitem__(self, item: int) -> Recording:
        """Return a recording.

        Raises:
            FileProblem: the file is damaged, or holds spikes that are no recording.
        """
        if not -len(self) <= item < len(self):
            raise IndexError(f"{self.path} holds {len(self)} recordings; there is no {item}.")
        item %= len(self)
        with self._named():
            seconds, channels = self._spikes(self._file(), item)
            if seconds.shape != channels.shape or seconds.ndim != 1:
                raise Damage(
                    f"holds {seconds.shape} times and {channels.shape} channels of an item"
                )
            if channels.dtype.kind not in "iu" or seconds.dtype.kind not in "fiu":
                raise Damage(f"holds times of {seconds.dtype} and channels of {channels.dtype}")
            t = seconds.astype(np.float64) * 1e6
            if not bool((np.abs(t) < 1 << 62).all()):  # also false for what is no number
                raise Damage(f"holds times of recording {item} that are no seconds")
            zero = np.zeros(len(t), np.uint8)
            found = Columns(np.rint(t).astype(np.int64), np.array(channels), zero, zero)
        return recorded(found, self.sensor, f"{self.path}, recording {item},", sort=self.sort)

    def __iter__(self) -> Iterator[Recording]:
        return (self[item] for item in range(len(self)))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": None}

    def _file(self) -> Any:
        """The open file of this process."""
        if self._opened is None or self._opened[0] != os.getpid():
            h5py = library("h5py", f"{self.title} files")
            with open_regular(self.path, f"{self.title} file", most=_MOST_FILE, follow=True):
                pass  # what is no ordinary file is refused before the library waits for it
            self._opened = os.getpid(), h5py.File(self.path, "r", locking="best-effort")
        return self._opened[1]

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Turn damage of this file into a sentence with its name."""
        try:
            with foreign():
                yield
        except Damage as problem:
            raise FileProblem(
                f"{self.path} is no whole {self.title} file: it {problem}; get it again."
            ) from None


class ShdFile(SpikeFile):
    """The Heidelberg Digits (SHD) or Speech Commands (SSC): ``spikes/times``, ``spikes/units``.

    Times are seconds in float16, whose ticks are 0.5 to 1 ms near one second: a shift of less than
    a millisecond cannot be written there, see :meth:`nearest`.

    Args:
        path: The file; a link is followed.
        sort: Whether events that are out of order are sorted by time; refused where not.
    Raises:
        FileProblem: the file is absent, or no such file.
        SettingError: h5py is not installed.
    References:
        cramer2022
    """

    title, channels = "SHD", 700

    def __init__(self, path: Path | str, *, sort: bool = False) -> None:
        super().__init__(path, sort=sort)
        with self._named():
            file = self._file()
            times, units = (_lists(file, f"spikes/{name}") for name in ("times", "units"))
            y = dataset_in(file, "labels", most=_MOST_ITEMS * 8)
            if not times.shape == units.shape == y.shape or y.dtype.kind not in "iu":
                raise Damage(
                    f"holds times, units and labels of {times.shape}, {units.shape} and {y.shape}"
                )
            check_lists(self.path, times)
            check_lists(self.path, units)
            self.y = y[()].astype(np.int64)
            self.speakers = self._extra(file, len(self.y))

    def __len__(self) -> int:
        return len(self.y)

    @staticmethod
    def nearest(t: Array) -> Array:
        """Return the times nearest to given ones that a file holds, for :func:`write_back`."""
        seconds = (np.asarray(t) / 1e6).astype(np.float16)
        return np.rint(seconds.astype(np.float64) * 1e6).astype(np.int64)

    @staticmethod
    def _extra(file: Any, items: int) -> Array | None:
        """Who spoke, where the file says it."""
        if "extra" not in file or "speaker" not in file["extra"]:
            return None
        found = dataset_in(file, "extra/speaker", most=_MOST_ITEMS * 8)
        if found.shape != (items,) or found.dtype.kind not in "iu":
            raise Damage(f"holds speakers of {found.dtype} {found.shape} for {items} recordings")
        return np.asarray(found[()].astype(np.int64))

    def _spikes(self, file: Any, item: int) -> tuple[Array, Array]:
        """Times in seconds and channels of a recording."""
        return tuple(np.asarray(file[f"spikes/{name}"][item]) for name in ("times", "units"))  # type: ignore[return-value]


class NTidigitsFile(SpikeFile):
    """N-TIDIGITS: per part its names, and under each name the times and channels.

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

    title, channels = "N-TIDIGITS", 64

    def __init__(self, path: Path | str, part: str = "train", *, sort: bool = False) -> None:
        super().__init__(path, sort=sort)
        self.part = check_one_of(part, ("train", "test"), "part of N-TIDIGITS")
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


def _lists(file: Any, name: str) -> Any:
    """A dataset of lists of numbers."""
    h5py = library("h5py", "SHD files")
    found = dataset_in(file, name, most=_MOST_ITEMS * 16)
    kind = h5py.check_vlen_dtype(found.dtype)
    if kind is None or kind.kind not in "fiu" or found.ndim != 1:
        raise Damage(f"holds no lists of numbers under /{name}")
    return found


def write_shd(
    path: Path | str,
    recordings: Sequence[Recording],
    y: Sequence[int] | Array,
    *,
    speakers: Sequence[int] | Array | None = None,
) -> None:
    """Write recordings as a file of SHD, atomically; what is read again is equal to them.

    Args:
        path: The file; one that is there is replaced.
        recordings: On the sensor ``(1, 1, 700)``, with times that float16 seconds hold
            (:meth:`ShdFile.nearest`).
        y: The class of each.
        speakers: Who spoke.
    Raises:
        InputError: another sensor, times between the ticks, or labels of another number.
        FileProblem: the file cannot be written.
        SettingError: h5py is not installed.
    """
    h5py = library("h5py", "SHD files")
    if len(y) != len(recordings) or (speakers is not None and len(speakers) != len(recordings)):
        raise InputError(f"Got {len(recordings)} recordings and {len(y)} labels; give one each.")
    for number, one in enumerate(recordings):
        if one.sensor != (1, 1, 700):
            raise InputError(f"Recording {number} is of {one.sensor}; SHD has (1, 1, 700).")
        wrong = np.flatnonzero(ShdFile.nearest(one.t) != one.t)
        if len(wrong):
            raise InputError(
                f"SHD files hold no time of {int(one.t[wrong[0]])} us (recording {number}, event "
                f"{int(wrong[0])}); move it to the nearest with ShdFile.nearest."
            )
    held = io.BytesIO()
    with h5py.File(held, "w", libver=("v110", "v110")) as file:
        times, units = (
            file.create_dataset(f"spikes/{name}", (len(recordings),), h5py.vlen_dtype(kind))
            for name, kind in (("times", np.float16), ("units", np.uint16))
        )
        for number, one in enumerate(recordings):
            times[number] = (one.t / 1e6).astype(np.float16)
            units[number] = one.x
        file["labels"] = np.asarray(y, dtype=np.uint16)
        if speakers is not None:
            file["extra/speaker"] = np.asarray(speakers, dtype=np.uint16)
    write_atomic(Path(path), held.getvalue())
