"""Files that are either whole or absent, and hashes that say what they hold."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from pathlib import Path
from typing import Any

import numpy as np

from spikeproof.base.errors import FileProblem

__all__ = [
    "canonical_json",
    "digest",
    "digest_arrays",
    "digest_file",
    "read_json",
    "write_atomic",
    "write_json",
]


def canonical_json(value: Any) -> str:
    """Return the one JSON text of ``value``: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(value: Any) -> str:
    """Return the sha256 of the canonical JSON of ``value``, 64 hex digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def digest_arrays(arrays: dict[str, np.ndarray]) -> str:
    """Return one sha256 over names, types, shapes and little-endian bytes of arrays."""
    total = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        total.update(f"{name}|{array.dtype.str}|{array.shape}|".encode())
        total.update(array.tobytes())
    return total.hexdigest()


def digest_file(path: Path) -> str:
    """Return the sha256 of a file's bytes."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as problem:
        raise FileProblem(f"Cannot read {path}: {problem.strerror}.") from None


def write_atomic(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` so that a reader sees the old file or the whole new one."""
    # Not tempfile: its files are closed to everyone but the owner, a report is there to be read.
    temporary = path.parent / f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except OSError as problem:
        with contextlib.suppress(OSError):  # the folder itself may be what failed
            temporary.unlink(missing_ok=True)
        raise FileProblem(
            f"Cannot write {path}: {problem.strerror}. Free some space or choose another folder; "
            "what was written before is intact."
        ) from None


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as readable, sorted JSON, atomically."""
    text = json.dumps(value, sort_keys=True, indent=1, allow_nan=False)
    write_atomic(path, (text + "\n").encode())


def read_json(path: Path, what: str = "file") -> Any:
    """Return the content of a JSON file; raise one clear sentence where it is not whole."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise FileProblem(f"There is no {what} at {path}.") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise FileProblem(f"Cannot read the {what} {path}: {problem}.") from None
    try:
        return json.loads(text)
    except json.JSONDecodeError as problem:
        raise FileProblem(
            f"The {what} {path} is not whole JSON (line {problem.lineno}: {problem.msg}); "
            "delete it and run again to rebuild it."
        ) from None
