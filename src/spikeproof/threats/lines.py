"""Event tensors as lines: what one pixel and polarity, or one channel, does over time."""

from __future__ import annotations

import torch
from torch import Tensor

from spikeproof.base import per_item
from spikeproof.data import Domain, Views

__all__ = ["as_lines", "capacity", "from_lines", "way_to"]


def as_lines(x: Tensor) -> Tensor:
    """Every line of each item in double precision, ``(N, T, ...)`` as ``(N, L, T)``.

    Example:
        >>> as_lines(torch.arange(6.0).view(1, 3, 2)).tolist()
        [[[0.0, 2.0, 4.0], [1.0, 3.0, 5.0]]]
    """
    return x.double().flatten(2).transpose(1, 2).contiguous()


def from_lines(lines: Tensor, like: Tensor) -> Tensor:
    """Lines put back into the shape and type of event tensors."""
    return lines.transpose(1, 2).reshape(like.shape).to(like.dtype)


def capacity(domain: Domain | Views) -> float:
    """How many events fit into one cell; inf where there is no end."""
    assert isinstance(domain, Domain)
    return domain.high


def way_to(goal: Tensor, grad: Tensor, z: Tensor) -> Tensor:
    """The way from ``z`` to a point; none for an item without a gradient."""
    some = per_item((grad != 0).flatten(1).any(1), z)
    return torch.where(some, goal - z, torch.zeros_like(z))
