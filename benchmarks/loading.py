"""What items that stay on disk cost a training: memory whatever the size of the set, and time.

Ours: ``ItemsOnDisk`` over bytes of 10 x 2 x 34 x 34, as recordings of N-MNIST are cached, fetched
by the loader of a training in batches of 32, in random order. Memory: the anonymous part of the
resident size (pages of the mapped file are the system's to take back) that an epoch over 1,000 and
over 8,000 items adds at its peak, after an epoch that allocates what stays. Time: one batch against
the forward and backward pass of the smallest event network on it, processor seconds, one thread. A
loader that takes a twentieth of a step or less leaves nothing for workers that run ahead of it.

    python benchmarks/loading.py
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from harness import compare, interleaved, judged, write
from torch import nn

from spikeproof.data import Domain, ItemsOnDisk, Split
from spikeproof.models import ModelSpec, build
from spikeproof.train.loop.loader import Loader

SHAPE, BATCH, FEW, MANY = (10, 2, 34, 34), 32, 1000, 8000
MORE, SHARE = 8.0, 0.05
DOMAIN = Domain(kind="events", shape=SHAPE, high=255.0, integer=True)


def on_disk(folder: Path, items: int) -> Split:
    """A set of random recordings, a tenth of whose cells hold an event."""
    path, draws = folder / f"{items}.npy", np.random.default_rng(0)
    out = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(items, *SHAPE))
    for first in range(0, items, 500):
        out[first : first + 500] = draws.random((500, *SHAPE), dtype=np.float32) < 0.1
    out.flush()
    del out
    stored = torch.from_numpy(np.load(path, mmap_mode="c"))
    x = ItemsOnDisk(stored, torch.arange(items), SHAPE, lambda part: part.float())
    return Split(x, torch.arange(items) % 10, torch.arange(items))


def anonymous() -> int:
    """Bytes of this process that no file holds."""
    with open("/proc/self/status", encoding="utf-8") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) * 1024


def loader(model: nn.Module, items: Split) -> Loader:
    """The loader of a run of one epoch."""
    return Loader(
        model=model, items=items, domain=DOMAIN, augment=(), seed=0, epochs=1,
        device=torch.device("cpu"),
    )  # fmt: skip


def epoch(model: nn.Module, items: Split) -> Iterator[torch.Tensor]:
    """The batches of an epoch in random order."""
    order = torch.randperm(len(items), generator=torch.Generator().manual_seed(0)).split(BATCH)
    return (step.x for step in loader(model, items).steps(1, order))


def peak(model: nn.Module, items: Split) -> float:
    """MiB that an epoch adds at its peak."""
    before, most = anonymous(), 0
    for _ in epoch(model, items):
        most = max(most, anonymous() - before)
    return most / 2**20


def main() -> None:
    """Measure and store."""
    torch.set_num_threads(1)
    model = build(ModelSpec(name="cnn-events", domain=DOMAIN, classes=10, width=4), seed=0)
    error = nn.CrossEntropyLoss()
    with tempfile.TemporaryDirectory() as place:
        few, many = (on_disk(Path(place), items) for items in (FEW, MANY))
        list(epoch(model, few))  # what is allocated once
        peaks = {FEW: peak(model, few), MANY: peak(model, many)}
        batches = epoch(model, many)
        x, y = next(batches), torch.arange(BATCH) % 10
        taken = interleaved(
            {
                "batch": lambda: next(batches),
                "step": lambda: error(model(x), y).backward(),
            },
            rounds=3, seconds=0.1, least=2, clock=time.process_time,
        )  # fmt: skip
    row = compare(
        f"a batch of {BATCH} recordings from disk",
        "a training step",
        (taken["batch"], taken["step"]),
    )
    memory = {"peak_mib": peaks, "more_mib": MORE, "met": peaks[MANY] <= peaks[FEW] + MORE}
    write("loading", [judged(row, SHARE)], clock="processor seconds, one thread", peaks=memory)
    told = "met" if memory["met"] else "MISSED"
    print(f"  peak of an epoch: {peaks} MiB, at most {MORE:g} more: {told}")


if __name__ == "__main__":
    main()
