"""How far hooks move weights, beside how far the optimiser moves the same ones."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim import Optimizer

from spikeproof.train.hooks.hook import Hook, due, moves
from spikeproof.train.loop.step import Step

__all__ = ["UpdateNorms", "mean_norms", "step_and_apply", "update_norms"]

# l_2 norms in one step: of the hooks' change, of the optimiser's, of the weights themselves.
UpdateNorms = tuple[float, float, float]


def step_and_apply(step: Step, optimizer: Optimizer, hooks: Sequence[Hook]) -> UpdateNorms | None:
    """Take the optimiser's step, let hooks act after it, and say how far they moved the weights.

    At the end of an epoch whose start is known (``Step.start``), the change is set beside that
    of the whole epoch, else beside that of the step. Weights are copied only for hooks that may
    move them.
    """
    late = due(hooks, step, stepped=True)
    weights = dict(step.model.named_parameters()) if any(map(moves, late)) else {}
    start = step.start if step.last else {}
    before = [start[n] if n in start else p.detach().clone() for n, p in weights.items()]
    optimizer.step()
    optimizer.zero_grad()
    stepped = [p.detach().clone() for p in weights.values()]
    for hook in late:
        hook(step)
    return update_norms(before, stepped, list(weights.values()))


def update_norms(
    before: Sequence[Tensor], stepped: Sequence[Tensor], after: Sequence[Tensor]
) -> UpdateNorms | None:
    """The norms of one step, over those weights that hooks changed; None where they changed none.

    Args:
        before: Weights before the optimiser's step.
        stepped: After it.
        after: After the hooks.
    """
    squares = torch.zeros(3, dtype=torch.float64)
    for first, second, third in zip(before, stepped, after, strict=True):
        if not torch.equal(second, third.detach()):
            parts = (third.detach() - second, second - first, second)
            squares += torch.stack([p.double().square().sum().cpu() for p in parts])
    if not squares.any():
        return None
    hooks, optimizer, weights = squares.sqrt().tolist()
    return hooks, optimizer, weights


def mean_norms(steps: Sequence[UpdateNorms]) -> dict[str, float]:
    """The means over steps, by name; empty without any."""
    if not steps:
        return {}
    means = [sum(side) / len(steps) for side in zip(*steps, strict=True)]
    # "rules" is what hooks are called in the histories and records there are.
    return dict(zip(("rules", "optimizer", "weights"), means, strict=True))
