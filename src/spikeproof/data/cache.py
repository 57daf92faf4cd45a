"""Decoded data sets on disk: written once, whole or not at all, and mapped into memory."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from spikeproof.base import (
    FileProblem,
    UnreadableFile,
    digest,
    digest_file,
    is_sealed,
    read_array,
    read_json,
    sealed,
    write_json,
)
from spikeproof.data.files import Listed, Published, Stored

__all__ = ["CACHE_FOLDER", "cache_folder", "cached"]

CACHE_FOLDER = "SPIKEPROOF_CACHE"
"""Environment variable that names the folder of decoded data sets."""

_MANIFEST, _FILES = "manifest.json", ("x.npy", "y.npy")
_SCHEME = 1  # raised when what a cached set holds changes
_OLD = 86_400.0  # seconds after which the rest of a killed process is removed


def cache_folder() -> Path:
    """Return where decoded data sets are kept.

    ``SPIKEPROOF_CACHE``, or the folder ``spikeproof`` in the user's folder of caches.
    """
    named = os.environ.get(CACHE_FOLDER)
    if named:
        return Path(named).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "spikeproof"


def cached(name: str, settings: Mapping[str, Any], listed: Listed) -> Published:
    """Return a decoded data set, from the cache or, the first time, by decoding it into the cache.

    The folder is named by a hash over the set, every setting of its reader and the stamp of its
    files, so that nothing decoded otherwise is ever taken for it. It is written under another
    name and renamed when every byte is on the disk.

    Args:
        name: The data set.
        settings: Every setting that what is decoded depends on.
        listed: Its files, and what decodes them.
    Returns:
        Its items; ``x`` is mapped into memory, so that only rows that are used are read.
    Raises:
        FileProblem: the cache was changed or is half-made, or cannot be written; or a file of the
            set is not whole.
    Cost:
        Decoding the first time; afterwards one pass over the cached bytes, to hash them.
    """
    key = digest({"scheme": _SCHEME, "name": name, "settings": dict(settings),
                  "stamp": dict(listed.stamp)})  # fmt: skip
    place = cache_folder() / f"{name}-{key[:24]}"
    if not os.path.lexists(place):
        _write(place, key, listed.read())
    return _opened(place, key)


def _write(place: Path, key: str, stored: Stored) -> None:
    """Decode every item into a folder that gets its name last."""
    begun = place.parent / f".{place.name}.{os.getpid()}.{secrets.token_hex(4)}"
    try:
        begun.mkdir(parents=True)
        _sweep(place)
        count = _fill(begun / "x.npy", stored)
        np.save(begun / "y.npy", np.asarray(stored.y, dtype=np.int64))
        for name in _FILES:
            _sync(begun / name)
        manifest = {
            "key": key,
            "items": count,
            "official": stored.official,
            "validation": stored.validation,
            "notes": list(stored.notes),
            "files": {name: digest_file(begun / name) for name in _FILES},
        }
        write_json(begun / _MANIFEST, sealed(manifest))
        with contextlib.suppress(OSError):  # another process was faster, with the same bytes
            os.rename(begun, place)
    except OSError as problem:
        if isinstance(problem, FileProblem):
            raise
        raise FileProblem(
            f"Cannot write the decoded data set to {place.parent}: {problem.strerror}. Free some "
            f"space, or name another folder with {CACHE_FOLDER}."
        ) from None
    finally:
        shutil.rmtree(begun, ignore_errors=True)


def _fill(path: Path, stored: Stored) -> int:
    """Write the items one after the other; how many they were."""
    count = len(stored.y)
    if not count:
        raise FileProblem("The data set has no items; name the folder that holds its files.")
    out = np.lib.format.open_memmap(
        path, mode="w+", dtype=stored.dtype, shape=(count, *stored.shape)
    )
    done = 0
    for item in stored.items:
        out[done] = item
        done += 1
    assert done == count, f"{done} of {count} items were read"
    out.flush()
    return count


def _sync(path: Path) -> None:
    """Wait until the disk has a file."""
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())


def _sweep(place: Path) -> None:
    """Remove what killed processes left of this very set."""
    for rest in place.parent.glob(f".{place.name}.*"):
        with contextlib.suppress(OSError):
            if time.time() - rest.stat().st_mtime > _OLD:
                shutil.rmtree(rest, ignore_errors=True)


def _opened(place: Path, key: str) -> Published:
    """A cached set whose every byte is the one that was written."""
    manifest = _manifest(place, key)
    for name in _FILES:
        if digest_file(place / name, "cached data set") != manifest["files"].get(name):
            raise _damaged(place, f"{name} was changed after it was written")
    # Copy on write: nobody can change the file, and torch asks for memory that can be written.
    x = np.load(place / "x.npy", mmap_mode="c", allow_pickle=False)
    y = read_array(place / "y.npy", "cached data set")
    return Published(
        torch.from_numpy(x),
        torch.from_numpy(y),
        official=int(manifest["official"]),
        notes=tuple(manifest["notes"]),
        validation=manifest.get("validation"),
    )


def _manifest(place: Path, key: str) -> dict[str, Any]:
    """What a cached set says of itself."""
    try:
        manifest: dict[str, Any] = read_json(place / _MANIFEST, "manifest of a cached data set")
    except UnreadableFile:
        raise
    except FileProblem:
        raise _damaged(place, "it has no whole manifest") from None
    if not isinstance(manifest, dict) or not is_sealed(manifest) or manifest.get("key") != key:
        raise _damaged(place, "its manifest was changed")
    return manifest


def _damaged(place: Path, why: str) -> FileProblem:
    """The sentence about a cached set that is not whole."""
    return FileProblem(
        f"The cached data set in {place} is not whole ({why}); remove this folder, and it is "
        "decoded again."
    )
