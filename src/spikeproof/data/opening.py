"""A data set from whatever a user names: a set by name, a file, a folder, or a function."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from spikeproof.base import (
    CodeFile,
    FileProblem,
    InputError,
    SettingError,
    check_name,
    read_arrays,
)
from spikeproof.data.dataset import Dataset
from spikeproof.data.folder import folder_dataset
from spikeproof.data.named_arrays import dataset_of
from spikeproof.data.sets import DATASETS
from spikeproof.data.store import load
from spikeproof.names import suggestion

__all__ = ["is_own", "open_data", "stamp_of"]

_MOST, _USUAL, _SQUEEZED = 1 << 32, 1 << 29, 64
_LAYOUT = (
    "a data set by name, a FILE.npz (x and y, or x_train, y_train, x_test, y_test), a folder (of "
    "classes, or train and test), or module.py:function"
)


def is_own(reference: str) -> bool:
    """Whether a text names data of the user's own, and no set of the package.

    Example:
        >>> is_own("digits"), is_own("mine.npz"), is_own("made.py:digits")
        (False, True, True)
    """
    if reference in DATASETS or not reference:
        return False
    path = Path(reference).expanduser()
    named = CodeFile.parse(reference) is not None or path.suffix in (".npz", ".npy")
    return named or len(path.parts) > 1 or path.exists()


def open_data(reference: str, *, name: str | None = None, seed: int | None = None) -> Dataset:
    """Open a data set of the package or of the user's own.

    A file or folder is read in a documented layout (docs/data.md). ``module.py:function`` is
    called without arguments; it returns a ``Dataset``, ``(x, y)``, or a table of arrays named as
    in an ``.npz`` file.

    Args:
        reference: A name from ``datasets()``, a ``FILE.npz``, a folder, or
            ``module.py:function``.
        name: What the set is called, for one of the user's own; where absent, what the data say,
            else the name of file, folder or function.
        seed: Which deal to splits; the usual one where absent.
    Returns:
        The data set; ``spec.reference`` names where one of the user's own was read from.
    Raises:
        SettingError: no such data set, or facts that make no sense.
        FileProblem: no such file, or one that is not whole.
        InputError: arrays that are no data set; what is missing is named.
    Cost:
        Reading, checking and hashing: about two seconds for 300 MB.
    Example:
        >>> open_data("digits").spec.name
        'digits'
        >>> open_data("no-such.npz")
        Traceback (most recent call last):
        spikeproof.base.errors.FileProblem: There is no data file at no-such.npz.
    """
    if reference in DATASETS:
        return load(reference, seed=seed)
    if not is_own(reference):
        raise SettingError(
            f"Unknown data set {reference!r}. {suggestion(reference, DATASETS)} Or name data of "
            f"your own: {_LAYOUT.removeprefix('a data set by name, ')}."
        )
    told: dict[str, Any] = {"reference": reference} | ({} if name is None else {"name": name})
    deal = 0 if seed is None else seed
    code, path = CodeFile.parse(reference), Path(reference).expanduser()
    if code is not None:
        return _called(code, told, deal)
    if path.is_dir():
        return folder_dataset(path, told, name=_name(path.resolve().name), seed=deal)
    if path.suffix != ".npz":
        what = "is no folder and no .npz file" if path.exists() else "does not exist"
        raise FileProblem(f"{reference} {what}; data are {_LAYOUT}.")
    arrays = read_arrays(
        path,
        "data file",
        mend=None if not path.exists() else "write it again with numpy.savez",
        most=_bound(path),
        follow=True,
        texts=True,
    )
    usual = {} if "name" in arrays else {"name": _name(path.stem)}
    return dataset_of(arrays, reference, {**usual, **told}, seed=deal)


def stamp_of(reference: str) -> tuple[Any, ...]:
    """Return what changes when data of the user's own are written to, without reading them.

    Raises:
        FileProblem: a file or folder is not there.
    """
    code = CodeFile.parse(reference)
    path = Path(reference).expanduser() if code is None else code.path
    try:
        found = [(str(path), path.stat())]
        for folder, _, files in os.walk(path):
            found += [(one, os.stat(one)) for one in (os.path.join(folder, f) for f in files)]
    except (OSError, ValueError):
        raise FileProblem(
            f"There are no data at {reference}; restore them, or say where they are now."
        ) from None
    return tuple(sorted((name, facts.st_mtime_ns, facts.st_size) for name, facts in found))


def _bound(path: Path) -> int:
    """Bytes that a file's arrays may take: no more than honest packing explains."""
    try:
        size = path.stat().st_size
    except (OSError, ValueError):  # told by whoever reads it
        return _MOST
    return min(_MOST, max(_USUAL, _SQUEEZED * size))


def _name(stem: str) -> str:
    """A name for a set that follows from that of a file, a folder or a function."""
    try:
        name = check_name(stem, "data set")
    except SettingError:
        name = "own"
    return f"{name}-own" if name in DATASETS else name


def _called(code: CodeFile, told: Mapping[str, Any], seed: int) -> Dataset:
    """The data set that a function returns."""
    made = code()
    if isinstance(made, Dataset):
        renamed = {key: told[key] for key in ("name", "reference") if key in told}
        return replace(made, spec=replace(made.spec, **renamed))
    if isinstance(made, tuple) and len(made) == 2:
        made = {"x": made[0], "y": made[1]}
    if not isinstance(made, Mapping):
        raise InputError(
            f"{code}() must return a Dataset, (x, y), or a table of arrays such as "
            f'{{"x_test": ..., "y_test": ...}}; got {type(made).__name__}.'
        )
    usual = {} if "name" in made else {"name": _name(code.function)}
    return dataset_of(made, f"{code}()", {**usual, **told}, seed=seed)
