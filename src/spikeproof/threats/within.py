"""Events that change in one region of the sensor only: a patch, a dash, a frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from spikeproof.base import Seeds, SettingError, check_count, check_one_of
from spikeproof.data import Domain, Views
from spikeproof.threats.counts import Counts
from spikeproof.threats.facts import ThreatFacts
from spikeproof.threats.flips import Flips
from spikeproof.threats.geometry import Counted, Radius

__all__ = ["Within"]

_REGIONS = ("patch", "dash", "frame")


def _facts(region: str, geometry: Counted, what: str, size: int) -> ThreatFacts:
    """Facts of one region."""
    place = {"patch": "inside a patch", "dash": "on a dash", "frame": "along the border"}[region]
    return ThreatFacts(
        symbol=f"{geometry.about.symbol}, {region}",
        title=f"{what} {place}",
        unit="events",
        settings={"geometry": geometry, "region": region, "size": size},
        example=5.0 if region == "frame" and isinstance(geometry, Flips) else None,
    )


@dataclass(frozen=True)
class Within(Counted):
    r"""Events change in one region of the sensor, at any step and polarity, and nowhere else.

    ``patch`` is a square of ``size`` pixels a side, ``dash`` a line of ``size`` pixels in a row,
    ``frame`` the border, ``size`` pixels wide. The region is the same for all items. Draws follow
    a random gradient.

    Args:
        geometry: ``Flips()`` or ``Counts()``, whose radius is the budget inside the region.
        region: ``"patch"``, ``"dash"`` or ``"frame"``.
        size: Pixels.
        top: First row of a patch or dash; in the middle of the sensor where absent.
        left: First column; in the middle where absent.
    Raises:
        SettingError: another geometry or region, a size below 1, or a place outside the sensor.
    Differs from the paper:
        The published frame and dash are filled with events throughout; here the attacker chooses
        which of their cells change, so what it does there is at least as harmful.
    Example:
        >>> Within(Flips(), "frame").name
        'flips-frame'

    References:
        marchisio2021dvs
    """

    facts: ClassVar[Mapping[str, ThreatFacts]] = {
        f"{geometry.name}-{region}": _facts(region, geometry, what, size)
        for geometry, what in (
            (Flips(), "events inserted or deleted"),
            (Counts(), "events added or removed"),
        )
        for region, size in (("patch", 4), ("dash", 2), ("frame", 1))
    }
    grid: ClassVar[bool] = True

    geometry: Counted
    region: str = "patch"
    size: int = 1
    top: int | None = None
    left: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.geometry, Counts | Flips):
            raise SettingError(
                "Within needs a geometry that counts events, Flips() or Counts(); got "
                f"{self.geometry!r}."
            )
        check_one_of(self.region, _REGIONS, "Within.region")
        check_count(self, "size")
        for name, place in (("top", self.top), ("left", self.left)):
            if place is not None and (self.region == "frame" or place < 0):
                raise SettingError(
                    f"Within.{name} must be at least 0, and is left out for a frame; got {place!r}."
                )

    @property
    def name(self) -> str:
        """The name of the geometry and of the region."""
        return f"{self.geometry.name}-{self.region}"

    @property
    def convex(self) -> bool:
        """False: events are whole."""
        return False

    def mask(self, domain: Domain | Views) -> Tensor:
        """Which pixels may change, bool ``(H, W)``."""
        height, width = domain.layout[2:] if isinstance(domain, Domain) else (0, 0)
        inside = torch.zeros(height, width, dtype=torch.bool)
        if self.region == "frame":
            inside[:] = True
            inside[self.size : height - self.size, self.size : width - self.size] = False
            return inside
        high = self.size if self.region == "patch" else 1
        top = (height - high) // 2 if self.top is None else self.top
        left = (width - self.size) // 2 if self.left is None else self.left
        inside[top : top + high, left : left + self.size] = True
        return inside

    def distance(self, x_adv: Tensor, x: Tensor, domain: Domain | Views) -> Tensor:
        """Events that changed, float64 ``(N,)``; inf where one did outside the region."""
        outside = (x_adv != x) & ~self.mask(domain).to(x.device)
        length = self.geometry.distance(x_adv, x, domain)
        return torch.where(outside.flatten(1).any(1), torch.inf, length)

    def reach(self, x: Tensor, domain: Domain | Views) -> Tensor:
        """No less than the distance to the farthest legal point, float64 ``(N,)``."""
        assert isinstance(domain, Domain)
        low, high = domain.bounds(x.double())
        room = torch.maximum(x.double() - low, high - x.double())
        inside = torch.where(self.mask(domain).to(x.device), room, torch.zeros_like(room))
        return torch.minimum(inside.flatten(1).sum(1), self.geometry.reach(x, domain))

    def project(self, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views) -> Tensor:
        """The nearest legal point."""
        return self.geometry.project(self._inside(z, x, domain), x, radius, domain)

    def relax(self, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views) -> Tensor:
        """The iterate between queries."""
        return self.geometry.relax(self._inside(z, x, domain), x, radius, domain)

    def step(
        self, grad: Tensor, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views
    ) -> Tensor:
        """From ``z`` to the change that is best to first order."""
        grad = self._inside(grad, torch.zeros_like(grad), domain)
        return self.geometry.step(grad, z, x, radius, domain)

    def draw(self, x: Tensor, seeds: Seeds, radius: float, domain: Domain | Views) -> Tensor:
        """The change that is best for a random gradient."""
        grad = seeds.child("grad").normal(x.shape[1:], torch.float64, device=x.device)
        return self.step(grad.to(x.dtype), x, x, radius, domain)

    def marginal_gains(
        self, grad: Tensor, x_adv: Tensor, x: Tensor, domain: Domain | Views
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Events changed in each cell, gain of one more inside the region, worth of one of them."""
        grad = self._inside(grad, torch.zeros_like(grad), domain)
        return self.geometry.marginal_gains(grad, x_adv, x, domain)

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
        """Change some cells of the region by one event more, and others by one less."""
        moved = self.geometry.swap_units(x_adv, x, grad, domain, put=put, take=take)
        return self._inside(moved, x, domain)

    def check(self, radius: float, domain: Domain | Views) -> None:
        """Refuse what the geometry refuses, and a region that does not lie on the sensor."""
        self.geometry.check(radius, domain)
        height, width = domain.layout[2:] if isinstance(domain, Domain) else (0, 0)
        flat = not isinstance(domain, Domain) or "width" not in domain.axes
        high = self.size if self.region == "patch" else 1
        beyond = (self.top or 0) + high > height or (self.left or 0) + self.size > width
        if flat or beyond or (self.region == "frame" and 2 * self.size >= min(height, width)):
            raise SettingError(
                f"A {self.region} of size {self.size} does not lie inside a sensor of "
                f"{height} x {width} pixels and leave some of it; choose a smaller one."
            )

    def _inside(self, z: Tensor, x: Tensor, domain: Domain | Views) -> Tensor:
        """``z`` in the region, ``x`` elsewhere."""
        return torch.where(self.mask(domain).to(z.device), z, x)
