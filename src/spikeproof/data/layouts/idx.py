"""IDX files, the layout of MNIST."""

from __future__ import annotations

import math
import struct
import zlib

import numpy as np
import torch
from torch import Tensor

from spikeproof.base import FileProblem

__all__ = ["read_idx"]

_MOST = 1 << 30  # bytes that a file may unfold to


def read_idx(packed: bytes, name: str) -> Tensor:
    """Return the array of a gzipped IDX file: two zeros, type, rank, sizes, then the bytes.

    Args:
        packed: The file.
        name: What an error calls it.
    Returns:
        uint8, of the shape that the file says.
    Raises:
        FileProblem: it is no gzipped IDX file of bytes.
    Example:
        >>> import gzip
        >>> head = bytes([0, 0, 8, 1, 0, 0, 0, 2])
        >>> read_idx(gzip.compress(head + bytes([3, 4])), "two.gz").tolist()
        [3, 4]
    """
    try:
        unpacking = zlib.decompressobj(31)  # gzip
        content = unpacking.decompress(packed, _MOST)
        if not unpacking.eof:
            raise EOFError("it ends early, or unfolds to more than a gigabyte")
        zeros, kind, rank = struct.unpack(">HBB", content[:4])
        shape = struct.unpack(f">{rank}I", content[4 : 4 + 4 * rank])
    except (EOFError, zlib.error, struct.error) as problem:
        raise FileProblem(f"{name} is not a gzipped IDX file ({problem}).") from None
    if (zeros, kind) != (0, 8) or len(content) != 4 + 4 * rank + math.prod(shape):
        raise FileProblem(
            f"{name} is not an IDX file of bytes: its head announces type {kind} and shape "
            f"{shape}, and {len(content) - 4 - 4 * rank} bytes follow."
        )
    return torch.from_numpy(
        np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape).copy()
    )
