"""The l_0 geometry: at most so many pixels (or features) may change, each as far as it likes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from spikeproof.base import Seeds, SettingError
from spikeproof.data import Domain, Views
from spikeproof.threats.box import (
    Boxed,
    direction_to,
    feature_unit,
    headroom,
    round_toward,
    threshold,
)
from spikeproof.threats.facts import ThreatFacts
from spikeproof.threats.geometry import Counted, Radius
from spikeproof.threats.masks import kept
from spikeproof.threats.places import Places

__all__ = ["L0", "check_whole"]


@dataclass(frozen=True)
class L0(Boxed, Counted):
    r"""At most ``radius`` pixels may change, each anywhere in its range.

    All channels of a position are one pixel; ``pixels=False`` counts single features. The nearest
    point keeps the pixels with the largest ``||d||² - ||d - clip(d)||²``. Between queries an
    iterate lives in the box and in the l_1 ball of radius ``radius`` where a pixel counts
    ``max_c |d_c| / range``: the convex hull of the legal set when every ``x`` stands on a bound.
    Draws change ``radius`` random pixels to uniform values.

    Args:
        pixels: Count positions; otherwise features.
    Differs from the paper:
        Where a range is infinite the hull is the whole space; 1 takes the place of the range
        there, and draws are uniform in ``[-1, 1]`` around ``x``.
    Example:
        >>> L0().name, L0(pixels=False).name
        ('l0', 'l0-features')
    """

    facts: ClassVar[Mapping[str, ThreatFacts]] = {
        "l0": ThreatFacts(
            symbol="ℓ₀",
            title="pixels or samples changed",
            unit="pixels or samples",
            order=0.0,
            example=3.0,
        ),
        "l0-features": ThreatFacts(
            symbol="ℓ₀",
            title="values changed",
            unit="values",
            order=0.0,
            settings={"pixels": False},
            example=4.0,
        ),
    }

    pixels: bool = True

    @property
    def name(self) -> str:
        """``"l0"`` or ``"l0-features"``."""
        return "l0" if self.pixels else "l0-features"

    @property
    def by_pixel(self) -> bool:
        """Whether pixels count, not features."""
        return self.pixels

    @property
    def convex(self) -> bool:
        """False: a mixture of two legal points may change more pixels."""
        return False

    def places(self, domain: Domain | Views) -> Places:
        """A place is a pixel with all its channels, or a single feature."""
        return Places(*domain.pixels()) if self.pixels else Places.single(domain)

    def distance(self, x_adv: Tensor, x: Tensor, domain: Domain | Views) -> Tensor:
        """How many pixels differ, float64 ``(N,)``."""
        # "not equal" so that a NaN counts as a change.
        changed = (x_adv != x).flatten(1).double()
        return (self.places(domain).sums(changed) > 0).sum(1).double()

    def nearest(self, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views) -> Tensor:
        """The change of the pixels whose change brings the point closest to ``z``."""
        near = x.double()
        wanted = z.double()
        if domain.integer and isinstance(domain, Domain):
            legal = domain.clip(wanted.round()) - near
        else:
            legal = domain.clip(wanted) - near
        legal = legal.flatten(1)
        gains = legal * (2 * (wanted - near).flatten(1) - legal)
        places = self.places(domain)
        chosen = _top(places.sums(gains), radius)
        return kept(legal, places.spread(chosen)).view_as(x)

    def relax(self, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views) -> Tensor:
        """The iterate between queries: in the box and the l_1 ball of range units."""
        near, places = x.double(), self.places(domain)
        unit = feature_unit(domain).to(x.device)
        wanted = (z.double() - near).flatten(1)
        legal = (domain.clip(z.double()) - near).flatten(1)
        # Where every x stands on a bound, the convex hull of "at most k pixels" is, in the box,
        # Σ_p max_c |δ_pc| / range_c <= k: an l_1 ball of one number per pixel. A pixel driven by
        # size_p has room_p, so the nearest point gives it clip(size_p - θ, 0, room_p), and all its
        # channels shrink by one factor: the direction stays what the gradient made of it.
        size = places.largest(wanted.abs() / unit)
        room = places.largest(legal.abs() / unit)
        moved = torch.minimum((size - threshold(size, room, radius)).clamp(min=0), room)
        # Of ``legal`` rather than ``wanted``, so that the result stays in the box.
        factor = torch.where(room > 0, moved / room.clamp(min=1e-300), 0.0)
        return round_toward((legal * places.spread(factor)).view_as(x), x, domain, grid=False)

    def step(
        self, grad: Tensor, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views
    ) -> Tensor:
        """From ``z`` to the far ends of the pixels with the largest gain ``sum_c |g_c| room_c``."""
        unit = feature_unit(domain).to(grad)
        room = torch.minimum(headroom(grad, x, domain).flatten(1), unit)
        size = grad.flatten(1).abs()
        # Scaled so that products with tiny gradients cannot vanish.
        largest = size.amax(1, keepdim=True)
        size = size / torch.where(largest > 0, largest, torch.ones_like(largest))
        places = self.places(domain)
        chosen = _top(places.sums(size * room), radius)
        return direction_to(places.spread(chosen) * room, grad, z, x)

    def draw(self, x: Tensor, seeds: Seeds, radius: float, domain: Domain | Views) -> Tensor:
        """``radius`` random pixels, moved to uniform values of their range."""
        shape = x.shape[1:]
        places = self.places(domain)
        keys = seeds.child("pixels").exponential((places.count,), torch.float64, device=x.device)
        chosen = places.spread(_top(keys, radius))
        value = seeds.child("values").uniform(shape, torch.float64, device=x.device)
        low, high = domain.bounds(x.double())
        finite = (high - low).isfinite()
        low, high = torch.where(finite, low, -1.0), torch.where(finite, high, 1.0)
        if domain.integer and isinstance(domain, Domain):
            value = low + (value * (high - low + 1)).floor().minimum(high - low)
        else:
            value = low + value * (high - low)
        change = torch.where(finite, value - x.double(), value).to(x.dtype)
        return torch.where(chosen.view_as(x), change, torch.zeros_like(change))

    def marginal_gains(
        self, grad: Tensor, x_adv: Tensor, x: Tensor, domain: Domain | Views
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Changed pixels, gain of moving each to its far end, and worth of its change."""
        places = self.places(domain)
        changed = places.largest((x_adv != x).flatten(1).to(x.dtype))
        far = self._far(grad, x_adv, x, domain)
        gain = places.sums((grad * (far - x_adv)).flatten(1))
        worth = places.sums((grad * (x_adv - x)).flatten(1))
        return changed, torch.where(changed > 0, torch.zeros_like(gain), gain), worth

    def swap_units(
        self,
        x_adv: Tensor,
        x: Tensor,
        grad: Tensor,
        domain: Domain | Views,
        *,
        put: Tensor,
        take: Tensor,
    ) -> Tensor:
        """Move pixels to their far ends, and others back to where they were."""
        places = self.places(domain)
        far = self._far(grad, x_adv, x, domain)
        moved = torch.where(places.spread(put).view_as(x), far, x_adv)
        return torch.where(places.spread(take).view_as(x), x, moved)

    def _far(self, grad: Tensor, x_adv: Tensor, x: Tensor, domain: Domain | Views) -> Tensor:
        """The end of the range each feature is pulled to; 1 from ``x`` where there is no end."""
        low, high = domain.bounds(x)
        low, high = (
            torch.where(low.isfinite(), low, x - 1),
            torch.where(high.isfinite(), high, x + 1),
        )
        return torch.where(grad > 0, high, torch.where(grad < 0, low, x_adv))

    def check(self, radius: float, domain: Domain | Views) -> None:
        """Refuse what is not a whole number, or more than an item has."""
        most = self.places(domain).count
        check_whole("l_0", radius, most, "pixels" if self.pixels else "features")


def check_whole(name: str, radius: float, most: float, what: str) -> None:
    """Raise unless the radius counts something: a whole number, at most ``most``."""
    if radius != math.floor(radius):
        raise SettingError(
            f"The {name} radius counts {what} and must be a whole number; got {radius:g}."
        )
    if radius > most:
        raise SettingError(
            f"The {name} radius {radius:g} is more than the {most:g} {what} of an item."
        )


def _top(values: Tensor, k: Radius) -> Tensor:
    """Which entries are the k largest of their row; bool, ``(N, P)``."""
    most = min(int(k.max() if isinstance(k, Tensor) else k), values.shape[1])
    where = values.topk(most, dim=1).indices
    kept = torch.arange(most, device=values.device).expand_as(where) < k
    return torch.zeros_like(values, dtype=torch.bool).scatter(1, where, kept)
