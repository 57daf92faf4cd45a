"""Named tensors and plain data in one safetensors file, with one hash over both."""

from __future__ import annotations

import io
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from spikeproof.base import (
    FileProblem,
    digest,
    digest_arrays,
    open_regular,
    parse_json,
    say_once,
    write_atomic,
)

__all__ = [
    "Stored",
    "parse_tensors",
    "read_stored",
    "read_tensors",
    "tensors_sha256",
    "write_tensors",
]

# One metadata key only: the library does not fix the order of several, and equal content must
# give equal bytes.
_KEY = "spikeproof"
_SEAL = "sha256"
# What headers held before they held a hash.
_UNSEALED = {"schema", "model", "identity", "progress", "tensors_sha256", "versions", "about"}
_HEADER = 1 << 24  # bytes
_KINDS: dict[str, torch.dtype] = {
    "BOOL": torch.bool, "U8": torch.uint8, "I8": torch.int8, "I16": torch.int16,
    "I32": torch.int32, "I64": torch.int64, "F16": torch.float16, "BF16": torch.bfloat16,
    "F32": torch.float32, "F64": torch.float64,
}  # fmt: skip


@dataclass(frozen=True)
class Stored:
    """A safetensors file whose header was read, and no tensor yet.

    Args:
        path: The file.
        what: What it is called in an error.
        header: Our plain data in it.
        shapes: Tensor name → type and shape; together they fill the file.
        content: All bytes.
    """

    path: Path
    what: str
    header: dict[str, Any]
    shapes: Mapping[str, tuple[torch.dtype, tuple[int, ...]]]
    content: bytes

    def tensors(self) -> dict[str, Tensor]:
        """The tensors, after the hash over them and the header was compared.

        Raises:
            FileProblem: the file is not what was written.
        """
        try:
            tensors = safetensors.torch.load(self.content)
        except (SafetensorError, ValueError, TypeError, RuntimeError) as problem:
            raise _broken(self.path, self.what, str(problem)) from None
        rest = {key: value for key, value in self.header.items() if key != _SEAL}
        if rest.keys() <= _UNSEALED and _SEAL not in self.header:
            say_once(
                "tensors without a hash",
                f"{self.path} was written by a version that kept no hash of weights in their file; "
                "it is read as it is.",
            )
        elif self.header.get(_SEAL) != _sealed(rest, tensors):
            raise FileProblem(
                f"The {self.what} {self.path} was changed after it was written: its weights or "
                "what its header says are not those that its hash was made of; restore it from a "
                "copy or make it again."
            )
        return tensors


def write_tensors(
    path: Path, tensors: dict[str, Tensor], header: dict[str, object], *, make: bool = True
) -> None:
    """Write named tensors and a plain-data header to a safetensors file, atomically.

    The header gets one hash over all of its entries and all tensors, ``sha256``.

    Args:
        path: The file.
        tensors: By name.
        header: Plain data.
        make: Whether the folder is made if need be.
    Raises:
        FileProblem: the file cannot be written.
    """
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    rest = json.loads(json.dumps({k: v for k, v in header.items() if k != _SEAL}, allow_nan=False))
    text = json.dumps({**rest, _SEAL: _sealed(rest, contiguous)}, sort_keys=True, allow_nan=False)
    content = safetensors.torch.save(contiguous, metadata={_KEY: text})
    write_atomic(path, content, make=make)


def read_tensors(
    path: Path, what: str = "model file"
) -> tuple[dict[str, Tensor], dict[str, object]]:
    """Read tensors and header of a safetensors file; FileProblem where it is not whole."""
    stored = read_stored(path, what)
    header = {key: value for key, value in stored.header.items() if key != _SEAL}
    return stored.tensors(), header


def read_stored(path: Path | str, what: str = "model file") -> Stored:
    """Read the header of a safetensors file and see that its tensors fill the file.

    Raises:
        FileProblem: no such file, none of ours, truncated, or of a header that is beyond bounds.
    """
    path = Path(path)
    with open_regular(path, what, follow=True) as stream:
        return _read(path, what, stream, os.fstat(stream.fileno()).st_size)


def parse_tensors(content: bytes, path: Path, what: str) -> dict[str, Tensor]:
    """Return the tensors of any safetensors file, ours or not, whose bytes were read.

    Args:
        content: The bytes.
        path: Where they come from, for sentences.
        what: What the file is called there.
    Raises:
        FileProblem: it is not whole, or one of ours that was changed.
    """
    stored = _read(path, what, io.BytesIO(content), len(content), ours=False)
    if stored.header:
        return stored.tensors()
    try:
        return safetensors.torch.load(content)
    except (SafetensorError, ValueError, TypeError, RuntimeError) as problem:
        raise _broken(path, what, str(problem)) from None


def _read(path: Path, what: str, stream: BinaryIO, length: int, *, ours: bool = True) -> Stored:
    """The same of an open file; the weights are read last, when the header said that they fit."""
    room = length - 8
    start = stream.read(8)
    size = int.from_bytes(start, "little")
    if len(start) < 8 or size > min(room, _HEADER):
        raise _broken(path, what, "its header is cut off or too long")
    text = stream.read(size)
    try:
        table = parse_json(text)
        metadata = table.pop("__metadata__", {})
        shapes = _shapes(table, room - size)
        if _KEY not in metadata and ours:
            raise FileProblem(
                f"{path} was not written by spikeproof: its header has no {_KEY!r} entry."
            )
        header = parse_json(metadata[_KEY].encode()) if _KEY in metadata else {}
        if not isinstance(header, dict):
            raise ValueError(f"its {_KEY!r} entry is no table")
    except FileProblem:
        raise
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as problem:
        raise _broken(path, what, str(problem)) from None
    return Stored(path, what, header, shapes, b"".join((start, text, stream.read(room - size))))


def _shapes(table: Mapping[str, Any], room: int) -> dict[str, tuple[torch.dtype, tuple[int, ...]]]:
    """Types and shapes of tensors that lie one after the other and fill their room."""
    shapes, end = {}, 0
    for name, entry in sorted(table.items(), key=lambda pair: pair[1]["data_offsets"]):
        kind, shape = _KINDS.get(entry["dtype"]), tuple(entry["shape"])
        if kind is None:
            raise ValueError(f"tensor {name!r} is {entry['dtype']!r}, a type that is not read")
        if not all(type(length) is int and length >= 0 for length in shape):
            raise ValueError(f"tensor {name!r} has no proper shape")
        begin, stop = entry["data_offsets"]
        if begin != end or stop - begin != math.prod(shape) * kind.itemsize:
            raise ValueError(f"tensor {name!r} does not lie where its header says")
        shapes[name], end = (kind, shape), stop
    if end != room:
        raise ValueError(f"its tensors take {end:,} bytes of {room:,}")
    return shapes


def _sealed(header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """One hash over plain data and named tensors of any type."""
    return digest({"header": header, "tensors": tensors_sha256(tensors)})


def tensors_sha256(tensors: Mapping[str, Tensor]) -> str:
    """sha256 over the names, types, shapes and bytes of tensors of any type."""
    return digest_arrays(
        {
            f"{name} {tensor.dtype} {tuple(tensor.shape)}": tensor.contiguous()
            .reshape(-1)
            .view(torch.uint8)
            .numpy()
            for name, tensor in tensors.items()
        }
    )


def _broken(path: Path, what: str, why: str) -> FileProblem:
    """The sentence about a file that is not whole."""
    return FileProblem(
        f"{path} is not a whole safetensors {what} ({why}); restore it from a copy or make it "
        "again. Pickled checkpoints are never opened."
    )
