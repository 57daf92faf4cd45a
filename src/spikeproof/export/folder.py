"""The folder of an export: what was written into it, so that nothing else is written over."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from spikeproof.base import (
    FileProblem,
    SettingError,
    digest,
    digest_file,
    is_sealed,
    is_there,
    read_json,
    sealed,
    sweep,
    write_atomic,
    write_json,
)

__all__ = ["LIST", "file_name", "write_files"]

LIST = "export.json"
"""Names and hashes of everything that an export wrote, in its folder."""

_SCHEMA = 1


def file_name(*parts: object) -> str:
    """Return names as a part of a file's name that systems and LaTeX take; others get a hash.

    Example:
        >>> file_name("digits", "SR+AT"), file_name("a/b")[:4]
        ('digits-SR+AT', 'a-b-')
    """
    return "-".join(map(_name, map(str, parts)))


def _name(text: str) -> str:
    """One part."""
    plain = re.sub(r"[^A-Za-z0-9.+-]+", "-", text).strip(".-")[:80]
    return plain if plain == text else f"{plain}-{digest(text)[:8]}"


def write_files(
    folder: Path, files: Mapping[str, bytes], about: Mapping[str, object], *, force: bool = False
) -> None:
    """Write files into a folder, each atomically, and ``export.json``, which names them.

    A file that is there is written over only where an earlier export wrote it and nobody changed it
    since. Killed at any moment, the same call again completes it.

    Args:
        folder: Where to write; made if need be.
        files: Path inside the folder → content.
        about: What else ``export.json`` says.
        force: Whether files are written over that are not of an export, or were changed since.
    Raises:
        FileProblem: a file of another's stands in the way, or it cannot be written.
        SettingError: a path that leaves the folder.
    """
    for name in files:
        parts = PurePosixPath(name).parts
        if not parts or PurePosixPath(name).is_absolute() or ".." in parts or name == LIST:
            raise SettingError(f"{name!r} is no file inside an export; leave it out.")
    if is_there(folder) and not folder.is_dir():
        raise FileProblem(f"{folder} is a file; an export needs a folder.")
    before = _before(folder)
    fresh = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    if not force:
        _refuse_foreign(folder, fresh, before)
    # Named before they are written, so that what a killed export left is known as its own.
    known = {name: [*before.get(name, ()), fresh[name]] for name in fresh}
    write_json(folder / LIST, sealed({"schema": _SCHEMA, "files": {**before, **known}, **about}))
    for name, content in files.items():
        write_atomic(folder / name, content)
    kept = {n: hashes for n, hashes in before.items() if n not in fresh and is_there(folder / n)}
    last = {**kept, **{name: [value] for name, value in fresh.items()}}
    write_json(folder / LIST, sealed({"schema": _SCHEMA, "files": last, **about}))
    for place in {folder, *((folder / name).parent for name in files)}:
        sweep(place, older=3600)


def _before(folder: Path) -> dict[str, list[str]]:
    """Name → hashes of what exports wrote here; nothing where the list is not whole."""
    if not is_there(folder / LIST):
        return {}
    try:
        content = read_json(folder / LIST, "list of an export")
    except FileProblem:
        return {}
    files = content.get("files") if isinstance(content, dict) and is_sealed(content) else None
    if not isinstance(files, dict):
        return {}
    return {
        name: [str(one) for one in hashes]
        for name, hashes in files.items()
        if isinstance(hashes, list)
    }


def _refuse_foreign(
    folder: Path, fresh: Mapping[str, str], before: Mapping[str, list[str]]
) -> None:
    """Raise where a file stands in the way that no export wrote, or that was changed since."""
    if is_there(folder / LIST) and not before:
        raise FileProblem(
            f"{folder / LIST} is no list of an export, so that its files look like any "
            "others; choose another folder, or use --force."
        )
    for name, wanted in fresh.items():
        path = folder / name
        if not is_there(path):
            continue
        if digest_file(path, "file in an export's folder") not in (wanted, *before.get(name, ())):
            what = "was changed since it was exported" if name in before else "is of no export"
            raise FileProblem(
                f"{path} {what} and would be written over; choose another folder, move the file "
                "away, or use --force."
            )
