"""How much a sparse-gradient training step costs beside a plain one, in time and in memory.

A plain step is one forward and one backward to the weights, about 1 + 2 units. A sparse-gradient
step is two forwards, one backward to the input and the backward of both forwards, 2 + 1 + 4, so
its floor is 7/3 where a backward pass to the input costs as much as a forward. Target: at most
2.6. One thread, and processor seconds instead of wall-clock ones, so that other work on the
machine does not count; on an idle machine the two agree.

Time is given twice: under the C library's own settings, and with ``KEPT`` in the
environment. By itself glibc hands large blocks back to the system after every step and pays for
them again, page by page, in the next one; the more a step needs, the more so.

Memory is given twice as well. ``graph_mb``: bytes of the distinct tensors that autograd has saved
when the backward pass begins, without the parameters; this is exact and grows with the timesteps.
``process_mb``: how far the resident size of a fresh process grows at its peak within one
training step, after a step on two items has brought in everything that does not depend on the
batch; it includes what the backward pass makes and what the allocator keeps. Linux only.

    python benchmarks/sr_step.py
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from harness import compare, elsewhere, interleaved, judged, write
from torch import Tensor

import spikeproof as sp
from spikeproof.data import Split
from spikeproof.models import Network
from spikeproof.train import TrainingSettings

BATCH = 64
TARGET = 2.6
FLOOR = 7 / 3
PLAIN = sp.Objective({"error": (1.0, sp.CrossEntropy())})
SPARSE = sp.Objective({"error": (1.0, sp.CrossEntropy()), "sparse": (0.1, sp.SparseGradient())})
OBJECTIVES = {"plain": PLAIN, "sparse gradient": SPARSE}
KEPT = {"MALLOC_TRIM_THRESHOLD_": str(2**31), "MALLOC_MMAP_THRESHOLD_": str(2**30)}
CASES = [("digits", 2), ("digits", 4), ("digits", 8), ("digits-events", None)]


def prepare(name: str, timesteps: int | None, items: int = BATCH) -> tuple[Network, Split]:
    """A fresh small network for a data set, and one batch."""
    data = sp.load(name)
    return sp.build("cnn-small", data, timesteps=timesteps), data.train[:items]


def stepper(model: Network, batch: Split, objective: sp.Objective) -> Callable[[], None]:
    """One update of the weights, exactly as ``fit`` does it."""
    parameters = list(model.parameters())
    optimizer = TrainingSettings().make_optimizer(parameters)

    def step() -> None:
        loss, _ = objective(model, batch.x, batch.y)
        torch.autograd.backward(loss, inputs=parameters)
        torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
        optimizer.step()
        optimizer.zero_grad()

    return step


def label(name: str, timesteps: int | None, model: Network) -> str:
    """How a case is called in the table."""
    steps = timesteps if timesteps is not None else model.spec.domain.shape[0]
    return f"cnn-small, {name}, T={steps}, N={BATCH}"


def timing(allocator: str) -> list[dict[str, Any]]:
    """Sparse-gradient step against plain step, interleaved, under this process's allocator."""
    rows = []
    for name, timesteps in CASES:
        work = {}
        for kind, objective in OBJECTIVES.items():
            model, batch = prepare(name, timesteps)
            work[kind] = stepper(model, batch, objective)
        taken = interleaved(work, rounds=15, clock=time.process_time)
        row = compare(
            f"{label(name, timesteps, model)}, {allocator}",
            "plain step",
            (taken["sparse gradient"], taken["plain"]),
        )
        rows.append({**judged(row, TARGET), "floor": FLOOR})
    return rows


def graph_bytes(model: Network, batch: Split, objective: sp.Objective) -> int:
    """Bytes of the distinct storages autograd keeps for the last backward, without parameters."""
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss, _ = objective(model, batch.x, batch.y)
    assert loss.requires_grad  # keeps every saved tensor alive, so no address is counted twice
    return sum(kept.values())


def process_bytes(name: str, timesteps: int | None, kind: str) -> int:
    """Growth of the resident size up to its peak within one step; for a fresh process."""
    model, batch = prepare(name, timesteps)
    stepper(model, batch[:2], OBJECTIVES[kind])()
    step = stepper(model, batch, OBJECTIVES[kind])
    # The peak so far belongs to the imports and the data; Linux lets a process forget it.
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmHWM")
    step()
    return resident("VmHWM") - before


def resident(field: str) -> int:
    """A size from the process's own status, in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


def memory() -> list[dict[str, Any]]:
    """Peak memory of a training step per model, number of time steps and objective."""
    rows = []
    for name, timesteps in CASES:
        for kind, objective in OBJECTIVES.items():
            model, batch = prepare(name, timesteps)
            process = elsewhere(__file__, "memory", name, timesteps, kind)
            rows.append(
                {
                    "work": f"{label(name, timesteps, model)}, {kind}",
                    "graph_mb": graph_bytes(model, batch, objective) / 1e6,
                    "process_mb": process / 1e6,
                }
            )
    return rows


def measure(what: str, *arguments: Any) -> Any:
    """One part of the benchmark, in one thread."""
    torch.set_num_threads(1)
    return {"timing": timing, "memory": process_bytes}[what](*arguments)


def main() -> None:
    """Measure and store; with an argument, measure one part and print it."""
    if len(sys.argv) > 1:
        print(json.dumps(measure(*json.loads(sys.argv[1]))))
        return
    torch.set_num_threads(1)
    rows = elsewhere(__file__, "timing", "memory returned") + elsewhere(
        __file__, "timing", "memory kept", **KEPT
    )
    clock = "processor seconds, one thread"
    write("sr_step", rows, memory=memory(), clock=clock, kept=KEPT)


if __name__ == "__main__":
    main()
