"""Data sets that come as files: where they are looked for, and that they are whole."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from spikeproof.base import FileProblem, read_bytes

__all__ = [
    "DATA_FOLDER",
    "Download",
    "Listed",
    "Published",
    "Source",
    "Stored",
    "chosen_folder",
    "hash_of",
    "stamp",
]

DATA_FOLDER = "SPIKEPROOF_DATA"
"""Environment variable that names the folder of the data sets that come as files."""


@dataclass(frozen=True)
class Published:
    """What the files of a data set hold, in their order.

    Args:
        x: Inputs as stored, uint8 ``(N, *shape)``.
        y: Class numbers, int64 ``(N,)``.
        official: How many of them, from the first, are the official training part.
        notes: What is to be known of these very files, such as that they are a part of the set.
        validation: How many of the official training part, from its end, are for validation; a
            tenth of each class, drawn here, where nothing is published.
    """

    x: Tensor
    y: Tensor
    official: int
    notes: tuple[str, ...] = ()
    validation: int | None = None


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A data set that is decoded item by item, for the cache: it is never in memory as a whole.

    Args:
        y: Class numbers, int64 ``(N,)``.
        official: How many of them, from the first, are the official training part.
        shape: Of one item as stored.
        dtype: Of an item as stored.
        items: The N items in their order.
        notes: What is to be known of these very files.
        validation: As of :class:`Published`.
    """

    y: np.ndarray[Any, Any]
    official: int
    shape: tuple[int, ...]
    dtype: Any
    items: Iterator[np.ndarray[Any, Any]]
    notes: tuple[str, ...] = ()
    validation: int | None = None


@dataclass(frozen=True, kw_only=True)
class Listed:
    """What a reader of many or large recordings found, before any of them is decoded.

    Args:
        stamp: What tells these files from others: name → hash, or size and time.
        read: What decodes them; not called where the cache holds them.
    """

    stamp: Mapping[str, Any]
    read: Callable[[], Stored]


@dataclass(frozen=True, kw_only=True)
class Download:
    """A file that ``spikeproof data fetch`` can get.

    Args:
        url: Its address.
        digest: Its sha256 or md5; that of the source's file of this name where empty.
        unpack: Whether it is an archive whose members are what the reader looks for.
    """

    url: str
    digest: str = ""
    unpack: bool = False


@dataclass(frozen=True, kw_only=True)
class Source:
    """The files of a data set in one published form, known by their hashes.

    Args:
        files: File name → sha256, or md5 where that is what was published.
        places: Folders inside the user's folder where they may lie, tried in order.
        url: Where they are published.
        downloads: File name → how ``spikeproof data fetch`` gets it; it goes to the first place.
            Empty where no program can get it.
    """

    files: Mapping[str, str]
    places: tuple[str, ...]
    url: str
    downloads: Mapping[str, Download] = field(default_factory=dict)

    def present(self, folder: Path) -> bool:
        """Whether any of the files is there."""
        return any(
            (folder / place / name).is_file() for place in self.places for name in self.files
        )

    def read(self, folder: Path, name: str) -> bytes:
        """The bytes of a file.

        Raises:
            FileProblem: it is absent, truncated or changed; says what was expected and where
                the whole file is to be had.
        """
        path, wanted = self.find(folder, name), self.files[name]
        content = read_bytes(path, "file of a data set", follow=True)
        found = hash_of(wanted)(content).hexdigest()
        if found != wanted:
            kind = hash_of(wanted)().name
            raise FileProblem(
                f"{path} is not the published file: its {len(content)} bytes have {kind} {found}, "
                f"expected is {wanted}. It is truncated, changed or another file; download it "
                f"again from {self.url}."
            )
        return content

    def find(self, folder: Path, name: str) -> Path:
        """Where a file is.

        Raises:
            FileProblem: it is absent; says what was expected and where it is to be had.
        """
        paths = [folder / place / name for place in self.places]
        path = next((path for path in paths if path.is_file()), None)
        if path is None:
            wanted = self.files[name]
            raise FileProblem(
                f"There is no {name} in {folder} (looked in {', '.join(self.places)}); expected "
                f"is the file with {hash_of(wanted)().name} {wanted}. Download it from {self.url}."
            )
        return path

    def stamp(self, folder: Path) -> dict[str, Any]:
        """What tells the files that are there from others, without reading them.

        Raises:
            FileProblem: one is absent.
        """
        return {name: [wanted, *stamp(self.find(folder, name))]
                for name, wanted in self.files.items()}  # fmt: skip


def hash_of(digest: str) -> Any:
    """What computes a hash of the kind of ``digest``: sha256, or md5 as older sets publish it."""
    return hashlib.sha256 if len(digest) == 64 else _md5


def _md5(content: bytes = b"") -> Any:
    """md5 as a checksum; systems that forbid it for secrets allow this."""
    return hashlib.md5(content, usedforsecurity=False)


def stamp(path: Path) -> tuple[int, int]:
    """The size of a file and when it was last written to."""
    facts = path.stat()
    return facts.st_size, facts.st_mtime_ns


def chosen_folder(name: str, folder: Path | str | None, url: str) -> Path:
    """Return the folder in which a data set's files are looked for.

    Args:
        name: The data set, for the error.
        folder: What the caller named; the environment variable ``SPIKEPROOF_DATA`` where None.
        url: Where the data set is published, for the error.
    Raises:
        FileProblem: none was named, or it does not exist.
    """
    named = folder or os.environ.get(DATA_FOLDER)
    if not named:
        raise FileProblem(
            f"{name} does not come with the package: download its files from {url} and name their "
            f"folder, with load({name!r}, folder=...), the option --data-dir or the environment "
            f"variable {DATA_FOLDER}."
        )
    path = Path(named).expanduser()
    if not path.is_dir():
        raise FileProblem(
            f"There is no folder {path} to read {name} from; name the one that holds its files "
            f"(published at {url})."
        )
    return path.resolve()
