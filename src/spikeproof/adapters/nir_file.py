"""The values of a NIR file, read in a process of its own.

NIR files are HDF5, and damaged HDF5 can keep its library in a loop or end its process. So a second
Python reads the bytes, with bounds on its time and memory, and hands back plain arrays; only that
part of this file runs there, and it imports nothing of the package.
"""

import io
import json
import subprocess
import sys
from typing import Any

import numpy as np

__all__ = ["values_of"]

_SECONDS = 30
_MEMORY = 1 << 33
_MOST_BYTES = 1 << 31
_MOST_ENTRIES = 10_000
_DEEPEST = 24


def values_of(content: bytes) -> dict[str, Any]:
    """What the group ``node`` of a file holds, as nested dictionaries of arrays and text.

    Args:
        content: The bytes of the file.
    Raises:
        ValueError: they are no such file, or a damaged or unbounded one; says what was seen.
        ModuleNotFoundError: h5py is not installed.
    """
    try:
        done = subprocess.run(
            [sys.executable, __file__], input=content, capture_output=True, timeout=2 * _SECONDS
        )
    except subprocess.TimeoutExpired:
        raise ValueError(f"it was not read within {2 * _SECONDS} s") from None
    if done.returncode == 3:
        raise ModuleNotFoundError("h5py")
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        why = said[-1] if done.returncode == 1 and said else f"reading ended by {done.returncode}"
        raise ValueError(why.removeprefix("ValueError: ")[:160])
    with np.load(io.BytesIO(done.stdout), allow_pickle=False) as arrays:
        index = json.loads(bytes(arrays["index"]))
        root: dict[str, Any] = {}
        for path, value in index:
            *folders, name = path
            where = root
            for folder in folders:
                where = where.setdefault(folder, {})
            where[name] = arrays[value["array"]] if isinstance(value, dict) else value
    return root


def _read(content: bytes) -> None:
    """Write the values of a file to standard output; runs in the second process."""
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    try:
        from importlib import import_module

        h5py = import_module("h5py")
    except ImportError:
        sys.exit(3)
    index: list[Any] = []
    arrays: dict[str, Any] = {}
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            _walk(h5py, file["node"], (), (index, arrays, [_MOST_BYTES, _MOST_ENTRIES]))
    except Exception as problem:  # whatever the library makes of damaged bytes
        lines = str(problem).strip().splitlines() or [type(problem).__name__]
        sys.exit(lines[0])
    arrays["index"] = np.frombuffer(json.dumps(index).encode(), np.uint8)
    np.savez(sys.stdout.buffer, **arrays)


def _walk(h5py: Any, group: Any, path: tuple[str, ...], found: tuple[Any, Any, list[int]]) -> None:
    """Note all that a group holds, but for what lies elsewhere or has no end."""
    index, arrays, room = found
    if len(path) > _DEEPEST:
        raise ValueError("it holds graphs within graphs without end")
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ValueError(f"{name!r} is a link, and links are not followed")
        item, here = group[name], (*path, name)
        room[1] -= 1
        if room[1] < 0:
            raise ValueError(f"it has more than {_MOST_ENTRIES:,} entries")
        if isinstance(item, h5py.Group):
            _walk(h5py, item, here, found)
            continue
        if item.is_virtual or item.external:
            raise ValueError(f"{name!r} lies in another file, and none is read")
        chunk = int(np.prod(item.chunks)) if item.chunks else 0
        room[0] -= max(int(item.size or 0), chunk) * item.dtype.itemsize
        if room[0] < 0:
            raise ValueError(f"it has more than {_MOST_BYTES:,} bytes of numbers")
        index.append((here, _plain(item[()], arrays)))


def _plain(value: Any, arrays: dict[str, Any]) -> Any:
    """Text as text, numbers as the name of an array."""
    if isinstance(value, bytes):
        return value.decode()
    made = np.asarray(value)
    if made.dtype.kind in "OS":
        return [[str(np.asarray(one).item().decode()) for one in row] for row in made]
    if made.dtype.kind not in "biuf":
        raise ValueError(f"a value is of type {made.dtype}")
    name = f"array{len(arrays)}"
    arrays[name] = made
    return {"array": name}


if __name__ == "__main__":
    _read(sys.stdin.buffer.read())
