"""The one way in which bytes are read: regular files only, no links, no more than was allowed."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from spikeproof.base.errors import FileProblem, UnreadableFile

__all__ = ["digest_file", "is_there", "open_regular", "read_bytes", "read_text"]

MOST = 1 << 32
"""Bytes of a file that is hashed or holds weights."""

_ABSENT = (errno.ENOENT, errno.ENOTDIR)
_BLOCK = 1 << 20


@contextmanager
def open_regular(
    path: Path | str,
    what: str = "file",
    *,
    most: int = MOST,
    follow: bool = False,
    mend: str | None = None,
) -> Iterator[BinaryIO]:
    """Open a regular file for reading, after its size was looked at.

    Args:
        path: The file.
        what: What to call it in an error.
        most: Bytes that it may have.
        follow: Whether a link in its place is followed: right for what a person names, wrong for
            what a stored record names.
        mend: What an error advises.
    Yields:
        The open file.
    Raises:
        FileProblem: it is absent, a link, a folder, a pipe, a device, or too large.
        UnreadableFile: it is there, and the system does not let us read it.
    """
    end = f"; {mend}." if mend else "."
    # Without O_NONBLOCK opening a pipe waits for someone to write into it.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
    try:
        handle = os.open(path, flags)
    except OSError as problem:
        if problem.errno in _ABSENT:
            raise FileProblem(f"There is no {what} at {path}{end}") from None
        if problem.errno == errno.ELOOP:
            raise FileProblem(
                f"The {what} {path} is a link, and links are not followed{end}"
            ) from None
        raise UnreadableFile(_denied(what, path, problem)) from None
    except ValueError:  # a zero byte in the name
        raise FileProblem(f"There is no {what} at {str(path)!r}{end}") from None
    facts = os.fstat(handle)
    if not stat.S_ISREG(facts.st_mode):
        os.close(handle)
        raise FileProblem(f"The {what} {path} is no ordinary file{end}")
    with os.fdopen(handle, "rb") as stream:
        if facts.st_size > most:
            raise FileProblem(
                f"The {what} {path} has {facts.st_size:,} bytes; at most {most:,} are read{end}"
            )
        try:
            yield stream
        except OSError as problem:
            if isinstance(problem, FileProblem):
                raise
            raise UnreadableFile(_denied(what, path, problem)) from None


def read_bytes(
    path: Path | str,
    what: str = "file",
    *,
    most: int = MOST,
    follow: bool = False,
    mend: str | None = None,
) -> bytes:
    """Return the bytes of a regular file; arguments and errors as of ``open_regular``."""
    with open_regular(path, what, most=most, follow=follow, mend=mend) as stream:
        size = os.fstat(stream.fileno()).st_size
        content = stream.read(size + 1)
    if len(content) != size:
        raise FileProblem(f"The {what} {path} was written to while it was read; try again.")
    return content


def read_text(path: Path | str, what: str = "file", *, most: int = 1 << 24) -> str:
    """Return the UTF-8 text of a file that a person names; a byte order mark is left out.

    Raises:
        FileProblem: as of ``open_regular``, or the text is not UTF-8.
    """
    try:
        return read_bytes(path, what, most=most, follow=True).decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise FileProblem(
            f"The {what} {path} is not UTF-8 text (byte {problem.start}); save it as UTF-8."
        ) from None


def digest_file(path: Path | str, what: str = "file", *, follow: bool = False) -> str:
    """Return the sha256 of a file's bytes, read block by block; errors as of ``open_regular``."""
    total = hashlib.sha256()
    with open_regular(path, what, follow=follow) as stream:
        while block := stream.read(_BLOCK):
            total.update(block)
    return total.hexdigest()


def is_there(path: Path) -> bool:
    """Whether anything has this name, a link to nothing too.

    Raises:
        UnreadableFile: the system does not say.
    """
    try:
        path.lstat()
    except OSError as problem:
        if problem.errno in _ABSENT:
            return False
        raise UnreadableFile(_denied("file", path, problem)) from None
    return True


def _denied(what: str, path: Path | str, problem: OSError) -> str:
    """The sentence about a file that is there and cannot be read."""
    return (
        f"Cannot read the {what} {path}: {problem.strerror}. Nothing was changed; see to its "
        "permissions or its disk and try again."
    )
