"""Files of weights with damage of every kind, and what the reader says of each."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from spikeproof.adapters import fill, read_weights
from spikeproof.base import FileProblem, InputError

__all__ = ["damaged", "network", "read_damaged", "state"]


def network() -> nn.Sequential:
    """A small network with a buffer that holds whole numbers."""
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def state() -> dict[str, Tensor]:
    """Its state."""
    return dict(network().state_dict())


def damaged(content: bytes, seeds: range) -> Iterator[bytes]:
    """Copies of a file with bytes changed, cut off, moved, repeated or added, one per seed."""
    for seed in seeds:
        draws = torch.Generator().manual_seed(seed)

        def number(most: int, draws: torch.Generator = draws) -> int:
            return int(torch.randint(max(1, most), (), generator=draws))

        copy, kind = bytearray(content), number(6)
        at = number(len(copy))
        if kind == 0:  # a few bytes, most of them where a file says what is in it
            for _ in range(1 + number(8)):
                copy[number(min(len(copy), 2000 if number(3) else len(copy)))] = number(256)
        elif kind == 1:
            del copy[at:]
        elif kind == 2:
            del copy[at : at + 1 + number(64)]
        elif kind == 3:
            copy[at:at] = copy[at // 2 : at // 2 + 1 + number(64)]
        elif kind == 4:
            copy[at : at + 8] = bytes(number(256) for _ in range(8))
        else:
            copy[-(1 + number(80))] ^= 1 << number(8)
        yield bytes(copy)


def files(folder: Path) -> list[bytes]:
    """A whole file of each format."""
    made = [io.BytesIO(), io.BytesIO()]
    torch.save({"state_dict": state()}, made[0])
    torch.save(state(), made[1], _use_new_zipfile_serialization=False)
    safetensors.torch.save_file(state(), folder / "w.safetensors")
    return [*(one.getvalue() for one in made), (folder / "w.safetensors").read_bytes()]


def read_damaged(folder: Path, count: int) -> dict[str, int]:
    """Read so many damaged files of each format; how many were taken, and how many refused."""
    ends, sentences = {"taken": 0, "refused": 0}, []
    path = folder / "damaged"
    for content in files(folder):
        for copy in damaged(content, range(count)):
            path.write_bytes(copy)
            try:
                fill(network(), read_weights(path).tensors, "w", "a.py:b")
            except (FileProblem, InputError) as problem:
                sentences.append(str(problem))
                ends["refused"] += 1
            else:
                ends["taken"] += 1
    assert all("\n" not in one and len(one) < 1000 for one in sentences)
    return ends
