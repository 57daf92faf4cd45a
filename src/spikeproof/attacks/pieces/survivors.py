"""The items an attack still works on, and what it remembers of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from spikeproof.base import Seeds
from spikeproof.threats import Goal

__all__ = ["Survivors"]


class _Standing(Protocol):
    """What knows which items are not won yet: Best, Nearest."""

    def standing(self) -> Tensor:
        """Their numbers, ascending, int64 ``(M,)``."""
        ...


class Survivors:
    """The items an attack still works on; whatever is written on it belongs to them, row by row.

    An attack that leaves won items alone has to shorten everything it carries: inputs, goal, seeds,
    gradients, moments. Written on this object, all of it is shortened at once.

    Args:
        idx: Positions of the items within the attack, ascending, int64 ``(M,)``.
        goal: What the attacker wants of them.
        remembered: Tensors, and ``seeds``, under their names.
    Example:
        >>> from spikeproof.attacks.pieces.best import Best
        >>> from spikeproof.threats import Misclassification
        >>> best = Best(torch.zeros(3, 1), torch.tensor([-1.0, 2.0, -1.0]))
        >>> left = Survivors(torch.arange(3), Misclassification(torch.tensor([0, 1, 2])), x=best.x)
        >>> left.z = torch.tensor([[5.0], [6.0], [7.0]])
        >>> left.drop_won(best)
        >>> len(left), left.idx.tolist(), left.goal.y.tolist(), left.z.flatten().tolist()
        (2, [0, 2], [0, 2], [5.0, 7.0])
    """

    idx: Tensor
    goal: Goal
    seeds: Seeds

    def __init__(self, idx: Tensor, goal: Goal, **remembered: Tensor | Seeds) -> None:
        vars(self).update(remembered, idx=idx, goal=goal)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Tensor: ...

        def __setattr__(self, name: str, value: Tensor) -> None: ...

    @classmethod
    def all(cls, x: Tensor, goal: Goal, **remembered: Tensor | Seeds) -> Survivors:
        """Every item, numbered from 0."""
        return cls(torch.arange(len(x), device=x.device), goal, x=x, **remembered)

    def __len__(self) -> int:
        return len(self.idx)

    def drop_won(self, best: _Standing) -> None:
        """Forget the items that are won."""
        standing = best.standing()
        if len(standing) < len(self.idx):
            kept = torch.isin(self.idx, standing)
            vars(self).update({name: value[kept] for name, value in vars(self).items()})
