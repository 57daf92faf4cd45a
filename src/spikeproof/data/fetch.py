"""Getting the files of a data set: resumed, checked, unpacked; or told where to put what."""

from __future__ import annotations

import os
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any

from spikeproof.base import FileProblem, SettingError, open_regular, write_atomic
from spikeproof.data.facts import Reader
from spikeproof.data.files import Source, hash_of
from spikeproof.data.sets import DATASETS

__all__ = ["WantedFile", "fetch", "wanted"]

_BLOCK = 1 << 20
_MOST = 1 << 35  # bytes of a file that is downloaded, and of what an archive unfolds to
_TIMEOUT = 30.0  # seconds without an answer


@dataclass(frozen=True, kw_only=True)
class WantedFile:
    """One file of a data set and where it belongs.

    Args:
        path: Where it belongs; the folder of the set where nothing says single files.
        url: Where it is to be had.
        digest: Its sha256 or md5; empty where none is published.
        there: Whether it, or what is unpacked from it, is there.
        download: Whether a program can get it.
        unpack: Whether it is an archive whose members are what is looked for.
    """

    path: Path
    url: str
    digest: str
    there: bool
    download: bool
    unpack: bool = False


def wanted(name: str, folder: Path) -> list[WantedFile]:
    """Return the files of a data set and where each belongs.

    Args:
        name: A set that comes as files.
        folder: The user's folder of data sets.
    Raises:
        SettingError: no such set, or one that needs no files.
    Example:
        >>> [one.path.name for one in wanted("cifar100", Path("data"))]
        ['cifar-100-binary.tar.gz']
    """
    reader = DATASETS[name]()
    if not isinstance(reader, Reader):
        raise SettingError(
            f"{name} needs no files: it is made by the package; load it by its name."
        )
    return [one for source in _sources(reader) for one in _of_source(source, folder)]


def fetch(name: str, folder: Path, *, say: Callable[[str], None] = lambda _: None) -> list[Path]:
    """Download what a data set lacks, and unpack what is read unpacked.

    A download that was interrupted goes on where it ended. A file gets its name when its hash is
    the published one.

    Args:
        name: A set that comes as files.
        folder: The user's folder of data sets; made if need be.
        say: Called with what goes on, a line each.
    Returns:
        The files and folders that were written.
    Raises:
        SettingError: no such set, or one that needs no files.
        FileProblem: a file cannot be downloaded by a program, the network does not answer, or what
            came is not the published file; says what to put where.
    """
    written = []
    for one in wanted(name, folder):
        if one.there:
            say(f"{one.path}: there already")
            continue
        if not one.download:
            raise FileProblem(
                f"{name} cannot be downloaded by a program; get it from {one.url} and put it into "
                f"{one.path}."
            )
        _download(one, say)
        if one.unpack:
            say(f"{one.path}: unpacking ...")
            _unpack(one.path, one.path.parent)
            write_atomic(_done(one.path), b"")
            one.path.unlink()
        written.append(one.path.parent if one.unpack else one.path)
    return written


def _sources(reader: Any) -> Iterator[Source]:
    """The sources of a set, of each part where it is made from others."""
    parts = [getattr(reader, one.name) for one in fields(reader)] if is_dataclass(reader) else []
    readers = [part for part in parts if isinstance(part, Reader)]
    if not readers:
        yield reader.published
    for part in readers:
        yield from _sources(part)


def _of_source(source: Source, folder: Path) -> list[WantedFile]:
    """The files of one source."""
    place = folder / source.places[0]
    if not source.downloads:
        held = [folder / one for one in source.places if one != "."]
        there = source.present(folder) or any(one.is_dir() for one in held)
        return [WantedFile(path=place, url=source.url, digest="", there=there, download=False)]
    present = bool(source.files) and all(_is_there(source, folder, one) for one in source.files)
    return [
        WantedFile(
            path=place / name,
            url=one.url,
            digest=one.digest or source.files.get(name, ""),
            there=present or (place / name).is_file() or _done(place / name).is_file(),
            download=True,
            unpack=one.unpack,
        )
        for name, one in source.downloads.items()
    ]


def _is_there(source: Source, folder: Path, name: str) -> bool:
    """Whether a file of a source is in one of its places."""
    return any((folder / place / name).is_file() for place in source.places)


