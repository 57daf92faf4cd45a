"""Code of a user run in this process, which is left as it was."""

from __future__ import annotations

import importlib
import io
import os
import random
import sys
import sysconfig
import types
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

__all__ = ["Printed", "imports_from", "installed", "printing_kept", "process_kept"]

_STARTS = 640  # bytes of what was printed that are remembered


@contextmanager
def process_kept(name: str) -> Iterator[None]:
    """Put back what code of a user likes to set for its whole process.

    Arguments, standard input, the working folder, torch's defaults, and the generators of torch,
    NumPy and Python. Inside, these begin with seed 0, so that the same code makes the same thing.

    Args:
        name: What the code is called, its only argument.
    Example:
        >>> before = torch.get_rng_state()
        >>> with process_kept("nets.py"):
        ...     _ = torch.rand(3)
        >>> torch.equal(torch.get_rng_state(), before)
        True
    """
    argv, stdin, folder = sys.argv, sys.stdin, os.getcwd()
    dtype, grad, threads = (
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        torch.get_num_threads(),
    )
    own, arrays, draws = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    # Its own name alone: options of ours are none of a script's that reads them when imported.
    sys.argv, sys.stdin = [name], io.StringIO()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what a library says of itself is for its user
            torch.default_generator.manual_seed(0)
            random.seed(0)
            np.random.seed(0)  # noqa: NPY002
            yield
    finally:
        torch.set_rng_state(draws)
        random.setstate(own)
        np.random.set_state(arrays)  # noqa: NPY002
        sys.argv, sys.stdin = argv, stdin
        torch.set_default_dtype(dtype)
        torch.set_grad_enabled(grad)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        with suppress(OSError):
            os.chdir(folder)


@contextmanager
def imports_from(folder: Path, modules: Mapping[str, Path]) -> Iterator[None]:
    """Inside, imports begin in a folder, and meet no module of another one.

    Afterwards the path of imports and the table of modules are as before, so that the next file
    of a user imports what lies beside it, whatever an earlier one imported by the same name.

    Args:
        folder: Where imports are looked for first.
        modules: Dotted name → file of the modules there that may be imported.
    Example:
        >>> import sys
        >>> before = list(sys.path)
        >>> with imports_from(Path(), {}):
        ...     sys.path == before
        False
        >>> sys.path == before
        True
    """
    before = dict(sys.modules)
    for name, path in modules.items():
        place = getattr(sys.modules.get(name), "__file__", None)
        if name in sys.modules and (place is None or Path(place).resolve() != path.resolve()):
            # Another folder's file of this name; the user means the one beside.
            del sys.modules[name]
    path_before, root = list(sys.path), folder.resolve()
    sys.path.insert(0, str(root))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = path_before
        for name in [name for name in sys.modules if name not in before]:
            if name in modules or _lies_in(root, sys.modules[name]):
                del sys.modules[name]
        sys.modules.update({name: before[name] for name in modules if name in before})


def installed(path: Path) -> bool:
    """Whether a file belongs to Python or to an installed package.

    Example:
        >>> installed(Path(io.__file__)), installed(Path("mine.py"))
        (True, False)
    """
    path = path.resolve()
    if {"site-packages", "dist-packages"} & set(path.parts):
        return True
    names = ("stdlib", "platstdlib")
    return any(path.is_relative_to(Path(sysconfig.get_path(name)).resolve()) for name in names)


def _lies_in(root: Path, module: types.ModuleType) -> bool:
    """Whether a module that nobody named came from a folder."""
    place = getattr(module, "__file__", None)
    if not isinstance(place, str) or installed(Path(place)):
        return False
    ours = module.__name__.partition(".")[0] == __name__.partition(".")[0]
    return not ours and Path(place).resolve().is_relative_to(root)


@contextmanager
def printing_kept() -> Iterator[Printed]:
    """Keep what is printed inside from the streams, and count it.

    Example:
        >>> with printing_kept() as printed:
        ...     print("hello")
        >>> printed.count, printed.start
        (6, b'hello\\n')
    """
    sink = Printed()
    heard = io.TextIOWrapper(  # type: ignore[type-var]
        sink, encoding="utf-8", errors="replace", write_through=True
    )
    with redirect_stdout(heard), redirect_stderr(heard):
        yield sink


class Printed(io.RawIOBase):
    """Takes everything that is written to it and remembers how much, and how it began."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.start = b""

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, content: Any) -> int:
        """Count, and keep the first few bytes."""
        seen = bytes(content)
        self.count += len(seen)
        self.start += seen[: max(0, _STARTS - len(self.start))]
        return len(seen)
