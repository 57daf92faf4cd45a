"""Named arrays on disk whose bytes depend on nothing but the arrays."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from spikeproof.base.errors import FileProblem
from spikeproof.base.files import write_atomic

__all__ = ["read_arrays", "write_arrays"]

_EPOCH = (1980, 1, 1, 0, 0, 0)


def write_arrays(path: Path | str, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
    """Write arrays as an ``.npz`` file, atomically; equal arrays give equal bytes.

    Args:
        path: File to write.
        arrays: Plain numeric or bool arrays under their names.
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
    write_atomic(Path(path), buffer.getvalue())


def read_arrays(
    path: Path | str,
    what: str = "array file",
    *,
    mend: str | None = None,
) -> dict[str, np.ndarray[Any, Any]]:
    """Read every array of an ``.npz`` file; never unpickles.

    Args:
        path: File to read.
        what: What to call it in an error.
        mend: What an error advises instead of deleting the file.
    Returns:
        Name → array.
    Raises:
        FileProblem: missing, truncated, changed, or holding pickled objects.
    """
    path = Path(path)
    if not path.is_file():
        raise FileProblem(f"There is no {what} at {path}{f'; {mend}' if mend else ''}.")
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as problem:
        raise FileProblem(
            f"The {what} {path} is not whole ({problem}); "
            f"{mend or 'delete it and run again to rebuild it'}."
        ) from None
