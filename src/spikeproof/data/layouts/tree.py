"""Sets that are a folder of many files: found, in a fixed order, and told from others."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from spikeproof.base import FileProblem, digest
from spikeproof.data.files import Source, stamp

__all__ = ["files_below", "in_folder", "stamp_of_files"]

_MOST = 1_000_000


def in_folder(source: Source, folder: Path, name: str, inside: Iterable[str] = ()) -> Path:
    """Return the folder of a set inside the user's.

    Args:
        source: Where it may lie.
        folder: What the user named.
        name: The set, for the error.
        inside: Files or folders that it must hold, all of them.
    Raises:
        FileProblem: it is not there; says what was looked for and where to get it.
    """
    wanted = tuple(inside)
    for place in source.places:
        if (folder / place).is_dir() and all((folder / place / one).exists() for one in wanted):
            return folder / place
    held = f" with {', '.join(wanted)} in it" if wanted else ""
    raise FileProblem(
        f"There is no {name} in {folder}: expected is the folder {source.places[0]}{held} (looked "
        f"in {', '.join(source.places)}); get it from {source.url}."
    )


def files_below(folder: Path, pattern: str, what: str) -> list[tuple[Path, re.Match[str]]]:
    """Return the files whose path below a folder matches, in the order of these paths.

    Links are not followed. Files of other names are left alone.

    Args:
        folder: Where they are.
        pattern: Of the path below the folder, with ``/``; matched as a whole.
        what: What they are, for the error.
    Raises:
        FileProblem: there is none.
    """
    found, shape = [], re.compile(pattern)
    for place, folders, files in os.walk(folder, followlinks=False):
        folders.sort()
        for name in sorted(files):
            path = Path(place) / name
            match = shape.fullmatch(path.relative_to(folder).as_posix())
            if match is not None and not path.is_symlink():
                found.append((path, match))
        if len(found) > _MOST:
            raise FileProblem(f"{folder} holds more than {_MOST:,} files; name the set's own.")
    if not found:
        raise FileProblem(
            f"There is no {what} in {folder}; expected are files as {pattern!r} says."
        )
    return sorted(found, key=lambda one: one[0].relative_to(folder).as_posix())


def stamp_of_files(folder: Path, paths: Iterable[Path]) -> Mapping[str, Any]:
    """Return what tells these files from others, by name, size and time; not by where they lie."""
    named = {path.relative_to(folder).as_posix(): list(stamp(path)) for path in paths}
    return {"files": len(named), "digest": digest(named)}
