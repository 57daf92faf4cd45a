"""A folder of pictures or arrays as a data set, in a documented layout."""

from __future__ import annotations

import os
import tomllib
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikeproof.base import (
    FileProblem,
    InputError,
    check_one_of,
    open_regular,
    read_array,
    read_text,
)
from spikeproof.data.dataset import Dataset
from spikeproof.data.named_arrays import dataset_of

__all__ = ["folder_dataset"]

Array = np.ndarray[Any, Any]
_FACTS = "data.toml"
_SPLITS = ("train", "validation", "test")
_ALSO = {"val": "validation", "valid": "validation"}
_PICTURES, _ARRAY = (".png", ".jpg", ".jpeg"), ".npy"
_LITTER = ("thumbs.db", "desktop.ini")  # what file browsers leave behind
_MODES = ("L", "RGB")
_MOST_FILES, _MOST_BYTES, _LARGEST = 2_000_000, 1 << 32, 1 << 28
_MOST_PIXELS = 1 << 26


def folder_dataset(
    folder: Path, told: Mapping[str, Any], *, name: str = "own", seed: int = 0
) -> Dataset:
    """Return the data set in a folder.

    Args:
        folder: Either ``.npy`` files named as the arrays of an ``.npz`` file; or a folder for each
            class, with a picture or an array in each file; or these in folders ``train``,
            ``validation`` and ``test``. ``data.toml`` in it may say the facts.
        told: Facts from elsewhere, which win.
        name: What the set is called where nothing says it.
        seed: Which deal, where there are no splits.
    Raises:
        FileProblem: a file that cannot be read, or is no picture or array.
        InputError, SettingError: another layout, items of several shapes, or what ``Dataset``
            refuses.
    """
    facts = _facts(folder)
    mode = facts.pop("mode", None)
    if mode is not None:
        check_one_of(mode, _MODES, f"mode in {folder / _FACTS}")
    files, folders = _listed(folder)
    arrays = [path for path in files if path.suffix == _ARRAY]
    strays = [path for path in files if path not in arrays]
    if strays or (arrays and folders) or not (arrays or folders):
        seen = strays[0].name if strays else "both arrays and folders" if arrays else "nothing"
        raise InputError(
            f"{folder} holds {seen}; a data set is .npy files (x.npy, y.npy), or a folder for each "
            f"class, or the folders train and test with those in them, and {_FACTS}."
        )
    facts = {"name": name, **facts, **told}
    if arrays:
        named = {path.stem: read_array(path, most=_MOST_BYTES) for path in arrays}
        return dataset_of(named, str(folder), facts, seed=seed)
    named, values = _Reader(folder, mode).read(folders)
    return dataset_of(named, str(folder), {**values, **facts}, seed=seed)


@dataclass(frozen=True)
class _Reader:
    """Reads a folder of classes, or of splits."""

    folder: Path
    mode: str | None

    def read(self, folders: list[Path]) -> tuple[dict[str, Array], dict[str, Any]]:
        """The arrays, named as in an ``.npz`` file, and what pictures say of their range."""
        by_split = {_ALSO.get(path.name, path.name): path for path in folders}
        if len(by_split) < len(folders):
            raise InputError(f"{self.folder} holds several folders for validation; keep one.")
        split = "test" in by_split and set(by_split) <= set(_SPLITS)
        parts = {name: _listed(path) for name, path in by_split.items()} if split else {
            "": ([], folders)
        }  # fmt: skip
        loose = [file for files, _ in parts.values() for file in files]
        if loose:
            raise InputError(f"{loose[0]} lies in no class; put it into the folder of its class.")
        names = sorted({path.name for _, classes in parts.values() for path in classes}, key=_order)
        named, first = {}, None
        for name, (_, classes) in parts.items():
            ordered = sorted(classes, key=lambda one: _order(one.name))
            files = [(path, names.index(one.name)) for one in ordered for path in _items(one)]
            if not files:
                raise InputError(f"{self.folder / name} holds no items.")
            first = first or files[0][0]
            end = f"_{name}" if name else ""
            named[f"x{end}"] = self._stacked([path for path, _ in files])
            named[f"y{end}"] = np.array([label for _, label in files], dtype=np.int64)
        assert first is not None
        pictures = first.suffix != _ARRAY
        facts = {"kind": "image", "channels": "first"} if pictures else {}
        return named, {"classes": len(names), **facts}

    def _stacked(self, paths: list[Path]) -> Array:
        """The items of these files in one array, each checked against the first."""
        first = self._item(paths[0])
        wanted = len(paths) * first.nbytes
        if len(paths) > _MOST_FILES or wanted > _MOST_BYTES:
            raise InputError(
                f"{self.folder} holds {len(paths):,} items of {first.nbytes:,} bytes; at most "
                f"{_MOST_FILES:,} items and {_MOST_BYTES:,} bytes are read."
            )
        out = np.empty((len(paths), *first.shape), first.dtype)
        out[0] = first
        for number, path in enumerate(paths[1:], start=1):
            item = self._item(path)
            if item.shape != first.shape or item.dtype != first.dtype:
                raise InputError(
                    f"Items must have one shape and type: {paths[0]} is {first.dtype} "
                    f"{first.shape}, {path} is {item.dtype} {item.shape}; convert or crop them "
                    f"alike{self._also(path)}."
                )
            out[number] = item
        return out

    def _also(self, path: Path) -> str:
        """Another mend, for pictures."""
        picture = path.suffix != _ARRAY and self.mode is None
        return f', or write mode = "RGB" or "L" into {_FACTS}' if picture else ""

    def _item(self, path: Path) -> Array:
        """The item in a file: an array as it is, a picture in [0, 1], channels first."""
        if path.suffix == _ARRAY:
            return read_array(path, most=_LARGEST)
        levels = _levels(path, self.mode)
        image = levels[None] if levels.ndim == 2 else levels.transpose(2, 0, 1)
        return np.asarray(image, dtype=np.float32) / np.float32(255)


