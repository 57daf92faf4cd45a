"""`cifar10`: 60 000 colour photographs, 32x32, read from any of three forms, never unpickled."""

from __future__ import annotations

import io
import lzma
import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files as package_files
from pathlib import Path

import numpy as np
import torch

from spikeproof.base import FileProblem, read_json
from spikeproof.data.domain import Domain
from spikeproof.data.files import Published, Source

__all__ = ["BATCHES", "FORMS", "Cifar10"]

BATCHES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")

FORMS: Mapping[str, tuple[str, ...]] = {
    "binary": ("cifar-10-batches-bin", "cifar10", "."),
    "python": ("cifar-10-batches-py", "cifar10", "."),
    "packed": ("cifar10", "."),
}
"""Form → where its files may lie inside the user's folder, in the order in which they are tried."""

_URL = "https://www.cs.toronto.edu/~kriz/cifar.html"
_SIDE = 32
_PLANE = _SIDE * _SIDE

Batch = tuple[np.ndarray, np.ndarray]


@cache
def _sources() -> dict[str, Source]:
    """The three forms with the hashes of their files."""
    path = Path(str(package_files("spikeproof.data").joinpath("cifar10.json")))
    hashes = read_json(path, "file of hashes")
    return {
        form: Source(files=hashes[form], places=places, url=_URL) for form, places in FORMS.items()
    }


@dataclass(frozen=True, kw_only=True)
class Cifar10:
    """Read CIFAR-10 from the official binary files, the official Python files, or packed ones.

    The Python files are pickles. They are compared with the hash of the official ones and read as
    what they then are, a list of bytes at known places; nothing in them is ever executed. The
    packed form has one ``.mrx.xz`` file per official batch: three planes G, R - G, B - G, each
    the residual, modulo 256, of the median edge detector

        predict(a left, b above, c above left) = min(a, b) if c >= max(a, b),
                                                 max(a, b) if c <= min(a, b), else a + b - c

    and the labels in ``labels.npz``.

    Args:
        forms: Form → its files and their hashes; the first form that is there is read.
    Returns:
        From a call with a folder: levels, uint8 ``(N, 3, 32, 32)``, and class numbers; the first
        50 000 are the official training part. All forms give the same bytes.
    Raises:
        FileProblem: a file is absent, truncated or changed.
    Cost:
        Under a second for the official forms, some ten for the packed one.
    References:
        krizhevsky2009
    Example:
        >>> Cifar10().domain.shape
        (3, 32, 32)
    """

    forms: Mapping[str, Source] = field(default_factory=_sources)

    @property
    def published(self) -> Source:
        """The form to name where none is there."""
        return self.forms["binary"]

    @property
    def domain(self) -> Domain:
        """Legal photographs."""
        return Domain(kind="image", shape=(3, _SIDE, _SIDE))

    def __call__(self, folder: Path) -> Published:
        """The items in ``folder``."""
        there = [form for form, source in self.forms.items() if source.present(folder)]
        form = there[0] if there else "binary"
        batches = [_READERS[form](self.forms[form], folder, name) for name in BATCHES]
        x = np.concatenate([x for x, _ in batches])
        y = np.concatenate([y for _, y in batches]).astype(np.int64)
        return Published(
            torch.from_numpy(x), torch.from_numpy(y), official=len(y) - len(batches[-1][1])
        )


def _binary(source: Source, folder: Path, name: str) -> Batch:
    """Records of one label and 3072 levels, channel by channel."""
    records = np.frombuffer(source.read(folder, f"{name}.bin"), np.uint8)
    if len(records) % (1 + 3 * _PLANE):
        raise FileProblem(f"{name}.bin does not hold whole records of {1 + 3 * _PLANE} bytes.")
    table = records.reshape(-1, 1 + 3 * _PLANE)
    return table[:, 1:].reshape(-1, 3, _SIDE, _SIDE), table[:, 0]