def _done(archive: Path) -> Path:
    """What says that an archive was unpacked as a whole."""
    return archive.with_name(f".{archive.name}.unpacked")


def _download(one: WantedFile, say: Callable[[str], None]) -> None:
    """Download a file, going on where an earlier attempt ended, and give it its name."""
    part = one.path.with_name(f".{one.path.name}.part")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        say(f"{one.path}: from {one.url} ...")
        _continue(one, part)
    except (OSError, ValueError) as problem:
        if isinstance(problem, FileProblem):
            raise
        reason = getattr(problem, "reason", None) or getattr(problem, "strerror", None) or problem
        known = f" ({hash_of(one.digest)().name} {one.digest})" if one.digest else ""
        raise FileProblem(
            f"Cannot download {one.url} ({reason}); get the file{known} another way, put it at "
            f"{one.path}, and run this again. What has come so far is kept."
        ) from None
    if one.digest:
        found = _digest(part, one.digest)
        if found != one.digest:
            part.unlink()
            raise FileProblem(
                f"What {one.url} sent has {hash_of(one.digest)().name} {found}, expected is "
                f"{one.digest}; it was removed. Try again, or put the published file at {one.path}."
            )
    os.replace(part, one.path)


def _continue(one: WantedFile, part: Path) -> None:
    """Get what a file lacks."""
    from urllib.request import Request, urlopen

    if not one.url.startswith(("https://", "http://")):
        raise ValueError("it is no address of the web")
    begun = part.stat().st_size if part.is_file() else 0
    headers = {"User-Agent": "spikeproof", **({"Range": f"bytes={begun}-"} if begun else {})}
    try:
        answer: IO[bytes] = urlopen(Request(one.url, headers=headers), timeout=_TIMEOUT)
    except OSError as problem:
        # The server has no bytes after the last: the file is whole, and its hash decides.
        if getattr(problem, "code", None) == 416 and begun:
            return
        raise
    with answer:
        whole = getattr(answer, "status", 200) != 206  # it sends the file from its beginning
        length = getattr(answer, "headers", {}).get("Content-Length")
        done = 0
        with part.open("wb" if whole else "ab") as stream:
            while block := answer.read(_BLOCK):
                done += len(block)
                if done > _MOST:
                    raise ValueError(f"it has more than {_MOST:,} bytes")
                stream.write(block)
            stream.flush()
            os.fsync(stream.fileno())
    if length is not None and done < int(length):
        raise ValueError(f"the connection ended after {done:,} of {int(length):,} bytes")


def _digest(path: Path, kind: str) -> str:
    """The hash of a file, of the kind of another."""
    total = hash_of(kind)()
    with open_regular(path, "download", most=_MOST) as stream:
        while block := stream.read(_BLOCK):
            total.update(block)
    return str(total.hexdigest())


def _unpack(archive: Path, folder: Path) -> None:
    """Write the regular files of an archive below a folder, and nothing outside of it."""
    total = 0
    try:
        for name, size, opened in _members(archive):
            target = folder / _inside(name, folder, archive)
            total += size
            if total > _MOST:
                raise ValueError(f"it unfolds to more than {_MOST:,} bytes")
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = target.with_name(f".{target.name}.part")
            with opened() as source, temporary.open("wb") as out:
                shutil.copyfileobj(source, out, _BLOCK)
            os.replace(temporary, target)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, ValueError, RuntimeError) as problem:
        raise FileProblem(
            f"{archive} is no archive that can be unpacked ({problem}); remove it and fetch it "
            "again."
        ) from None


def _members(archive: Path) -> Iterator[tuple[str, int, Callable[[], Any]]]:
    """Name and size of each regular file of an archive, and what opens it."""
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as packed:
            for entry in packed.infolist():
                if not entry.is_dir():
                    yield entry.filename, entry.file_size, partial(packed.open, entry)
        return
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.isreg():
                yield member.name, member.size, partial(tar.extractfile, member)


def _inside(name: str, folder: Path, archive: Path) -> PurePosixPath:
    """Where a member goes below the folder; the folder's own name in front of it is left out."""
    path = PurePosixPath(name)
    parts = [one for one in path.parts if one != "."]
    if path.is_absolute() or ".." in parts or not parts:
        raise FileProblem(f"{archive} holds {name[:80]!r}, which leads out of its folder.")
    return PurePosixPath(*(parts[1:] if parts[0] == folder.name and len(parts) > 1 else parts))
