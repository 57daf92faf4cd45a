"""Queries to success: GuidedSearch from the best gradient point beside Square from scratch.

On networks of ``networks.py``, test items that no training saw and that are right when clean. Two
gradient attacks go first: PGD-40 through arctan-5, and APGD-100 on the cross-entropy through
arctan-5 with the reset detached. On what they leave standing GuidedSearch begins at the best point
of the two, through the same detached rule; Square begins at random. Passes count forward and
backward, of the search alone. Settings were chosen on networks of digits trained by the same code
(seed 0); none was chosen on the networks measured here.

    SPIKEPROOF_DATA=FOLDER python -m research.attack_evidence.guided NETWORK:NORM[:ITEMS] ...
"""

from __future__ import annotations

import json
import sys
from typing import Any

import torch
from torch import Tensor, nn

import spikeproof as sp
from benchmarks.harness import write
from research import RESULTS
from research.attack_evidence import networks
from spikeproof.attacks import APGD, PGD, Attack, Best, GuidedSearch, Square
from spikeproof.base import Seeds
from spikeproof.data import Split
from spikeproof.evaluate import open_test, plain_logits
from spikeproof.neurons import Surrogate
from spikeproof.oracle import Backward, GradientRule, Oracle
from spikeproof.threats import Misclassification, Threat

ITEMS = 200
ARCTAN = Surrogate("arctan", sharpness=5.0)
DETACHED = Backward(gradient=ARCTAN, reset="detached")
AT = (250, 500, 1000, 2000, 4000)
LONG = (*AT, 5000, 10_000, 20_002)


class Counting(Oracle):
    """Notes after how many passes each item was won first."""

    def watch(self, y: Tensor) -> Counting:
        """Begin to count; ``won`` is inf for items not won."""
        self.y, self.spent = y, torch.zeros(len(y))
        self.won = torch.full((len(y),), torch.inf)
        return self

    def logits(self, x: Tensor, idx: Tensor | None = None) -> Tensor:
        """One pass per item."""
        logits = super().logits(x, idx)
        self._note(idx, logits, 1)
        return logits

    def logits_and_grad(self, x: Any, score: Any, idx: Any = None) -> tuple[Tensor, Tensor]:
        """Two passes per item."""
        logits, grad = super().logits_and_grad(x, score, idx)
        self._note(idx, logits, 2)
        return logits, grad

    def _note(self, idx: Tensor | None, logits: Tensor, passes: int) -> None:
        idx = torch.arange(len(self.y)) if idx is None else idx
        self.spent[idx] += passes
        won = idx[Misclassification(self.y[idx]).margin(logits) > 0]
        new = won[self.won[won].isinf()]
        self.won[new] = self.spent[new]


def run(
    model: nn.Module,
    attack: Attack,
    part: Split,
    threat: Threat,
    keys: Seeds,
    *,
    start: Tensor | None = None,
    gradient: GradientRule = DETACHED,
    loss: str = "margin",
) -> tuple[Tensor, Tensor]:
    """The points found, and after how many passes each item was won."""
    with Counting(model, gradient=gradient, seeds=keys).watch(part.y) as oracle:
        goal = Misclassification(part.y, loss=loss)
        x_adv = attack(oracle, part.x, goal, threat, seeds=keys, start=start)
        return x_adv, oracle.won


def margins(model: nn.Module, part: Split, x: Tensor) -> Tensor:
    """Margins of inputs for the items of a split."""
    return Misclassification(part.y).margin(plain_logits(model, x))


def contest(name: str, norm: str, items: int) -> dict[str, Any]:
    """One network and norm."""
    data = networks.data()
    model, threat = networks.network(name, data), sp.standard_threats(data)[norm][1]
    split = open_test(data, items)
    part = split[(margins(model, split, split.x) <= 0).nonzero().flatten()]
    keys = sp.seeds(3, items=part.items)
    pgd, _ = run(model, PGD(steps=40, stop=True), part, threat, keys.child("pgd"), gradient=ARCTAN)
    apgd, _ = run(
        model, APGD(steps=100, stop=True), part, threat, keys.child("apgd"), loss="cross_entropy"
    )
    best = Best(part.x, margins(model, part, part.x))
    for x_adv in (pgd, apgd):
        best.keep(x_adv, margins(model, part, x_adv))
    idx = best.standing()
    few, keys = part[idx], keys[idx]
    row: dict[str, Any] = {
        "network": name,
        "threat": norm,
        "radius": threat.radius,
        "items": items,
        "right": len(part),
        "standing": len(few),
    }
    if not len(few):
        return row
    _, guided = run(model, GuidedSearch(), few, threat, keys.child("guided"), start=best.x[idx])
    _, square = run(model, Square(steps=20_000), few, threat, keys.child("square"))
    _, short = run(model, Square(steps=5000), few, threat, keys.child("short"))
    found = square.isfinite()
    return {
        **row,
        "guided": {str(k): int((guided <= k).sum()) for k in AT},
        "square_20000": {str(k): int((square <= k).sum()) for k in LONG},
        "square_5000": int(short.isfinite().sum()),
        "of_square_20000": {str(k): int(((guided <= k) & found).sum()) for k in AT},
    }


def main() -> None:
    """Measure what the arguments name and store it beside what was measured before."""
    torch.set_num_threads(1)
    path = RESULTS / "guided.json"
    rows = json.loads(path.read_text("utf-8"))["contests"] if path.exists() else []
    for argument in sys.argv[1:] or ["at-if:linf"]:
        name, norm, *more = argument.split(":")
        row = contest(name, norm, int(more[0]) if more else ITEMS)
        rows = [r for r in rows if (r["network"], r["threat"]) != (name, norm)] + [row]
        print(row, flush=True)
        command = "python -m research.attack_evidence.guided NETWORK:NORM[:ITEMS] ..."
        write("guided", [], folder=RESULTS, command=command, contests=rows)


if __name__ == "__main__":
    main()
