"""What workers that fetch ahead could gain on real recordings: the share of a step that loads.

Ours: the recordings of N-MNIST that are at hand, decoded into the cache and read from it row by row
as sets of more than 1 GiB are (``ItemsOnDisk``), fetched by the loader of a training in random
order. Against the whole step on the network and batch size that the set names (forward, backward,
change of the weights), and on the smallest event network: processor seconds, one thread. Workers
can hide the loading and nothing else, so the share of the first row bounds what they gain; the last
row tries it, an epoch with two threads that fetch ahead against one without, by the clock on the
wall, which other work on the machine disturbs.

    SPIKEPROOF_DATA=FOLDER python benchmarks/prefetch.py
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import torch
from harness import compare, interleaved, judged, write
from torch import Tensor, nn

from spikeproof.data import DATA_FOLDER, DATASETS, Domain, ItemsOnDisk, Split
from spikeproof.data.cache import cached
from spikeproof.data.files import chosen_folder
from spikeproof.data.sets.n_mnist import NMnist
from spikeproof.models import ModelSpec, build
from spikeproof.train.loop.loader import Loader

SHARE, WORKERS, STEPS = 0.05, 2, 16


def recordings() -> tuple[Split, Domain]:
    """The official training recordings that are there, on disk."""
    reader = NMnist()
    place = chosen_folder("n-mnist", None, reader.published.url)
    found = cached("n-mnist", {"benchmark": "prefetch"}, reader(place))
    items = torch.arange(found.official)
    x = ItemsOnDisk(found.x, items, reader.domain.shape, reader.values)
    return Split(x, found.y[: found.official], items), reader.domain


def loader(model: nn.Module, items: Split, domain: Domain) -> Loader:
    """The loader of a run of one epoch."""
    return Loader(
        model=model, items=items, domain=domain, augment=(), seed=0, epochs=1,
        device=torch.device("cpu"),
    )  # fmt: skip


def ahead(one: Loader, order: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
    """The same batches, as many as there are workers fetched before they are asked for."""

    def fetched(index: int) -> tuple[Tensor, Tensor]:
        step = one.step(1, index, len(order), order[index])
        return step.x, step.y

    with ThreadPoolExecutor(WORKERS) as pool:
        waiting: list[Future[tuple[Tensor, Tensor]]] = []
        for index in range(len(order) + WORKERS):
            if index < len(order):
                waiting.append(pool.submit(fetched, index))
            if index >= WORKERS:
                yield waiting.pop(0).result()


def measured(name: str, width: int, size: int) -> list[dict[str, object]]:
    """The rows of one network."""
    items, domain = recordings()
    model = build(ModelSpec(name=name, domain=domain, classes=10, width=width), seed=0)
    change = torch.optim.Adam(model.parameters(), lr=1e-9)
    error = nn.CrossEntropyLoss()
    drawn = torch.randperm(len(items), generator=torch.Generator().manual_seed(0))
    order = drawn.split(size)[:STEPS]
    one = loader(model, items, domain)

    def step(x: Tensor, y: Tensor) -> None:
        change.zero_grad()
        error(model(x), y).backward()
        change.step()

    def without() -> None:
        for found in one.steps(1, order):
            step(found.x, found.y)

    def with_workers() -> None:
        for x, y in ahead(one, order):
            step(x, y)

    first = next(iter(one.steps(1, order[:1])))
    taken = interleaved(
        {"load": lambda: list(one.steps(1, order)), "step": lambda: step(first.x, first.y)},
        rounds=5, seconds=0.3, least=1, clock=time.process_time,
    )  # fmt: skip
    # What is measured of a step is the step without its loading; the whole has both.
    load = [seconds / len(order) for seconds in taken["load"]]
    whole = [a + b for a, b in zip(load, taken["step"], strict=True)]
    what = f"{name} of width {width}, batches of {size}"
    row = judged(compare(f"loading in a step of {what}", "the whole step", (load, whole)), SHARE)
    epochs = interleaved({"with": with_workers, "without": without}, rounds=5, seconds=0, least=1)
    tried = (epochs["with"], epochs["without"])
    return [row, compare(f"{STEPS} steps, {WORKERS} threads ahead: {what}", "without", tried)]


def main() -> None:
    """Measure and store; without the recordings say so."""
    if not os.environ.get(DATA_FOLDER):
        print(f"prefetch: name the folder of N-MNIST in {DATA_FOLDER}; nothing was measured.")
        return
    torch.set_num_threads(1)
    own = DATASETS["n-mnist"].facts.training
    rows = measured(own["model"], own["width"], own["batch_size"])
    rows += measured("cnn-events", 4, 32)
    write("prefetch", rows, clock="processor seconds, one thread; epochs: seconds on the wall")


if __name__ == "__main__":
    main()
