"""How long a LIF layer takes forward and backward, and how much memory, beside its peers.

Currents of T=8 steps, 32 items, 64 channels, 32 x 32 pixels in float32 on the CPU; a dense
gradient comes back. Ours is ``Spiking(LIF(leak=0.5))`` with its default kernel. Against it, all
with the same dynamics (tau 2 without input decay, threshold 1, hard reset to 0) and the same
arctan surrogate of sharpness 2:

- a plain loop: torch operations and a custom surrogate function, as one writes it by hand;
- SpikingJelly's ``LIFNode``, many steps a call, eager and under ``torch.compile``;
- snnTorch's ``Leaky`` in a loop, which detaches its reset, so ours does so too.

This script fails unless spikes and input gradients agree first. The other shapes of surrogate are
measured against our own reference kernel, a plain loop too. ``streaming`` is the time to move the
bytes that no implementation can avoid, at the bandwidth of a copy: forward reads the currents and
writes spikes, backward reads currents and gradient and writes one gradient; five arrays, where a
copy moves two.

One thread is timed in processor seconds, two by the wall clock, which wants an idle machine.
Times of one thread are given twice where peers are concerned: under the C library's own settings,
and with ``KEPT`` in the environment, which spares whoever makes many arrays from paying for their
pages again at every call. ``graph_mb``: bytes that autograd has saved when backward begins,
without the currents. ``process_mb``: how far the resident size of a fresh process grows at its
peak above the currents and the incoming gradient; the spikes and the returned gradient are part
of it.

    pip install loguru tqdm matplotlib; pip install --no-deps spikingjelly snntorch
    python benchmarks/lif.py

A library that is not installed is left out, with a line that says so. Linux only.
"""

from __future__ import annotations

import ctypes
import gc
import importlib.metadata
import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from harness import Row, clock, compare, elsewhere, interleaved, judged, write
from peers import CONTENDERS, Run, ours, rival
from torch import Tensor

from spikeproof.neurons import SHAPES

SIZE = (8, 32, 64, 32, 32)
ROUNDS = 7
KEPT = {"MALLOC_TRIM_THRESHOLD_": str(2**31), "MALLOC_MMAP_THRESHOLD_": str(2**30)}
# Ours in units of theirs: four times as fast is a quarter.
TARGETS = {
    "plain loop": 1 / 4,
    "SpikingJelly": 1 / 4,
    "SpikingJelly, compiled": 1 / 1.2,
    "snnTorch": 1 / 8,
    "streaming": 2.5,
}
MEMORY = 1 / 3
PATIENCE_S = 240


def inputs() -> tuple[Tensor, Tensor]:
    """Currents that make about one neuron in ten fire, and a gradient for the spikes."""
    generator = torch.Generator().manual_seed(0)
    currents = torch.randn(SIZE, generator=generator).mul_(0.6).add_(0.1)
    return currents.requires_grad_(True), torch.randn(SIZE, generator=generator)


def once(run: Run, currents: Tensor, incoming: Tensor) -> tuple[Tensor, Tensor]:
    """Spikes, and the gradient that reaches the currents."""
    spikes = run(currents)
    (grad,) = torch.autograd.grad(spikes, currents, incoming)
    return spikes.detach(), grad


def agree(name: str) -> bool:
    """Whether a peer computes what ours does, spike for spike and slope for slope."""
    currents, incoming = inputs()
    theirs = once(CONTENDERS[name](), currents, incoming)
    own = once(CONTENDERS[rival(name)](), currents, incoming)
    if not torch.equal(own[0], theirs[0]):
        raise SystemExit(f"{name}: {(own[0] != theirs[0]).sum()} spikes differ from ours.")
    if not torch.allclose(own[1], theirs[1], rtol=1e-4, atol=1e-5):
        raise SystemExit(f"{name}: gradients differ by {(own[1] - theirs[1]).abs().max():g}.")
    return True


def timing(threads: int, names: list[str], allocator: str) -> list[Row]:
    """Ours against the peers, interleaved, all with the same surrogate."""
    torch.set_num_threads(threads)
    currents, incoming = inputs()
    names = ["ours", "ours, detached", *names]
    runs = {name: CONTENDERS[name]() for name in names}
    work = {name: partial(once, run, currents, incoming) for name, run in runs.items()}
    copy = partial(torch.empty_like(incoming).copy_, incoming)
    taken = interleaved({**work, "copy": copy}, rounds=ROUNDS, clock=clock(threads))
    taken["streaming"] = [2.5 * seconds for seconds in taken.pop("copy")]
    title = f"LIF, arctan, {count(threads)}, {allocator}"
    return [row(title, name, taken) for name in taken if not name.startswith("ours")]


