"""How far rules move weights, beside how far the optimiser moves the same ones."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["Shift", "copies", "mean_shift", "shift"]

# l_2 norms in one step: of the rules' change, of the optimiser's, of the weights themselves.
Shift = tuple[float, float, float]


def copies(weights: Sequence[Tensor]) -> list[Tensor]:
    """Copies of the weights as they are now."""
    return [weight.detach().clone() for weight in weights]


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
