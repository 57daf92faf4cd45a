"""A NIR file, damaged in many ways, and what became of each."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from unittest import mock

import numpy as np
import torch

from spikeproof.adapters import from_nir, nir_file
from spikeproof.base import SpikeproofError

__all__ = ["forking", "read_damaged"]


def read_damaged(folder: Path, files: int, *, seed: int = 0) -> Counter[str]:
    """Read a file with 1, 3 or 30 bytes changed, every fourth also cut; say how often each end.

    Every refusal is one sentence of ours that says it is about a NIR file.
    """
    import nir

    one = np.ones(3)
    whole = nir.NIRGraph.from_list(
        nir.Affine(weight=np.eye(3), bias=one),
        nir.LIF(tau=one, r=one, v_leak=0 * one, v_threshold=one),
        nir.Linear(weight=np.eye(3)),
    )
    path = folder / "net.nir"
    nir.write(path, whole)
    content, draws, ends = path.read_bytes(), random.Random(seed), Counter[str]()
    for number in range(files):
        damaged = bytearray(content)
        for _ in range(draws.choice((1, 3, 30))):
            damaged[draws.randrange(len(damaged))] = draws.randrange(256)
        if number % 4 == 0:
            del damaged[draws.randrange(len(damaged)) :]
        path.write_bytes(damaged)
        ends[_end(path)] += 1
    return ends


def _end(path: Path) -> str:
    """How reading it ended."""
    try:
        net = from_nir(path, reset="zero")
    except SpikeproofError as problem:
        said = str(problem)
        assert said.strip() and "\n" not in said and "NIR" in said, said
        return "refused"
    try:
        with torch.no_grad():
            net(torch.zeros(2, 1, 3))
    except (SpikeproofError, RuntimeError):  # a readable graph whose shapes do not fit
        return "does not run"
    return "read"


@contextmanager
def forking() -> Iterator[None]:
    """Inside, the second process that reads a file is a fork instead of a fresh Python.

    The same code under the same bounds, without half a second of start-up per file.
    """
    import h5py

    assert h5py  # imported before the first fork, so that none has to
    with mock.patch.object(nir_file.subprocess, "run", _forked):
        yield


def _forked(
    arguments: list[str], *, input: bytes, **bounds: Any
) -> subprocess.CompletedProcess[bytes]:
    """What ``subprocess.run`` returns, for the one program that is run here."""
    assert arguments == [sys.executable, nir_file.__file__]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            _exit_as_python(lambda: nir_file._read(input), out, err)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        for file in (out, err):
            file.seek(0)
        return subprocess.CompletedProcess(arguments, status, out.read(), err.read())


def _exit_as_python(work: Callable[[], None], out: BinaryIO, err: BinaryIO) -> None:
    """Run it in this process, and end that as a Python would."""
    code = 1
    try:
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        sys.stdout = os.fdopen(1, "w")
        work()
        sys.stdout.flush()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
        os.write(2, str(end.code).encode())
    except BaseException as problem:
        os.write(2, repr(problem).encode())
    finally:
        os._exit(code)
