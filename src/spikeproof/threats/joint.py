"""The joint geometry: every named view has its own ball, all other views stay as they are."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import torch
from torch import Tensor

from spikeproof.base import Named, Seeds, SettingError, suggestion
from spikeproof.data import Domain, Views
from spikeproof.threats.facts import ThreatFacts
from spikeproof.threats.geometry import Geometry, Radius
from spikeproof.threats.l0 import L0

__all__ = ["Joint"]


@dataclass(frozen=True)
class Joint(Geometry):
    r"""Each named view moves in its own ball; views not named stay as they are.

    The radius of a threat with this geometry multiplies the radius of every view, and the
    distance is ``max_v distance_v / radius_v``, infinite where another view changed. Counted
    radii (l_0, counts) are rounded down after the multiplication.

    Args:
        views: Name of the view → its geometry and its radius.
    Raises:
        SettingError: no view, a negative radius, or a Joint inside a Joint.
    Example:
        >>> from spikeproof.threats import Linf
        >>> Joint({"image": (Linf(), 0.1), "audio": (Linf(), 0.01)}).name
        'joint'

    References:
        tian2021can
    """

    facts: ClassVar[Mapping[str, ThreatFacts]] = {
        "joint": ThreatFacts(
            symbol="joint", title="multiple of each view's own radius", unit="factor", settings=None
        )
    }

    views: Mapping[str, Annotated[tuple[Geometry, float], Named("geometry", "radius")]]

    def __post_init__(self) -> None:
        object.__setattr__(self, "views", {n: (g, float(r)) for n, (g, r) in self.views.items()})
        if not self.views:
            raise SettingError("Joint needs at least one view, e.g. {'image': (Linf(), 0.1)}.")
        for name, (geometry, radius) in self.views.items():
            if isinstance(geometry, Joint) or not 0 <= radius < math.inf:
                raise SettingError(
                    f"Joint: view {name!r} needs a geometry other than Joint and a finite radius "
                    f"of at least 0; got {geometry!r} with {radius:g}."
                )

    def __hash__(self) -> int:
        return hash(tuple(sorted((n, repr(g), r) for n, (g, r) in self.views.items())))

    @property
    def name(self) -> str:
        """``"joint"``."""
        return "joint"

    @property
    def per_view(self) -> Mapping[str, tuple[Geometry, float]]:
        """The views that may move."""
        return self.views

    @property
    def convex(self) -> bool:
        """Whether every view's geometry is."""
        return all(geometry.convex for geometry, _ in self.views.values())

    def distance(self, x_adv: Tensor, x: Tensor, domain: Domain | Views) -> Tensor:
        """Largest share of its own radius that a view has used, float64 ``(N,)``."""
        views = _views(domain)
        near, far = views.unpack(x), views.unpack(x_adv)
        used = []
        for name, part in views.parts:
            geometry, radius = self.views.get(name, (L0(pixels=False), 0.0))
            length = geometry.distance(far[name], near[name], part)
            over = length / radius if radius > 0 else torch.full_like(length, torch.inf)
            used.append(torch.where(length == 0, torch.zeros_like(length), over))
        return torch.stack(used).amax(0)

    def reach(self, x: Tensor, domain: Domain | Views) -> Tensor:
        """The multiple of the radii at which every view that may move can reach its corners."""
        views = _views(domain)
        near, parts = views.unpack(x), dict(views.parts)
        reached = [
            geometry.reach(near[name], parts[name]) / own
            for name, (geometry, own) in self.views.items()
            if own > 0
        ]
        return torch.stack(reached).amax(0) if reached else x.new_zeros(len(x)).double()

    def project(self, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views) -> Tensor:
        """A legal point of every named view; the others as in ``x``."""
        views = _views(domain)
        far, near = views.unpack(z), views.unpack(x)
        moved = {n: g.project(far[n], near[n], r, d) for n, g, r, d in self._parts(radius, views)}
        return views.pack({**near, **moved})

    def relax(self, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views) -> Tensor:
        """The iterate of every named view between queries."""
        views = _views(domain)
        far, near = views.unpack(z), views.unpack(x)
        moved = {n: g.relax(far[n], near[n], r, d) for n, g, r, d in self._parts(radius, views)}
        return views.pack({**near, **moved})

    def step(
        self, grad: Tensor, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views
    ) -> Tensor:
        """The steepest step of every named view, each of its own length."""
        views = _views(domain)
        slope, far, near = views.unpack(grad), views.unpack(z), views.unpack(x)
        moved = {
            n: g.step(slope[n], far[n], near[n], r, d) for n, g, r, d in self._parts(radius, views)
        }
        return views.pack({**views.unpack(torch.zeros_like(grad)), **moved})

    def draw(self, x: Tensor, seeds: Seeds, radius: float, domain: Domain | Views) -> Tensor:
        """An independent draw for every named view, 0 for the others."""
        views = _views(domain)
        near = views.unpack(x)
        moved = {
            n: g.draw(near[n], seeds.child("view", n), r, d)
            for n, g, r, d in self._parts(radius, views)
        }
        return views.pack({**views.unpack(torch.zeros_like(x)), **moved})

    def level(self, radius: float, domain: Domain | Views) -> str:
        """The decibels of the views that are waveforms, each with its name."""
        parts = self._parts(radius, domain) if isinstance(domain, Views) else ()
        told = ((name, geometry.level(own, part)) for name, geometry, own, part in parts)
        return ", ".join(f"{name} {level}" for name, level in told if level)

    def check(self, radius: float, domain: Domain | Views) -> None:
        """Refuse unknown views and whatever the geometry of a view refuses."""
        if not isinstance(domain, Views):
            raise SettingError(
                f"Joint needs a domain with named views; this one is a plain {domain.kind} "
                "domain. Use the geometry of the view itself."
            )
        known = [name for name, _ in domain.parts]
        for name in self.views:
            if name not in known:
                raise SettingError(f"Joint: unknown view {name!r}. {suggestion(name, known)}")
        for _, geometry, own, part in self._parts(radius, domain):
            geometry.check(own, part)

    def _parts(self, radius: Radius, views: Views) -> Iterator[tuple[str, Geometry, Any, Domain]]:
        """Name, geometry, multiplied radius and domain of every named view."""
        domains = dict(views.parts)
        for name, (geometry, own) in self.views.items():
            yield name, geometry, geometry.rounded(own * radius), domains[name]


def _views(domain: Domain | Views) -> Views:
    """The domain as Views; check() has refused everything else."""
    if not isinstance(domain, Views):
        raise SettingError("Joint needs a domain with named views.")
    return domain