def _python(source: Source, folder: Path, name: str) -> Batch:
    """The labels and the one long string of levels in the bytes of a pickle of 2009."""
    content = source.read(folder, name)
    # Each label is 'K' and a byte; 'T' and a length open the string.
    start = content.find(b"labels")
    listed = re.search(rb"\]q.((?:\((?:K[\x00-\x09])+e)+)", content[start:], re.DOTALL)
    levels = content.find(b"tb\x89T")
    if start < 0 or listed is None or levels < 0:
        raise FileProblem(f"{name} is not a batch of the Python version of CIFAR-10.")
    y = np.frombuffer(re.sub(rb"[(eK]", b"", listed[1]), np.uint8)
    (length,) = struct.unpack("<i", content[levels + 4 : levels + 8])
    x = np.frombuffer(content[levels + 8 : levels + 8 + length], np.uint8)
    if len(x) != length or length != 3 * _PLANE * len(y):
        raise FileProblem(f"{name} holds {len(x)} levels for {len(y)} labels.")
    return x.reshape(-1, 3, _SIDE, _SIDE), y


def _packed(source: Source, folder: Path, name: str) -> Batch:
    """The levels of one packed batch, and its share of the labels."""
    content = source.read(folder, f"{name}.mrx.xz")
    with np.load(io.BytesIO(source.read(folder, "labels.npz")), allow_pickle=False) as labels:
        train, test = labels["train"], labels["test"]
    try:
        planes = np.frombuffer(lzma.decompress(content), np.uint8)
    except lzma.LZMAError as problem:
        raise FileProblem(f"{name}.mrx.xz cannot be unpacked ({problem}).") from None
    y = test if name == "test_batch" else np.split(train, 5)[BATCHES.index(name)]
    if planes.size != 3 * _PLANE * len(y):
        raise FileProblem(f"{name}.mrx.xz holds {planes.size} levels for {len(y)} labels.")
    return _unpredicted(planes.reshape(3, len(y), _SIDE, _SIDE)), y


def _unpredicted(residual: np.ndarray) -> np.ndarray:
    """Levels ``(N, 3, H, W)`` from the residuals ``(3, N, H, W)`` of G, R - G and B - G."""
    # Items last, so that a pixel of all items is one run of memory.
    steps = np.ascontiguousarray(residual.transpose(0, 2, 3, 1)).astype(np.int16)
    green = _plane(steps[0], None)
    red, blue = _plane(steps[1], green), _plane(steps[2], green)
    return np.ascontiguousarray(np.stack([red, green, blue]).astype(np.uint8).transpose(3, 0, 1, 2))


def _plane(steps: np.ndarray, green: np.ndarray | None) -> np.ndarray:
    """One channel ``(H, W, N)``; what was predicted is the channel, or its difference to green."""
    said = np.zeros_like(steps)
    for i in range(_SIDE):
        for j in range(_SIDE):
            step = _guess(said, i, j) + steps[i, j]
            level = step & 255 if green is None else (step + green[i, j]) & 255
            said[i, j] = level if green is None else level - green[i, j]
    return said if green is None else said + green


def _guess(said: np.ndarray, i: int, j: int) -> np.ndarray:
    """The median edge detector's prediction of pixel (i, j)."""
    if not i or not j:
        before = said[i, j - 1] if j else said[i - 1, 0]
        return np.zeros_like(said[0, 0]) if not (i or j) else before
    left, above, corner = said[i, j - 1], said[i - 1, j], said[i - 1, j - 1]
    # The median of a, b and a + b - c is the rule above in one line.
    low, high = np.minimum(left, above), np.maximum(left, above)
    guess: np.ndarray = np.clip(left + above - corner, low, high)
    return guess


_READERS: Mapping[str, Callable[[Source, Path, str], Batch]] = {
    "binary": _binary,
    "python": _python,
    "packed": _packed,
}
