"""The l_inf geometry: every feature may move by at most the radius."""

from __future__ import annotations

import math
import threading
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

# What each thread was asked last: the steps of an attack all ask about the same batch.
_memo = threading.local()


@dataclass(eq=False)
class _Last:
    """The ends of the balls around one batch, known by its values."""

    x: Tensor
    radius: float
    domain: Domain | Views
    ends: tuple[Tensor, Tensor]

    def about(self, x: Tensor, radius: float, domain: Domain | Views) -> bool:
        """Whether this is the batch, to the bit."""
        same = self.x.dtype == x.dtype and self.x.device == x.device and self.x.shape == x.shape
        known = same and self.radius == radius and self.domain == domain
        return known and torch.equal(self.x, x)


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
        if domain.integer:
            return super().project(z, x, radius, domain)
        return self.relax(z, x, radius, domain)

    def relax(self, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views) -> Tensor:
        """The point of the convex relaxation of the legal set nearest to ``z``."""
        # Comparing batches would make a GPU wait; there the arithmetic is cheap.
        known = x.device.type == "cpu" and z.dtype == x.dtype
        fixed = None if isinstance(radius, Tensor) else float(radius)
        if fixed is None or not known:
            return super().relax(z, x, radius, domain)
        # Every feature is alone, and a z between the ends is legal as it is: double precision and
        # rounding were needed once, for the ends. Adding 0 clears the sign of a zero.
        return z.clamp(*self._ends(x, fixed, domain)).add_(0.0)

    def _ends(self, x: Tensor, radius: float, domain: Domain | Views) -> tuple[Tensor, Tensor]:
        """The lowest and the highest legal point, kept for the next question about this batch."""
        last: _Last | None = getattr(_memo, "last", None)
        if last is None or not last.about(x, radius, domain):
            low, high = (
                super(Linf, self).relax(torch.full_like(x, end), x, radius, domain)
                for end in (-math.inf, math.inf)
            )
            last = _memo.last = _Last(x.clone(), radius, domain, (low, high))
        return last.ends

    def step(
        self, grad: Tensor, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views
    ) -> Tensor:
        """The radius in the sign of the gradient, 0 where the gradient is 0 or the box ends."""
        return (radius * free_gradient(grad, z, domain).sign().flatten(1)).view_as(grad)

    def draw(self, x: Tensor, seeds: Seeds, radius: float, domain: Domain | Views) -> Tensor:
        """Uniform in ``[-radius, radius]`` for every feature."""
        return radius * (2 * seeds.uniform(x.shape[1:], x.dtype, device=x.device) - 1)

    def check(self, radius: float, domain: Domain | Views) -> None:
        """Refuse a radius above the range of the domain or below one event."""
        most = float(feature_range(domain).max())
        refuse_radius("l_inf", radius, most, "the range of the domain")
        refuse_small("l_inf", radius, domain)
