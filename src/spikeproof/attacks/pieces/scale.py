"""Sizes that minimum-norm attacks measure their steps with."""

from __future__ import annotations

import torch
from torch import Tensor

from spikeproof.data import Domain, Views
from spikeproof.threats import Threat

__all__ = ["Adam", "largest_range", "per_place", "ranges", "unit_l2", "wide"]


def ranges(domain: Domain | Views, like: Tensor) -> Tensor:
    """Range of each feature, ``(size,)`` in the type of ``like``; 1 where it has no end."""
    low, high = domain.bounds(like)
    unit = (high - low).expand(domain.size)
    return torch.where(unit.isfinite() & (unit > 0), unit, torch.ones_like(unit))


def largest_range(domain: Domain | Views) -> float:
    """The largest range of a feature; 1 where there is no end."""
    return float(ranges(domain, torch.zeros((), dtype=torch.float64)).max())


def unit_l2(grad: Tensor) -> Tensor:
    """The direction of each item's gradient, of l_2 length 1; 0 for a zero gradient."""
    flat = grad.flatten(1)
    # Dividing by the largest entry first keeps the squares of tiny gradients from vanishing.
    largest = flat.abs().amax(1, keepdim=True)
    flat = flat / torch.where(largest > 0, largest, torch.ones_like(largest))
    return (flat / flat.square().sum(1, keepdim=True).sqrt().clamp(min=1)).view_as(grad)


def wide(values: Tensor, like: Tensor) -> Tensor:
    """One value per item, shaped to multiply items like ``like``."""
    return values.view(-1, *[1] * (like.ndim - 1))


def per_place(values: Tensor, threat: Threat, *, largest: bool = False) -> Tensor:
    """Sums (or maxima, of values of at least 0) over the features of each place, ``(N, size)``.

    Each feature gets the value of its place; a place is what an l_0 radius counts.
    """
    index, count = threat.places()
    if count == values.shape[1]:
        return values
    index, out = index.to(values.device), values.new_zeros(len(values), count)
    if largest:
        out.scatter_reduce_(1, index.expand_as(values), values, "amax")
    else:
        out.index_add_(1, index, values)
    return out[:, index]


class Adam:
    """The moments of Adam (.9, .999) as part of an attack's state."""

    FIRST, SECOND, FLOOR = 0.9, 0.999, 1e-8

    @staticmethod
    def begin(like: Tensor) -> dict[str, Tensor]:
        """No moments yet."""
        return {"first": torch.zeros_like(like), "second": torch.zeros_like(like)}

    @classmethod
    def update(cls, state: dict[str, Tensor], grad: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """Take in a gradient; return the direction and the metric it is divided by."""
        first = cls.FIRST * state["first"] + (1 - cls.FIRST) * grad
        second = cls.SECOND * state["second"] + (1 - cls.SECOND) * grad.square()
        state["first"], state["second"] = first, second
        metric = (second / (1 - cls.SECOND ** (step + 1))).sqrt() + cls.FLOOR
        return first / (1 - cls.FIRST ** (step + 1)), metric
