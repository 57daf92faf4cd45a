"""Projection of recordings onto retimings, against a loop over spikes.

Ours: ``Threat(Retiming("inf"), r).project`` of 64 recordings of 2 x 34 x 34 lines, 10 and 20 steps
of bits, a tenth of them set, as in N-MNIST. Against: the same exact rule in plain Python, line
by line and spike by spike: the best value of a line's first spikes with the last one at each step
within reach, from that of one spike less. The results must be equal, bit by bit. Target: 20 times
as fast. Processor seconds, one thread; about two minutes of them.

    python benchmarks/retiming.py
"""

from __future__ import annotations

import time
from functools import partial

import torch
from harness import compare, interleaved, judged, write
from torch import Tensor

from spikeproof.data import Domain
from spikeproof.threats import Retiming, Threat

TARGET, ITEMS, RATE = 1 / 20, 64, 0.1


def recordings(domain: Domain) -> tuple[Tensor, Tensor]:
    """Bits, and real-valued points around them."""
    draws = torch.Generator().manual_seed(0)
    x = (torch.rand(ITEMS, *domain.shape, generator=draws) < RATE).float()
    return x, x + 0.5 * torch.randn(x.shape, generator=draws)


def looped(z: Tensor, x: Tensor, reach: int) -> Tensor:
    """The nearest retiming, spike by spike; among equal ones the one that stays."""
    lines = x.flatten(2).transpose(1, 2).reshape(-1, x.shape[1])
    aims = z.flatten(2).transpose(1, 2).reshape(-1, x.shape[1])
    out = []
    for line, aim in zip(lines.tolist(), aims.tolist(), strict=True):
        spikes = [t for t, bit in enumerate(line) if bit]
        out.append(_line(spikes, line, aim, reach) if spikes else line)
    done = torch.tensor(out).view(len(x), -1, x.shape[1]).transpose(1, 2)
    return done.reshape(x.shape)


def _line(spikes: list[int], line: list[float], aim: list[float], reach: int) -> list[float]:
    """One line: ``best[t]`` is the most that the spikes so far gain with the last one at t."""
    steps = len(line)
    best = {-1: 0.0}
    came: list[dict[int, int]] = []
    for spike in spikes:
        later: dict[int, float] = {}
        before: dict[int, int] = {}
        for t in range(max(0, spike - reach), min(steps, spike + reach + 1)):
            for last, value in best.items():
                if last < t and value + 2 * aim[t] > later.get(t, -1e300):
                    later[t], before[t] = value + 2 * aim[t], last
        best = later
        came.append(before)
    at = max(best, key=lambda t: best[t])
    if best[at] <= sum(2 * aim[t] for t in spikes):
        return line
    moved = [0.0] * steps
    for before in reversed(came):
        moved[at] = 1.0
        at = before[at]
    return moved


def main() -> None:
    """Measure and store."""
    torch.set_num_threads(1)
    rows = []
    for steps, reach in ((10, 1), (10, 3), (20, 1)):
        domain = Domain(kind="events", shape=(steps, 2, 34, 34), high=1.0, integer=True)
        threat, (x, z) = Threat(Retiming("inf"), reach, domain), recordings(domain)
        assert torch.equal(threat.project(z, x), looped(z, x, reach))
        work = {"ours": partial(threat.project, z, x), "loop": partial(looped, z, x, reach)}
        taken = interleaved(work, rounds=3, least=1, clock=time.process_time)
        row = compare(
            f"retiming by at most {reach}, {ITEMS} recordings of {steps} steps",
            "loop over spikes",
            (taken["ours"], taken["loop"]),
        )
        rows.append({**judged(row, TARGET), "spikes": int(x.sum())})
    write("retiming", rows, clock="processor seconds, one thread", equal=True)


if __name__ == "__main__":
    main()
