"""Recordings and sounds packed into one ``.npz``: the columns of all items, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikeproof.base import FileProblem, InputError, read_arrays
from spikeproof.data.streams import Recording

__all__ = ["PackedRecordings", "PackedSounds"]

Array = np.ndarray[Any, Any]
_MOST = 1 << 32


@dataclass(frozen=True, kw_only=True, eq=False)
class PackedRecordings:
    """Recordings as ``dt``, ``x``, ``y``, ``p`` of all events and ``offsets`` of each recording.

    ``dt`` is the time since the recording's previous event, whole microseconds; recording k has
    the events ``offsets[k]`` to ``offsets[k + 1]``.

    Args:
        path: The file.
        arrays: What is in it.
        sensor: Of every recording.
    """

    path: Path
    arrays: dict[str, Array]
    sensor: tuple[int, int, int]

    @classmethod
    def read(cls, path: Path, sensor: tuple[int, int, int]) -> PackedRecordings:
        """Read a file.

        Raises:
            FileProblem: it is not there, not whole, or its columns do not fit each other.
        """
        arrays = _read(path, ("dt", "x", "y", "p"))
        return cls(path=path, arrays=arrays, sensor=sensor)

    def __len__(self) -> int:
        return len(self.arrays["offsets"]) - 1

    def __getitem__(self, number: int) -> Recording:
        """A recording.

        Raises:
            FileProblem: its events are no recording.
        """
        first, last = self.arrays["offsets"][number : number + 2]
        t, x, y, p = (self.arrays[name][first:last] for name in ("dt", "x", "y", "p"))
        try:
            return Recording(np.cumsum(t, dtype=np.int64), x, y, p, self.sensor)
        except InputError as problem:
            raise FileProblem(f"{self.path} holds a recording that is none: {problem}") from None


@dataclass(frozen=True, kw_only=True, eq=False)
class PackedSounds:
    """Sounds as ``pcm`` of all samples, ``offsets`` of each sound and their ``rate``.

    Args:
        path: The file.
        arrays: What is in it.
    """

    path: Path
    arrays: dict[str, Array]

    @classmethod
    def read(cls, path: Path, *, rate_hz: int) -> PackedSounds:
        """Read a file.

        Raises:
            FileProblem: it is not there, not whole, of another sampling rate, or its columns do
                not fit each other.
        """
        arrays = _read(path, ("pcm",))
        rate = int(arrays["rate"]) if np.ndim(arrays.get("rate", ())) == 0 else None
        if rate != rate_hz or arrays["pcm"].dtype != np.int16:
            raise FileProblem(
                f"{path} has {rate} samples per second of {arrays['pcm'].dtype}; expected are "
                f"{rate_hz} of int16, so pack it again from the published files."
            )
        return cls(path=path, arrays=arrays)

    def __len__(self) -> int:
        return len(self.arrays["offsets"]) - 1

    def __getitem__(self, number: int) -> Array:
        """The samples of a sound, int16."""
        first, last = self.arrays["offsets"][number : number + 2]
        samples: Array = self.arrays["pcm"][first:last]
        return samples


def _read(path: Path, columns: tuple[str, ...]) -> dict[str, Array]:
    """The arrays of a packed file whose columns fit its offsets and facts of each item."""
    arrays = read_arrays(path, "packed data set", follow=True, most=_MOST, texts=True)
    lacking = [name for name in (*columns, "offsets") if name not in arrays]
    if lacking:
        raise FileProblem(f"{path} is no packed data set: it has no array {lacking[0]!r}.")
    offsets = arrays["offsets"]
    whole = offsets.ndim == 1 and len(offsets) > 1 and offsets.dtype.kind in "iu"
    sizes = {arrays[name].shape for name in columns}
    if not whole or sizes != {(int(offsets[-1]),)} or offsets[0] or (np.diff(offsets) < 0).any():
        raise FileProblem(
            f"{path} is no packed data set: its columns have the shapes {sorted(sizes)}, and its "
            "offsets do not cut them into items."
        )
    return arrays
