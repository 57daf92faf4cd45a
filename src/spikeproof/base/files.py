"""Files that are either whole or absent, and hashes that say what they hold."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import secrets
import stat
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from spikeproof.base.errors import DiskFull, FileProblem

__all__ = [
    "append_line",
    "canonical_json",
    "check_folder",
    "digest",
    "digest_arrays",
    "is_sealed",
    "sealed",
    "sweep",
    "write_atomic",
    "write_json",
]

# What write_atomic calls a file until it is whole.
_TEMPORARY = re.compile(r"\..+\.\d+\.[0-9a-f]{8}")


def canonical_json(value: Any) -> str:
    """Return the one JSON text of ``value``: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(value: Any) -> str:
    """Return the sha256 of the canonical JSON of ``value``, 64 hex digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def sealed(content: Mapping[str, Any], seal: str = "sha256") -> dict[str, Any]:
    """Return plain content with the hash of its canonical JSON under one more key.

    Args:
        content: What is protected.
        seal: The key of the hash.
    """
    return {**content, seal: digest(dict(content))}


def is_sealed(record: Mapping[str, Any], seal: str = "sha256") -> bool:
    """Whether a record is what ``sealed`` returned: nothing in it was changed since."""
    rest = {key: value for key, value in record.items() if key != seal}
    return bool(record.get(seal) == digest(rest))


def digest_arrays(arrays: dict[str, np.ndarray]) -> str:
    """Return one sha256 over names, types, shapes and little-endian bytes of arrays."""
    total = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        total.update(f"{name}|{array.dtype.str}|{array.shape}|".encode())
        total.update(array.reshape(-1).view(np.uint8).data)  # the bytes themselves, not a copy
    return total.hexdigest()


def write_atomic(path: Path, content: bytes, *, make: bool = True, sync: bool = True) -> None:
    """Write ``content`` to ``path`` so that a reader sees the old file or the whole new one.

    A link in the place of the file is replaced; what it points to is not touched.

    Args:
        path: File to write.
        content: All of it.
        make: Whether its folder is made if need be; False where a missing one means that someone
            moved it away while we worked in it.
        sync: Whether to wait until the disk has it; False for what is of no use after a crash.
    Raises:
        DiskFull: there is no room.
        FileProblem: it cannot be written for another reason, or is a pipe or a device.
    """
    _check_replaceable(path)
    # Not tempfile: its files are closed to everyone but the owner, a report is there to be read.
    temporary = path.parent / f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}"
    try:
        if make:
            path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as stream:  # never through a link
            stream.write(content)
            stream.flush()
            if sync:
                os.fsync(stream.fileno())
        os.replace(temporary, path)
    except OSError as problem:
        with contextlib.suppress(OSError):  # the folder itself may be what failed
            temporary.unlink(missing_ok=True)
        raise _unwritten(path, problem) from None


def _check_replaceable(path: Path) -> None:
    """Raise where a pipe, a socket or a device would be replaced by a file."""
    try:
        mode = path.lstat().st_mode
    except (OSError, ValueError):  # what is not there is no trouble
        return
    if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode) or stat.S_ISDIR(mode)):
        raise FileProblem(f"Cannot write {path}: it is no ordinary file; choose another.")


def append_line(path: Path, line: str) -> None:
    """Append one line to a log in one write, never through a link.

    Raises:
        DiskFull: there is no room.
        FileProblem: it cannot be written for another reason, or is no regular file.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        handle = os.open(path, flags, 0o666)
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise FileProblem(f"Cannot write {path}: it is no ordinary file; remove it.")
            os.write(handle, f"{line}\n".encode())
        finally:
            os.close(handle)
    except FileProblem:
        raise
    except OSError as problem:
        raise _unwritten(path, problem) from None


def sweep(folder: Path, *, older: float = 0.0) -> None:
    """Remove the temporary files that killed writers left in a folder.

    Args:
        folder: The folder; those below it are not looked at.
        older: Seconds since such a file was last written; 0 only where no one else writes here.
    """
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(folder)):
            with contextlib.suppress(OSError):
                regular = entry.is_file(follow_symlinks=False)
                if not (regular and _TEMPORARY.fullmatch(entry.name)):
                    continue
                if not older or time.time() - entry.stat(follow_symlinks=False).st_mtime > older:
                    os.unlink(entry.path)


def check_folder(folder: Path) -> None:
    """Raise where a folder cannot be, since it, or what it would lie in, is something else.

    Raises:
        FileProblem: there is a file, a pipe or a device in its place.
    """
    for place in (folder, *folder.parents):
        try:
            mode = place.stat().st_mode
        except (OSError, ValueError):  # not there, or not to be looked at; writing will tell
            continue
        if not stat.S_ISDIR(mode):
            raise FileProblem(f"Cannot write to {folder}: {place} is no folder; name another.")
        return


def _unwritten(path: Path, problem: OSError) -> FileProblem:
    """What to raise where the system refused to write."""
    full = problem.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return (DiskFull if full else FileProblem)(
        f"Cannot write {path}: {problem.strerror}. Free some space or choose another folder; "
        "what was written before is intact."
    )


def write_json(path: Path, value: Any, *, make: bool = True) -> None:
    """Write ``value`` as readable, sorted JSON, atomically; ``make`` as of ``write_atomic``."""
    text = json.dumps(value, sort_keys=True, indent=1, allow_nan=False)
    write_atomic(path, (text + "\n").encode(), make=make)
