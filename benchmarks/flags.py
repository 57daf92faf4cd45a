"""What the checks before and after attacks cost: ``flags_before`` and ``review`` in a quick audit.

Ours: ``flags_before`` on the items of the audit, and ``review`` of its outcomes. Against: ``audit``
with the suite ``quick``, checks included, of a ``cnn-small`` trained for three epochs on digits:
50 items under every standard ladder, and 200 under one threat at one radius, the least that anybody
asks for. Target: at most 3 %. Processor seconds, one thread; about a minute of them.

    python benchmarks/flags.py
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

import torch
from harness import compare, interleaved, judged, write
from torch import nn

import spikeproof as sp
from spikeproof.data import Dataset, Split
from spikeproof.evaluate import Audit, audit, flags_before, open_test, review
from spikeproof.threats import Linf, Threat
from spikeproof.train import CrossEntropy, Objective, fit

TARGET, EPOCHS = 0.03, 3


def cases(data: Dataset) -> Iterator[tuple[str, list[Threat] | None, int]]:
    """What is audited, and on how many items."""
    yield "every standard ladder", None, 50
    yield "one threat at one radius", [Threat(Linf(), 8 / 255, data.domain)], 200


def flags(model: nn.Module, data: Dataset, split: Split, found: Audit) -> None:
    """All checks of an audit."""
    flags_before(model, split.x, split.y, data.domain)
    review(found.outcomes)


def main() -> None:
    """Measure and store."""
    torch.set_num_threads(1)
    data = sp.load("digits")
    model, rows = sp.build("cnn-small", data, width=4, timesteps=4), []
    fit(model, data, Objective({"error": (1.0, CrossEntropy())}), epochs=EPOCHS, seed=0)
    for title, threats, items in cases(data):
        split = open_test(data, items)
        whole = partial(audit, model, data, threats, "quick", items=items)
        work = {"ours": partial(flags, model, data, split, whole()), "audit": whole}
        taken = interleaved(work, rounds=3, least=1, clock=time.process_time)
        row = compare(f"flags, {title}", "quick audit", (taken["ours"], taken["audit"]))
        rows.append({**judged(row, TARGET), "items": items})
    write("flags", rows, clock="processor seconds, one thread")


if __name__ == "__main__":
    main()
