"""Data sets that come as files: where they are looked for, and that they are whole."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from spikeproof.base import FileProblem, read_bytes

__all__ = ["DATA_FOLDER", "Published", "Source", "chosen_folder"]

DATA_FOLDER = "SPIKEPROOF_DATA"
"""Environment variable that names the folder of the data sets that come as files."""


@dataclass(frozen=True)
class Published:
    """What the files of a data set hold, in their order.

    Args:
        x: Inputs as stored, uint8 ``(N, *shape)``.
        y: Class numbers, int64 ``(N,)``.
        official: How many of them, from the first, are the official training part.
    """

    x: Tensor
    y: Tensor
    official: int


@dataclass(frozen=True, kw_only=True)
class Source:
    """The files of a data set in one published form, known by their hashes.

    Args:
        files: File name → sha256.
        places: Folders inside the user's folder where they may lie, tried in order.
        url: Where they are published.
    """

    files: Mapping[str, str]
    places: tuple[str, ...]
    url: str

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
        wanted = self.files[name]
        paths = [folder / place / name for place in self.places]
        path = next((path for path in paths if path.is_file()), None)
        if path is None:
            raise FileProblem(
                f"There is no {name} in {folder} (looked in {', '.join(self.places)}); expected "
                f"is the file with sha256 {wanted}. Download it from {self.url}."
            )
        content = read_bytes(path, "file of a data set", follow=True)
        sha256 = hashlib.sha256(content).hexdigest()
        if sha256 != wanted:
            raise FileProblem(
                f"{path} is not the published file: its {len(content)} bytes have sha256 {sha256}, "
                f"expected is {wanted}. It is truncated, changed or another file; download it "
                f"again from {self.url}."
            )
        return content


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