def row(title: str, name: str, taken: dict[str, list[float]]) -> Row:
    """One comparison, judged."""
    return judged(compare(title, name, (taken[rival(name)], taken[name])), TARGETS[name])


def shapes(threads: int) -> list[Row]:
    """Every other shape of surrogate against our own loop of torch operations."""
    torch.set_num_threads(threads)
    currents, incoming = inputs()
    rows = []
    for shape in sorted(set(SHAPES) - {"arctan"}):
        runs = {kernel: ours(shape, kernel=kernel) for kernel in ("fused", "reference")}
        work = {kernel: partial(once, run, currents, incoming) for kernel, run in runs.items()}
        taken = interleaved(work, rounds=ROUNDS, clock=clock(threads))
        title = f"LIF, {shape}, {count(threads)}, memory returned"
        found = compare(title, "reference kernel", (taken["fused"], taken["reference"]))
        rows.append(judged(found, TARGETS["plain loop"]))
    return rows


def count(threads: int) -> str:
    """Threads in words."""
    return f"{threads} thread{'s' * (threads > 1)}"


def space(name: str) -> dict[str, float]:
    """Memory of one call, for a fresh process with one thread."""
    torch.set_num_threads(1)
    run, (currents, incoming) = CONTENDERS[name](), inputs()
    once(run, currents, incoming)  # brings in what does not depend on the call
    saved = graph_bytes(run, currents)
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
    before = resident()
    kept = once(run, currents, incoming)
    peak = resident() - before
    del kept
    return {"graph_mb": saved / 1e6, "process_mb": peak / 1e6}


def graph_bytes(run: Run, currents: Tensor) -> int:
    """Bytes of the distinct storages that autograd keeps, without the currents."""
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        spikes = run(currents)
    assert spikes.requires_grad  # keeps every saved tensor alive, so no address counts twice
    kept.pop(currents.untyped_storage().data_ptr(), None)
    return sum(kept.values())


def resident() -> int:
    """The peak of this process's resident size, in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def memory(names: list[str]) -> list[Row]:
    """Memory of ours and of every peer, each in a process of its own."""
    found = {
        name: elsewhere(__file__, "space", name) for name in ["ours", "ours, detached", *names]
    }
    rows = []
    for name, spent in found.items():
        told = {"work": f"LIF, arctan, {name}", **spent}
        if name in names:
            ratio = found[rival(name)]["process_mb"] / spent["process_mb"]
            told = judged({**told, "ratio": ratio}, MEMORY)
        rows.append(told)
    return rows


def present() -> list[str]:
    """The peers that can be measured here; says why of those that cannot."""
    names = []
    for name in CONTENDERS:
        if name.startswith("ours"):
            continue
        try:
            elsewhere(__file__, "agree", name, patience=PATIENCE_S)
        except subprocess.TimeoutExpired:
            print(f"{name}: left out, not compiled within {PATIENCE_S} s.")
        except subprocess.CalledProcessError as problem:
            said = problem.stderr.strip().splitlines()[-1]
            if "ModuleNotFoundError" not in said and "compiled" not in name:
                raise SystemExit(f"{name}: {said}") from None
            print(f"{name}: left out, {said}")
        else:
            names.append(name)
    return names


def measure(what: str, *arguments: Any) -> Any:
    """One part of the benchmark."""
    parts: dict[str, Callable[..., Any]] = {
        "agree": agree,
        "shapes": shapes,
        "space": space,
        "timing": timing,
    }
    return parts[what](*arguments)


def main() -> None:
    """Measure and store; with an argument, measure one part and print it."""
    if len(sys.argv) > 1:
        print(json.dumps(measure(*json.loads(sys.argv[1]))))
        return
    names = present()
    rows = []
    for threads in (1, 2):
        rows += elsewhere(__file__, "timing", threads, names, "memory returned")
        rows += elsewhere(__file__, "shapes", threads)
    rows += elsewhere(__file__, "timing", 1, names, "memory kept", **KEPT)
    peers = {}
    for package in ("spikingjelly", "snntorch"):
        if any(package == name.split(",")[0].lower() for name in names):
            peers[package] = importlib.metadata.version(package)
    told = "processor seconds for one thread, wall-clock seconds for two"
    write("lif", rows, memory=memory(names), peers=peers, kept=KEPT, clock=told)


if __name__ == "__main__":
    main()