def _levels(path: Path, mode: str | None) -> Array:
    """The levels of a picture, uint8 ``(H, W)`` or ``(H, W, 3)``."""
    from PIL import Image  # needed only here

    with open_regular(path, "picture", most=_LARGEST) as stream, warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            with Image.open(stream, formats=("PNG", "JPEG")) as image:
                if image.width * image.height > _MOST_PIXELS:
                    raise ValueError(f"it has {image.width} x {image.height} pixels")
                own = "RGB" if image.mode == "P" else image.mode
                # Wider levels would be cut off at 255, whatever mode is asked for.
                if own not in _MODES and (mode is None or own[0] in "IF"):
                    raise _Mode(image.mode)
                return np.asarray(image.convert(mode or own), dtype=np.uint8)
        except _Mode as problem:
            raise InputError(
                f"The picture {path} is of mode {problem}, which is neither grey (L) nor colour "
                f'(RGB) of 8 bits; convert it, or write mode = "RGB" or "L" into {_FACTS}.'
            ) from None
        except Exception as problem:  # the library raises of every kind on a spoilt picture
            raise FileProblem(f"The picture {path} cannot be read ({problem}).") from None


class _Mode(Exception):
    """A picture of another mode."""


def _facts(folder: Path) -> dict[str, Any]:
    """What ``data.toml`` says; nothing where there is none."""
    path = folder / _FACTS
    if not path.exists() and not path.is_symlink():
        return {}
    try:
        return dict(tomllib.loads(read_text(path, "file of facts", most=1 << 20)))
    except (tomllib.TOMLDecodeError, RecursionError) as problem:
        raise FileProblem(f"{path} is not TOML: {problem}.") from None


def _listed(folder: Path) -> tuple[list[Path], list[Path]]:
    """Files and folders in a folder, in order; hidden ones and litter left out, links refused."""
    files, folders = [], []
    for entry in _entries(folder):
        if entry.is_symlink():
            raise FileProblem(f"{entry.path} is a link, and links in a data set are not followed.")
        if entry.is_dir():
            folders.append(Path(entry.path))
        elif entry.name != _FACTS:
            files.append(Path(entry.path))
    return sorted(files), sorted(folders)


def _items(folder: Path) -> list[Path]:
    """The files of a class."""
    files, folders = _listed(folder)
    known = (*_PICTURES, _ARRAY)
    wrong = [*folders, *(path for path in files if path.suffix.lower() not in known)]
    if wrong:
        raise InputError(
            f"{wrong[0]} is neither a picture ({', '.join(_PICTURES)}) nor an array ({_ARRAY}); "
            "the folder of a class holds nothing else."
        )
    return files


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """What is in a folder."""
    try:
        with os.scandir(folder) as found:
            entries = list(found)
    except OSError as problem:
        raise FileProblem(f"Cannot read the folder {folder}: {problem.strerror}.") from None
    for entry in entries:
        if entry.name[0] != "." and entry.name.lower() not in _LITTER:
            yield entry


def _order(name: str) -> tuple[int, int, str]:
    """The order of classes: by number where the names are numbers, else by name."""
    with suppress(ValueError):
        if name.isascii() and name.isdigit():
            return 0, int(name[:18]), name
    return 1, 0, name
