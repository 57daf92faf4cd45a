"""The l_2 geometry: the Euclidean length of the change is at most the radius."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from spikeproof.base import Seeds, SettingError
from spikeproof.data import Domain, Views
from spikeproof.threats.box import (
    SLACK,
    Boxed,
    feature_range,
    free_gradient,
    headroom,
    refuse_radius,
    refuse_small,
)
from spikeproof.threats.facts import ThreatFacts
from spikeproof.threats.geometry import Radius
from spikeproof.threats.masks import kept

__all__ = ["L2"]


@dataclass(frozen=True)
class L2(Boxed):
    r"""The Euclidean length of the change is at most the radius.

    Steepest step ``radius * grad / ||grad||_2`` over the coordinates that can move; draws are a
    Gaussian direction times ``radius * U^(1/n)``. The nearest point of ball and box together is
    ``clip(s * (z - x))`` with the largest ``s <= 1`` that stays in the ball, found exactly.

    Example:
        >>> L2().name
        'l2'
    """

    facts: ClassVar[Mapping[str, ThreatFacts]] = {
        "l2": ThreatFacts(
            symbol="ℓ₂", title="Euclidean length of the change", order=2.0, example=1.0
        )
    }

    @property
    def name(self) -> str:
        """``"l2"``."""
        return "l2"

    @property
    def norm(self) -> bool:
        """True."""
        return True

    def distance(self, x_adv: Tensor, x: Tensor, domain: Domain | Views) -> Tensor:
        """Euclidean length of the change, float64 ``(N,)``."""
        return (x_adv.double() - x.double()).flatten(1).square().sum(1).sqrt()

    def nearest(self, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views) -> Tensor:
        """The nearest point of ball and box: scale, then clip, with the exact scale."""
        near = x.double()
        change = z.double() - near
        room = headroom(change, near, domain).flatten(1)
        size = change.flatten(1).abs()
        moved = torch.minimum(size * _scale(size, room, radius), room)
        return (moved * change.flatten(1).sign()).view_as(x)

    def step(
        self, grad: Tensor, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views
    ) -> Tensor:
        """The radius along the gradient of the coordinates that can move; 0 for a zero gradient."""
        flat = free_gradient(grad, z, domain).flatten(1)
        # Dividing by the largest entry first keeps the squares of tiny gradients from vanishing.
        largest = flat.abs().amax(1, keepdim=True)
        flat = flat / torch.where(largest > 0, largest, torch.ones_like(largest))
        length = flat.square().sum(1, keepdim=True).sqrt().clamp(min=1)
        return (radius * flat / length).view_as(grad)

    def draw(self, x: Tensor, seeds: Seeds, radius: float, domain: Domain | Views) -> Tensor:
        """A Gaussian direction times ``radius * U^(1/n)``."""
        shape = x.shape[1:]
        flat = seeds.child("direction").normal(shape, torch.float64, device=x.device).flatten(1)
        u = seeds.child("length").uniform((1,), torch.float64, device=x.device)
        reach = u ** (1 / flat.shape[1])
        return (
            (radius * reach * flat / flat.square().sum(1, keepdim=True).sqrt())
            .to(x.dtype)
            .view_as(x)
        )

    def check(self, radius: float, domain: Domain | Views) -> None:
        """Refuse a radius beyond the diagonal of the domain, or too small to show."""
        most = float(feature_range(domain).square().sum().sqrt())
        refuse_radius("l_2", radius, most, "the diagonal of the domain")
        refuse_small("l_2", radius, domain)
        if domain.kind == "image" and feature_range(domain).max() == 1 and 0 < radius < 1 / 255:
            raise SettingError(
                f"The l_2 radius {radius:g} is smaller than one 8-bit step of one pixel (1/255): "
                "it looks like a radius in the wrong unit; give it in units of the input [0, 1]."
            )


def _scale(size: Tensor, room: Tensor, radius: Radius) -> Tensor:
    """The largest s <= 1 with ``||min(s * size, room)||_2 <= radius``, ``(N, 1)``.

    Given which coordinates are full, s has a closed form; clipping them makes room for a larger
    s, which may fill more. The full set only grows, so the walk ends, exactly, at the answer.
    """
    squares, rooms_squared = size.square(), room.square()
    full = torch.zeros_like(size, dtype=torch.bool)
    while True:
        spent = kept(rooms_squared, full).sum(1, keepdim=True)
        free = kept(squares, ~full).sum(1, keepdim=True)
        scale = ((radius**2 - spent).clamp(min=0) / free.clamp(min=1e-300)).sqrt().clamp(max=1)
        now = full | (size * scale > room)
        if torch.equal(now, full):
            break
        full = now
    inside = torch.minimum(size, room).square().sum(1, keepdim=True).sqrt() <= radius * (1 + SLACK)
    return torch.where(inside, torch.ones_like(scale), scale)
