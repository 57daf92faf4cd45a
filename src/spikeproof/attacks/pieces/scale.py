"""Sizes that minimum-norm attacks measure their steps with."""

from __future__ import annotations

import torch
from torch import Tensor

from spikeproof.attacks.pieces.survivors import Survivors
from spikeproof.threats import Threat

__all__ = ["Adam", "largest_range", "unit_l2"]


def largest_range(threat: Threat) -> float:
    """The largest range of a feature; 1 where there is no end."""
    return float(threat.feature_unit().max())


def unit_l2(grad: Tensor) -> Tensor:
    """The direction of each item's gradient, of l_2 length 1; 0 for a zero gradient."""
    flat = grad.flatten(1)
    # Dividing by the largest entry first keeps the squares of tiny gradients from vanishing.
    largest = flat.abs().amax(1, keepdim=True)
    flat = flat / torch.where(largest > 0, largest, torch.ones_like(largest))
    return (flat / flat.square().sum(1, keepdim=True).sqrt().clamp(min=1)).view_as(grad)


class Adam:
    """The moments of Adam (.9, .999) as part of an attack's state."""

    FIRST, SECOND, FLOOR = 0.9, 0.999, 1e-8

    @staticmethod
    def begin(like: Tensor) -> dict[str, Tensor]:
        """No moments yet."""
        return {"first": torch.zeros_like(like), "second": torch.zeros_like(like)}

    @classmethod
    def update(cls, state: Survivors, grad: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """Take in a gradient; return the direction and the metric it is divided by."""
        first = cls.FIRST * state.first + (1 - cls.FIRST) * grad
        second = cls.SECOND * state.second + (1 - cls.SECOND) * grad.square()
        state.first, state.second = first, second
        metric = (second / (1 - cls.SECOND ** (step + 1))).sqrt() + cls.FLOOR
        return first / (1 - cls.FIRST ** (step + 1)), metric
