"""SpikingJelly's ``.npz``: events under t, x, y, p, or the frames it made of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from spikeproof.base import FileProblem, InputError, read_arrays, write_arrays
from spikeproof.data.streams.formats.stream_format import (
    FORMATS,
    MOST_BYTES,
    Columns,
    Damage,
    StreamFormat,
)
from spikeproof.data.streams.formats.structured import polarities
from spikeproof.data.streams.recording import Recording

__all__ = ["Npz", "read_frames", "write_frames"]

Array = np.ndarray[Any, Any]
_COLUMNS = ("t", "x", "y", "p")
_MEND = "make it again from the recording"


@FORMATS.register("npz")
@dataclass(frozen=True, kw_only=True)
class Npz(StreamFormat):
    """An archive of four arrays, t, x, y and p, as SpikingJelly keeps every set it converts.

    Its checksums are compared, nothing is unpickled, and equal recordings give equal bytes.

    Args:
        sensor: Must be given: the archive does not say it.
    """

    title: ClassVar[str] = "SpikingJelly .npz"
    suffixes: ClassVar[tuple[str, ...]] = (".npz",)
    reach: ClassVar[tuple[int, int, int]] = (256, 1 << 16, 1 << 16)

    def load(self, path: Path, most: int) -> Columns:
        """Return the events in a file."""
        arrays = read_arrays(path, f"{self.title} file", mend=_MEND, most=most, follow=True)
        if not set(_COLUMNS) <= set(arrays):
            held = ", ".join(sorted(arrays))[:80]
            hint = " (read them with read_frames)" if "frames" in arrays else ""
            raise Damage(f"holds {held or 'nothing'} and not t, x, y and p{hint}")
        columns = [arrays[name] for name in _COLUMNS]
        if any(c.ndim != 1 or len(c) != len(columns[0]) or c.dtype.kind not in "iub"
               for c in columns):  # fmt: skip
            shapes = ", ".join(f"{c.dtype} {c.shape}" for c in columns)
            raise Damage(f"holds t, x, y and p of {shapes}, not whole numbers of one length")
        t, x, y, p = (c.astype(np.uint8) if c.dtype.kind == "b" else c for c in columns)
        return Columns(t, x, y, polarities(p))

    def save(self, path: Path, recording: Recording) -> None:
        """Write a file with these events."""
        write_arrays(path, {name: getattr(recording, name) for name in _COLUMNS})


def read_frames(path: Path | str, *, most: int = MOST_BYTES) -> Array:
    """Return the frames that SpikingJelly made of a recording and keeps in an ``.npz``.

    Args:
        path: A file in a folder such as ``frames_number_16_split_by_time``.
        most: Bytes that the frames may take.
    Returns:
        Whole counts ``(T, 2, H, W)``, in the type they are stored in; channel 1 is ON.
    Raises:
        FileProblem: the file is absent, damaged, or holds no frames of whole counts.
    """
    arrays = read_arrays(path, "SpikingJelly .npz file", mend=_MEND, most=most, follow=True)
    frames = arrays.get("frames")
    if frames is None:
        raise FileProblem(f"{path} holds {', '.join(sorted(arrays))[:80]} and no frames; {_MEND}.")
    if frames.ndim != 4 or frames.shape[1] not in (1, 2) or not _are_counts(frames):
        raise FileProblem(
            f"{path} holds frames of {frames.dtype} {frames.shape}, which are no whole counts "
            f"(T, 2, H, W); {_MEND}."
        )
    return frames


def write_frames(path: Path | str, frames: Array) -> None:
    """Write frames as SpikingJelly keeps them.

    Raises:
        InputError: they are no whole counts ``(T, 2, H, W)``.
        FileProblem: the file cannot be written.
    """
    given = np.asarray(frames)
    if given.ndim != 4 or given.shape[1] not in (1, 2) or not _are_counts(given):
        raise InputError(
            f"Frames must be whole counts (T, 2, H, W); got {given.dtype} {given.shape}."
        )
    write_arrays(path, {"frames": given})


def _are_counts(frames: Array) -> bool:
    """Whether all entries are whole and at least 0."""
    if frames.dtype.kind not in "iubf":
        return False
    with np.errstate(invalid="ignore"):
        return bool(((frames >= 0) & (frames == np.floor(frames)) & np.isfinite(frames)).all())
