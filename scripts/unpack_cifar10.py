"""Unpack CIFAR-10 from the lossless packed form that early versions read.

    python scripts/unpack_cifar10.py FOLDER TO

FOLDER holds one ``.mrx.xz`` file per official batch, and ``labels.npz``. The six official binary
files go to TO/cifar-10-batches-bin, each only if its sha256 is the published one.

A packed batch is xz over three planes G, R - G, B - G of uint8 ``(N, 32, 32)``, each the residual,
modulo 256, of the median edge detector

    predict(a left, b above, c above left) = min(a, b) if c >= max(a, b),
                                             max(a, b) if c <= min(a, b), else a + b - c
"""

from __future__ import annotations

import hashlib
import lzma
import sys
from pathlib import Path

import numpy as np

from spikeproof.data import Cifar10

SIDE = 32


def main(arguments: list[str]) -> int:
    """Unpack every batch; 1 where one does not come out as published."""
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    packed, folder = Path(arguments[0]), Path(arguments[1]) / "cifar-10-batches-bin"
    folder.mkdir(parents=True, exist_ok=True)
    for name, wanted in Cifar10().published.files.items():
        content = records(packed, name.removesuffix(".bin"))
        if hashlib.sha256(content).hexdigest() != wanted:
            print(f"{name} does not come out as it was published; not written.", file=sys.stderr)
            return 1
        (folder / name).write_bytes(content)
        print(folder / name)
    return 0


def records(packed: Path, batch: str) -> bytes:
    """The official records of a batch: a label and 3072 levels, channel by channel."""
    with np.load(packed / "labels.npz", allow_pickle=False) as labels:
        train, test = labels["train"], labels["test"]
    y = test if batch == "test_batch" else np.split(train, 5)[int(batch[-1]) - 1]
    planes = np.frombuffer(lzma.decompress((packed / f"{batch}.mrx.xz").read_bytes()), np.uint8)
    x = unpredicted(planes.reshape(3, len(y), SIDE, SIDE)).reshape(len(y), -1)
    return np.concatenate([y[:, None].astype(np.uint8), x], axis=1).tobytes()


def unpredicted(residual: np.ndarray) -> np.ndarray:
    """Levels ``(N, 3, H, W)`` from the residuals ``(3, N, H, W)`` of G, R - G and B - G."""
    # Items last, so that a pixel of all items is one run of memory.
    steps = np.ascontiguousarray(residual.transpose(0, 2, 3, 1)).astype(np.int16)
    green = plane(steps[0], None)
    red, blue = plane(steps[1], green), plane(steps[2], green)
    return np.stack([red, green, blue]).astype(np.uint8).transpose(3, 0, 1, 2)


def plane(steps: np.ndarray, green: np.ndarray | None) -> np.ndarray:
    """One channel ``(H, W, N)``; what was predicted is the channel, or its difference to green."""
    known = np.zeros_like(steps)
    for i in range(SIDE):
        for j in range(SIDE):
            step = predicted(known, i, j) + steps[i, j]
            level = step & 255 if green is None else (step + green[i, j]) & 255
            known[i, j] = level if green is None else level - green[i, j]
    return known if green is None else known + green


def predicted(known: np.ndarray, i: int, j: int) -> np.ndarray:
    """The median edge detector's prediction of pixel (i, j)."""
    if not i or not j:
        before = known[i, j - 1] if j else known[i - 1, 0]
        return before if i or j else np.zeros_like(known[0, 0])
    left, above, corner = known[i, j - 1], known[i - 1, j], known[i - 1, j - 1]
    # The median of a, b and a + b - c is the rule above in one line.
    return np.clip(left + above - corner, np.minimum(left, above), np.maximum(left, above))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
