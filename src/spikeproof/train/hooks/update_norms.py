"""How far rules move weights, beside how far the optimiser moves the same ones."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim import Optimizer

from spikeproof.train.hooks.hook import Moment, Rule, moves

__all__ = ["Shift", "followed", "mean_shift", "shift"]

# l_2 norms in one step: of the rules' change, of the optimiser's, of the weights themselves.
Shift = tuple[float, float, float]


def followed(moment: Moment, optimizer: Optimizer, rules: Sequence[Rule]) -> Shift | None:
    """Take the optimiser's step, let rules act after it, and say how far they moved the weights.

    At the end of an epoch whose start is known (``Moment.start``), the change is set beside that
    of the whole epoch, else beside that of the step. Weights are copied only for rules that may
    move them.
    """
    late = moment.due(rules, stepped=True)
    weights = dict(moment.model.named_parameters()) if any(map(moves, late)) else {}
    start = moment.start if moment.last else {}
    before = [start[n] if n in start else p.detach().clone() for n, p in weights.items()]
    optimizer.step()
    optimizer.zero_grad()
    stepped = [p.detach().clone() for p in weights.values()]
    for rule in late:
        rule(moment)
    return shift(before, stepped, list(weights.values()))


def shift(
    before: Sequence[Tensor], stepped: Sequence[Tensor], after: Sequence[Tensor]
) -> Shift | None:
    """The norms of one step, over those weights that rules changed; None where they changed none.

    Args:
        before: Weights before the optimiser's step.
        stepped: After it.
        after: After the rules.
    """
    squares = torch.zeros(3, dtype=torch.float64)
    for first, second, third in zip(before, stepped, after, strict=True):
        if not torch.equal(second, third.detach()):
            parts = (third.detach() - second, second - first, second)
            squares += torch.stack([p.double().square().sum().cpu() for p in parts])
    if not squares.any():
        return None
    rules, optimizer, weights = squares.sqrt().tolist()
    return rules, optimizer, weights


def mean_shift(steps: Sequence[Shift]) -> dict[str, float]:
    """The means over steps, by name; empty without any."""
    if not steps:
        return {}
    means = [sum(side) / len(steps) for side in zip(*steps, strict=True)]
    return dict(zip(("rules", "optimizer", "weights"), means, strict=True))
