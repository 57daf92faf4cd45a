"""Peak memory of audits of 50, 200 and 1,000 items, and what a kept allocator saves.

    python benchmarks/memory.py            both, and stores the result
    python benchmarks/memory.py audits     only the peaks, printed; also of an older version

Every measurement has a process of its own. An audit here is one l_inf ladder of one radius on a
VGG-9 of width 16 (T = 4, 3 x 32 x 32, random weights and items, labelled by the network's own
answers, so that all stand): one draw, one PGD step, and a member with four restarts. Its peak is
the largest resident size beyond what the process had before.
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from harness import Row, compare, elsewhere, judged, write
from torch import nn

from spikeproof.data import Domain, Split
from spikeproof.models import ModelSpec, build
from spikeproof.neurons import LIF, Spiking

ITEMS = (50, 200, 1000)
FLAT = 1.5  # the peak of 1,000 items over that of 200
ROUNDS = 3
DOMAIN = Domain(kind="image", shape=(3, 32, 32))


def network(name: str, width: int = 16) -> nn.Module:
    """A random network of four steps."""
    return build(ModelSpec(name=name, domain=DOMAIN, classes=10, width=width, timesteps=4), seed=0)


def resident(what: str) -> int:
    """VmRSS or VmHWM of this process, bytes."""
    with open("/proc/self/status", encoding="utf-8") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(what)) * 1024


def audit(n: int) -> float:
    """What one audit adds to the resident size at its peak, MiB."""
    from spikeproof.attacks import PGD, Member, Restarts, Suite
    from spikeproof.evaluate import evaluate_ladder, plain_logits
    from spikeproof.threats import Linf, Threat

    torch.set_num_threads(1)
    model = network("vgg-9")
    x = torch.rand(n, *DOMAIN.shape, generator=torch.Generator().manual_seed(0))
    y = torch.cat([plain_logits(model, part).argmax(1) for part in x.split(8)])
    step = PGD(steps=1, step_size=1e-3, keep="last")
    suite = Suite((Member(attack=step), Member(attack=Restarts(attack=step, times=4))))
    ladder, split = (Threat(Linf(), 1e-5, DOMAIN),), Split(x, y, torch.arange(n))
    before = resident("VmRSS")
    found = evaluate_ladder(model, split, ladder, suite, seed=0, draws=1)
    if found.broken.mean() > 0.2:
        raise SystemExit("Too many items broke: the members had little to attack.")
    return (resident("VmHWM") - before) / 2**20


def lif() -> Callable[[], object]:
    """One forward and backward pass of a large layer."""
    size, layer = (8, 32, 64, 32, 32), Spiking(LIF())
    currents = torch.randn(size, generator=torch.Generator().manual_seed(0)).mul_(0.6).add_(0.1)
    currents.requires_grad_(True)
    above = torch.ones(size)
    return lambda: torch.autograd.grad(layer(currents), currents, above)


def step() -> Callable[[], object]:
    """One training step of a VGG-11."""
    model, generator = network("vgg-11").train(), torch.Generator().manual_seed(0)
    x, y = torch.rand(32, *DOMAIN.shape, generator=generator), torch.arange(32) % 10
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def taken() -> None:
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
        optimizer.zero_grad()

    return taken


WORK = {
    "LIF (8, 32, 64, 32, 32), forward and backward": lif,
    "VGG-11 width 16, T=4, N=32, step": step,
}


def seconds(name: str, kept: bool, calls: int) -> list[float]:
    """Processor seconds of a call and page faults, in this process."""
    from spikeproof import tune_allocator

    torch.set_num_threads(1)
    if kept and not tune_allocator():
        raise SystemExit("The allocator of this machine cannot be tuned: no glibc.")
    call = WORK[name]()
    call(), call()
    faults, begun = resource.getrusage(resource.RUSAGE_SELF).ru_minflt, time.process_time()
    for _ in range(calls):
        call()
    spent = (time.process_time() - begun) / calls
    return [spent, (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults) / calls]


def allocator() -> list[Row]:
    """Kept memory against the allocator as it is, a process each, in turn."""
    rows = []
    for name, calls in zip(WORK, (10, 3), strict=True):
        taken: dict[bool, list[list[float]]] = {True: [], False: []}
        for number in range(ROUNDS):
            for kept in (True, False) if number % 2 else (False, True):
                taken[kept].append(elsewhere(__file__, "seconds", name, kept, calls))
        clocks = {kept: [spent for spent, _ in found] for kept, found in taken.items()}
        faults = {kept: statistics.median(f for _, f in found) for kept, found in taken.items()}
        row = judged(compare(name, "memory handed back", (clocks[True], clocks[False])), 1.0)
        rows.append({**row, "faults": faults[True], "faults_handed_back": faults[False]})
    return rows


def audits() -> dict[str, Any]:
    """The peaks, and whether more items leave them where they are."""
    peaks = {str(n): round(elsewhere(__file__, "audit", n), 1) for n in ITEMS}
    ratio = peaks["1000"] / peaks["200"]
    return {"peak_mib": peaks, "ratio_1000_to_200": ratio, "target": FLAT, "met": ratio <= FLAT}


PARTS: dict[str, Callable[..., Any]] = {"audit": audit, "seconds": seconds}


def main() -> None:
    """Measure and store; with an argument, measure one part and print it."""
    if sys.argv[1:] == ["audits"]:
        print(json.dumps(audits()))
        return
    if len(sys.argv) > 1:
        what, *arguments = json.loads(sys.argv[1])
        print(json.dumps(PARTS[what](*arguments)))
        return
    rows = allocator()
    told = "processor seconds of one thread, a process for every measurement, in turn"
    write("memory", rows, clock=told, audits=audits())


if __name__ == "__main__":
    main()
