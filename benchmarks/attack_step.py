"""What an attack adds to the passes it makes: PGD steps beside the bare forward and backward.

And one gradient through ``ASSG`` beside one through a plain surrogate. Target: within 25 %.

Ours: ``PGD(steps=k)`` through an open oracle, per step (questions, checks, steepest step,
projection, best point kept). Against: the same network, k times forward, margin and
``torch.autograd.grad`` to the input, nothing else. Target: within 10 %. Then the peak of the
process during 10 and during 100 steps: what an attack holds must not grow with its steps.

    python benchmarks/attack_step.py
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

import torch
from harness import Row, compare, interleaved, judged, write
from torch import Tensor, nn

import spikeproof as sp
from spikeproof.data import Domain
from spikeproof.models import ModelSpec, build
from spikeproof.neurons import Surrogate
from spikeproof.oracle import ASSG
from spikeproof.threats import Threat

TARGET, ADAPTIVE_TARGET, STEPS = 1.1, 1.25, 10
IMAGE = Domain(kind="image", shape=(1, 28, 28))
COLOUR = Domain(kind="image", shape=(3, 32, 32))
CNN = "cnn-small, 28x28, T=4, N=64"
CASES: dict[str, tuple[str, Domain, int, int, int]] = {
    CNN: ("cnn-small", IMAGE, 12, 4, 64),
    "vgg-9, 32x32, T=4, N=8": ("vgg-9", COLOUR, 64, 4, 8),
}


def case(title: str) -> tuple[nn.Module, Tensor, Tensor, Threat]:
    """A network with settled statistics, inputs, labels and a threat."""
    name, domain, width, timesteps, n = CASES[title]
    spec = ModelSpec(name=name, domain=domain, classes=10, width=width, timesteps=timesteps)
    model = build(spec, seed=0)
    x = torch.rand(n, *domain.shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for _ in range(3):
            model(x)
    return model.eval(), x, torch.arange(n) % 10, Threat(sp.Linf(), 0.03, domain)


def ours(title: str, steps: int = STEPS) -> Callable[[], object]:
    """PGD as users run it."""
    model, x, y, threat = case(title)

    def call() -> Tensor:
        with sp.Oracle(model) as oracle:
            attack = sp.PGD(steps=steps)
            return attack(oracle, x, sp.Misclassification(y), threat, seeds=sp.seeds(0, n=len(x)))

    return call


def bare(title: str) -> Callable[[], object]:
    """As many passes as PGD makes: its steps, and two forwards."""
    model, x, y, _ = case(title)
    rows = torch.arange(len(x))

    def call() -> None:
        with torch.no_grad():
            model(x)
        for _ in range(STEPS):
            z = x.clone().requires_grad_(True)
            logits = model(z)
            others = logits.scatter(1, y[:, None], -torch.inf)
            torch.autograd.grad((others.amax(1) - logits[rows, y]).sum(), z)
        with torch.no_grad():
            model(x)

    return call


def adaptive() -> Row:
    """One gradient of the oracle under ASSG and under a plain surrogate."""
    model, x, y, _ = case(CNN)
    goal, taken = sp.Misclassification(y), {}
    rules = {"ours": ASSG(), "plain": Surrogate("arctan", 2.0)}
    with ExitStack() as opened:
        for name, rule in rules.items():
            oracle = opened.enter_context(sp.Oracle(model, gradient=rule))
            taken[name] = partial(oracle.logits_and_grad, x, goal.score)
        seconds = interleaved(taken, rounds=7, seconds=0.5, clock=time.process_time)
    return compare(f"gradient, ASSG, {CNN}", "plain surrogate", (seconds["ours"], seconds["plain"]))


def peak(title: str, steps: int) -> float:
    """Peak resident memory of a fresh process during an attack, MB."""
    out = subprocess.run(
        [sys.executable, __file__, "--peak", title, str(steps)],
        check=True,
        capture_output=True,
        text=True,
    )
    return float(out.stdout)


def main() -> None:
    """Measure and store."""
    torch.set_num_threads(1)
    if sys.argv[1:2] == ["--peak"]:
        ours(sys.argv[2], int(sys.argv[3]))()
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return
    rows, memory = [], []
    for title in CASES:
        work = {"ours": ours(title), "bare": bare(title)}
        taken = interleaved(work, rounds=7, seconds=0.5, clock=time.process_time)
        row = compare(f"PGD-{STEPS}, {title}", "bare passes", (taken["ours"], taken["bare"]))
        rows.append({**row, "target": TARGET, "met": row["ratio"] <= TARGET})
        short, long = peak(title, 10), peak(title, 100)
        memory.append(
            {"work": f"peak of the process, {title}", "steps_10_mb": short, "steps_100_mb": long}
        )
    rows.append(judged(adaptive(), ADAPTIVE_TARGET))
    write("attack_step", rows, clock="processor seconds, one thread", peaks=memory)
    for row in memory:
        print(
            f"  {row['work']}: {row['steps_10_mb']:.0f} MB in 10 steps, "
            f"{row['steps_100_mb']:.0f} in 100"
        )


if __name__ == "__main__":
    main()
