"""The first so many of a ranking, item by item."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["first"]


def first(rank: Tensor, count: Tensor) -> Tensor:
    """Return which entries are the ``count`` largest of their row, ties to the first.

    Args:
        rank: ``(N, P)``.
        count: How many of each row, ``(N,)``.
    Returns:
        bool ``(N, P)``.
    Example:
        >>> first(torch.tensor([[1.0, 3.0, 2.0]]), torch.tensor([2]))
        tensor([[False,  True,  True]])
    """
    order = rank.sort(dim=1, descending=True, stable=True).indices
    places = torch.arange(rank.shape[1], device=rank.device)
    return torch.zeros_like(rank, dtype=torch.bool).scatter(1, order, places < count[:, None])
