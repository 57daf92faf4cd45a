"""Code of a user run in this process, which is left as it was."""

from __future__ import annotations

import io
import os
import random
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import Any

import numpy as np
import torch

__all__ = ["Printed", "printing_kept", "process_kept"]

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
