"""What a count counts: the places of an item (pixels, features, cells) and the features on each."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from spikeproof.data import Domain, Views

__all__ = ["Places"]


@dataclass(frozen=True, eq=False)
class Places:
    """Which features belong together.

    Args:
        index: Number of the place each feature belongs to, int64 ``(size,)``.
        count: How many places there are.
    Example:
        >>> places = Places(torch.tensor([0, 1, 0, 1]), 2)
        >>> values = torch.tensor([[1.0, 2.0, 3.0, 4.0]])
        >>> places.sums(values).tolist(), places.largest(values).tolist()
        ([[4.0, 6.0]], [[3.0, 4.0]])
        >>> places.spread(torch.tensor([[5.0, 6.0]])).tolist()
        [[5.0, 6.0, 5.0, 6.0]]
    """

    index: Tensor
    count: int

    @classmethod
    def single(cls, domain: Domain | Views) -> Places:
        """Every feature on a place of its own."""
        return cls(torch.arange(domain.size), domain.size)

    @property
    def alone(self) -> bool:
        """Whether every feature has a place of its own."""
        return self.count == len(self.index)

    def sums(self, values: Tensor) -> Tensor:
        """Sums over the features of each place, ``(N, P)``."""
        if self.alone:
            return values
        out = values.new_zeros(len(values), self.count)
        return out.index_add_(1, self.index.to(values.device), values)

    def largest(self, values: Tensor) -> Tensor:
        """Maxima over the features of each place, ``(N, P)``; values are at least 0."""
        if self.alone:
            return values
        index, out = self.index.to(values.device), values.new_zeros(len(values), self.count)
        return out.scatter_reduce_(1, index.expand_as(values), values, "amax")

    def spread(self, values: Tensor) -> Tensor:
        """Each place's value at all of its features, ``(N, size)``."""
        return values if self.alone else values[:, self.index.to(values.device)]
