"""`fashion-mnist`: 70 000 photographs of clothes, 28x28 grey levels, read from the IDX files."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from spikeproof.base import FileProblem
from spikeproof.data.domain import Domain
from spikeproof.data.files import Published, Source

__all__ = ["FashionMnist"]

_FILES = {
    "train-images-idx3-ubyte.gz": (
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
    ),
    "train-labels-idx1-ubyte.gz": (
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
    ),
    "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}


@dataclass(frozen=True, kw_only=True)
class FashionMnist:
    """Read Fashion-MNIST from the four published files.

    Args:
        published: The files and their hashes.
    Returns:
        From a call with a folder: grey levels, uint8 ``(N, 1, 28, 28)``, and class numbers; the
        first 60 000 are the official training part.
    Raises:
        FileProblem: a file is absent, truncated or changed, or not an IDX file.
    Cost:
        About one second to check and unpack 31 MB.
    References:
        xiao2017fashion
    Example:
        >>> FashionMnist().domain.shape
        (1, 28, 28)
    """

    published: Source = field(
        default_factory=lambda: Source(
            files=_FILES,
            places=("fashion-mnist", "FashionMNIST/raw", "."),
            url="https://github.com/zalandoresearch/fashion-mnist",
        )
    )

    @property
    def domain(self) -> Domain:
        """Legal photographs."""
        return Domain(kind="image", shape=(1, 28, 28))

    def __call__(self, folder: Path) -> Published:
        """The items in ``folder``."""
        x, y = [], []
        for part in ("train", "t10k"):
            x.append(self._read(folder, f"{part}-images-idx3-ubyte.gz")[:, None])
            y.append(self._read(folder, f"{part}-labels-idx1-ubyte.gz").long())
        return Published(torch.cat(x), torch.cat(y), official=len(y[0]))

    def _read(self, folder: Path, name: str) -> Tensor:
        """The array of one file."""
        return _idx(self.published.read(folder, name), name)


def _idx(packed: bytes, name: str) -> Tensor:
    """The uint8 array of a gzipped IDX file: two zeros, type, rank, sizes, then the bytes."""
    try:
        content = gzip.decompress(packed)
        zeros, kind, rank = struct.unpack(">HBB", content[:4])
        shape = struct.unpack(f">{rank}I", content[4 : 4 + 4 * rank])
    except (OSError, EOFError, zlib.error, struct.error) as problem:
        raise FileProblem(f"{name} is not a gzipped IDX file ({problem}).") from None
    if (zeros, kind) != (0, 8) or len(content) != 4 + 4 * rank + math.prod(shape):
        raise FileProblem(
            f"{name} is not an IDX file of bytes: its head announces type {kind} and shape "
            f"{shape}, and {len(content) - 4 - 4 * rank} bytes follow."
        )
    return torch.from_numpy(
        np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape).copy()
    )
