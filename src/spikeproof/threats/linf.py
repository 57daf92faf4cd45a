"""The l_inf geometry: every feature may move by at most the radius."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from spikeproof.base import Seeds
from spikeproof.data import Domain, Views
from spikeproof.threats.box import (
    Boxed,
    feature_range,
    free_gradient,
    refuse_radius,
    refuse_small,
)
from spikeproof.threats.facts import ThreatFacts
from spikeproof.threats.geometry import Radius, whole_radius

__all__ = ["Linf"]


@dataclass(frozen=True)
class Linf(Boxed):
    r"""Every feature may move by at most the radius: ``max_i |x_adv_i - x_i| <= radius``.

    Steepest step ``radius * sign(grad)``; nearest point by clamping; draws are uniform in
    ``[-radius, radius]``. On a grid the nearest whole number inside the ball is taken.

    Example:
        >>> Linf().name
        'linf'
    """

    facts: ClassVar[Mapping[str, ThreatFacts]] = {
        "linf": ThreatFacts(
            symbol="ℓ∞", title="largest change of any one value", order=math.inf, example=0.1
        )
    }

    @property
    def name(self) -> str:
        """``"linf"``."""
        return "linf"

    @property
    def norm(self) -> bool:
        """True."""
        return True

    def distance(self, x_adv: Tensor, x: Tensor, domain: Domain | Views) -> Tensor:
        """Largest change of a feature, float64 ``(N,)``."""
        return (x_adv.double() - x.double()).flatten(1).abs().amax(1)

    def nearest(self, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views) -> Tensor:
        """Clamp to the ball and the box."""
        near = x.double()
        change = (z.double() - near).flatten(1)
        most = torch.as_tensor(radius, dtype=change.dtype, device=change.device)
        inside = change.clamp(-most, most)
        return domain.clip(near + inside.view_as(x)) - near

    def project(self, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views) -> Tensor:
        """A legal point; on a grid the nearest one, not the nearest on the way back to ``x``."""
        if domain.integer and isinstance(domain, Domain):
            return super().project((z - x).round() + x, x, whole_radius(radius), domain)
        return super().project(z, x, radius, domain)

    def step(
        self, grad: Tensor, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views
    ) -> Tensor:
        """The radius in the sign of the gradient, 0 where the gradient is 0 or the box ends."""
        return (radius * free_gradient(grad, z, domain).sign().flatten(1)).view_as(grad)

    def draw(self, x: Tensor, seeds: Seeds, radius: float, domain: Domain | Views) -> Tensor:
        """Uniform in ``[-radius, radius]`` for every feature."""
        return radius * (2 * seeds.uniform(x.shape[1:], x.dtype) - 1)

    def check(self, radius: float, domain: Domain | Views) -> None:
        """Refuse a radius above the range of the domain or below one event."""
        most = float(feature_range(domain).max())
        refuse_radius("l_inf", radius, most, "the range of the domain")
        refuse_small("l_inf", radius, domain)
