"""Shapes that several rooms need."""

from __future__ import annotations

from torch import Tensor

__all__ = ["per_item"]


def per_item(values: Tensor, like: Tensor) -> Tensor:
    """Return one value per item, shaped to meet every feature of its item.

    Args:
        values: ``(N,)``.
        like: Any tensor with as many dimensions as the items, ``(N, *shape)``.
    Returns:
        ``(N, 1, ..., 1)``.
    Example:
        >>> import torch
        >>> per_item(torch.ones(2), torch.zeros(2, 3, 4)).shape
        torch.Size([2, 1, 1])
    """
    return values.view(-1, *[1] * (like.ndim - 1))
