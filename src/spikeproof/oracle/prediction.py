"""What a stochastic network predicts, as evaluation counts it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spikeproof.base import Seeds, seeds
from spikeproof.neurons import drawing

__all__ = ["prediction_seeds", "stochastic"]


def prediction_seeds(items: Tensor, sample: int = 0) -> Seeds:
    """Return the keys of the draws by which evaluation judges these items.

    They depend on the number of the item and of the draw alone, so an item meets the same draw
    clean, under random perturbations and under every attack.

    Args:
        items: Numbers of the items, int64 ``(N,)``.
        sample: Which of the draws that make a prediction.
    Returns:
        One key per item.
    """
    return seeds(0, items=items).child("prediction", sample)


def stochastic(model: nn.Module, x: Tensor) -> bool:
    """Return whether a model answers at random, in the mode it is in.

    It does if it draws through ``spikeproof.neurons``, or if two forward passes differ.

    Args:
        model: Any module.
        x: A few inputs, ``(N, ...)``.
    Cost:
        Two forward passes per item at most.
    Example:
        >>> stochastic(torch.nn.Linear(2, 2), torch.zeros(1, 2))
        False
        >>> stochastic(torch.nn.Dropout(0.5).train(), torch.ones(1, 64))
        True
    """
    items = torch.arange(len(x))
    answers = []
    with torch.no_grad():
        for sample in range(2):
            with drawing(prediction_seeds(items, sample)) as source:
                answers.append(model(x))
            if source.served:
                return True
    return not torch.equal(*answers)
