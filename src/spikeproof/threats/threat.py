"""What the attacker may do: a geometry, a radius and a domain."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spikeproof.base import Seeds, SettingError
from spikeproof.data import Domain, Views
from spikeproof.threats.box import direction_to, feature_unit
from spikeproof.threats.geometry import Counted, Geometry, Radius, Sparse
from spikeproof.threats.places import Places
from spikeproof.threats.registry import GEOMETRIES

__all__ = ["Threat"]


@dataclass(frozen=True)
class Threat:
    """What the attacker may do: move ``x`` by at most ``radius`` and stay in the domain.

    Args:
        geometry: How a perturbation is measured.
        radius: Largest distance, in units of the raw input; a count for l_0 and counts; a
            multiplier of every view's radius for a joint geometry. 0 allows no change.
        domain: Legal inputs.
    Raises:
        SettingError: the radius is negative, not finite, or makes no sense on this domain
            (8 on [0, 1], a fraction of a pixel, less than one event).
    Example:
        >>> from spikeproof.threats import Linf
        >>> threat = Threat(Linf(), 0.1, Domain(kind="image", shape=(1, 2, 2)))
        >>> threat.project(torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 2, 2)).max().item() <= 0.1
        True
    """

    geometry: Geometry
    radius: float
    domain: Domain | Views

    def __post_init__(self) -> None:
        if not isinstance(self.geometry, Geometry):
            raise SettingError(
                f"Threat.geometry must be a geometry such as Linf(); got {self.geometry!r}."
            )
        radius = self.radius
        radius = radius.item() if isinstance(radius, np.generic) else radius
        if isinstance(radius, bool) or not isinstance(radius, int | float):
            raise SettingError(f"Threat.radius must be a number; got {radius!r}.")
        if not 0 <= radius < math.inf:
            raise SettingError(
                f"Threat.radius must be a finite number of at least 0; got {radius!r}."
            )
        object.__setattr__(self, "radius", float(radius))
        self.geometry.check(self.radius, self.domain)

    @property
    def name(self) -> str:
        """The name of the geometry: linf, l2, l1, l0, l0-features, counts or joint."""
        return self.geometry.name

    @property
    def order(self) -> float | None:
        """p where the distance is an l_p norm, math.inf and 0 included; None otherwise."""
        return self.geometry.about.order

    @property
    def space(self) -> str:
        """Where the perturbation lives: pixels, frames, counts, waveform, views or real."""
        if self.domain.kind == "events":
            return "counts" if self.domain.integer else "frames"
        return {"image": "pixels", "audio": "waveform"}.get(self.domain.kind, self.domain.kind)

    @property
    def level(self) -> str:
        """The radius in decibels, as text, where the threat moves a waveform; else empty."""
        return self.geometry.level(self.radius, self.domain)

    @property
    def relaxed(self) -> bool:
        """Whether an iterate lives outside the legal set between queries (l_0, counts, grids)."""
        return self.domain.integer or not self.geometry.convex

    @property
    def counted(self) -> bool:
        """Whether the radius counts units (pixels, features, events) that can be exchanged."""
        return isinstance(self.geometry, Counted)

    @property
    def sparse(self) -> bool:
        """Whether a step moves few features, so that ``spread`` has a choice to make (l_1)."""
        return isinstance(self.geometry, Sparse)

    @property
    def norm(self) -> bool:
        """Whether the radius is a length in units of the input (l_inf, l_2, l_1)."""
        return self.geometry.norm

    def at(self, radius: float) -> Threat:
        """The same threat with another radius."""
        return replace(self, radius=radius)

    def check(self, x: Tensor, what: str = "x") -> Tensor:
        """Return ``x`` if every item is legal; otherwise raise InputError."""
        return self.domain.check(x, what)

    def distance(self, x_adv: Tensor, x: Tensor) -> Tensor:
        """Length of every perturbation as this threat measures it.

        Args:
            x_adv: Perturbed inputs, ``(N, *shape)``.
            x: Clean inputs, ``(N, *shape)``.
        Returns:
            float64 ``(N,)``; NaN or above any radius where ``x_adv`` is not finite.
        """
        return self.geometry.distance(x_adv.detach(), x.detach(), self.domain)

    def reach(self, x: Tensor) -> Tensor:
        """Distance from every item to the farthest legal point, float64 ``(N,)``."""
        return self.geometry.reach(x.detach(), self.domain)

    @torch.no_grad()
    def project(self, z: Tensor, x: Tensor, radius: Tensor | None = None) -> Tensor:
        """Return the legal point for ``z``: in the ball, in the box, on the grid.

        It is the nearest such point, except that l_1 and l_2 on a grid cut the nearest real
        point back to the grid.

        Args:
            z: Any point, ``(N, *shape)``.
            x: Legal clean inputs, ``(N, *shape)``.
            radius: Each item's own radius, ``(N,)``; the threat's where absent.
        Returns:
            Legal inputs of the type of ``x``, ``(N, *shape)``; ``distance`` to ``x`` is at most
            the radius also after rounding.
        """
        return self.geometry.project(z.detach(), x.detach(), self._of(radius), self.domain)

    @torch.no_grad()
    def relax(self, z: Tensor, x: Tensor, radius: Tensor | None = None) -> Tensor:
        """Return the nearest point of the convex relaxation an iterate lives in between queries.

        Args:
            z: Any point, ``(N, *shape)``.
            x: Legal clean inputs, ``(N, *shape)``.
            radius: Each item's own radius, ``(N,)``; the threat's where absent.
        Returns:
            ``(N, *shape)``; for l_inf, l_2 and l_1 off the grid the same as ``project``.
        """
        return self.geometry.relax(z.detach(), x.detach(), self._of(radius), self.domain)

    @torch.no_grad()
    def step(self, grad: Tensor, z: Tensor, x: Tensor, radius: Tensor | None = None) -> Tensor:
        """Return the direction of steepest ascent from ``z``, as long as the radius.

        Args:
            grad: Gradient of what is maximised, ``(N, *shape)``.
            z: Where the attacker stands, ``(N, *shape)``.
            x: Clean inputs, ``(N, *shape)``.
            radius: Each item's own radius, ``(N,)``; the threat's where absent.
        Returns:
            ``(N, *shape)``; 0 in coordinates that stand on the bound of the box they would leave
            through, shorter than the radius where the box leaves less room, 0 for a zero gradient.
        """
        own = radius if radius is None else radius.to(grad)
        return self.geometry.step(grad.detach(), z.detach(), x.detach(), self._of(own), self.domain)

    @torch.no_grad()
    def spread(self, grad: Tensor, z: Tensor, x: Tensor, share: Tensor) -> Tensor:
        """Return the step of a sparse threat that moves at least some share of the features.

        Args:
            grad: Gradient of what is maximised, ``(N, *shape)``.
            z: Where the attacker stands, ``(N, *shape)``.
            x: Clean inputs, ``(N, *shape)``.
            share: Share of the features for each item, in [0, 1], ``(N,)``; 0 is ``step``.
        Returns:
            ``(N, *shape)``, from ``z`` to the best such point of ball and box to first order.
        Raises:
            SettingError: the threat is not sparse.
        """
        if not isinstance(self.geometry, Sparse):
            raise SettingError(
                f"A step of {self.name} leaves no choice of how many features move; use step()."
            )
        size = self.geometry.sparse_target(
            grad.detach(), x.detach(), share, self.radius, self.domain
        )
        return direction_to(size, grad.detach(), z.detach(), x.detach())

    @torch.no_grad()
    def draw(self, x: Tensor, seeds: Seeds) -> Tensor:
        """Return a random perturbation from the ball, before any clipping to the domain.

        Args:
            x: Clean inputs, ``(N, *shape)``.
            seeds: One key per item.
        Returns:
            Perturbations ``(N, *shape)``, uniform in the ball for l_inf, l_2 and l_1.
        """
        return self.geometry.draw(x.detach(), seeds, self.radius, self.domain)

    @torch.no_grad()
    def sample(self, x: Tensor, seeds: Seeds) -> Tensor:
        """Return a random legal point: ``x`` plus a draw, projected.

        Args:
            x: Clean inputs, ``(N, *shape)``.
            seeds: One key per item.
        Returns:
            Legal inputs ``(N, *shape)``.
        """
        return self.project(x + self.draw(x, seeds), x)

    @torch.no_grad()
    def marginal_gains(
        self, grad: Tensor, x_adv: Tensor, x: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return what the units of a counted threat are worth to first order.

        Args:
            grad: Gradient at ``x_adv``, ``(N, *shape)``.
            x_adv: Legal inputs, ``(N, *shape)``.
            x: Clean inputs, ``(N, *shape)``.
        Returns:
            ``(N, P)`` each, P places (pixels, features or cells): units used on each place, gain
            of one more (0 where there cannot be one), worth of one of those used.
        Raises:
            SettingError: the threat is not counted.
        """
        return self._units().marginal_gains(grad, x_adv, x, self.domain)

    @torch.no_grad()
    def swap_units(
        self, x_adv: Tensor, x: Tensor, grad: Tensor, *, put: Tensor, take: Tensor
    ) -> Tensor:
        """Return inputs with some units of a counted threat put elsewhere.

        Args:
            x_adv: Legal inputs, ``(N, *shape)``.
            x: Clean inputs, ``(N, *shape)``.
            grad: Gradient at ``x_adv``, ``(N, *shape)``; new units follow its sign.
            put: Places that get one unit more, bool ``(N, P)``.
            take: Places that get one unit less, bool ``(N, P)``.
        Returns:
            ``(N, *shape)``, in the box; the caller keeps the count.
        Raises:
            SettingError: the threat is not counted.
        """
        return self._units().swap_units(x_adv, x, grad, self.domain, put=put, take=take)

    def places(self) -> Places:
        """What the radius counts where it does: a pixel with all its channels, or one feature."""
        return self.geometry.places(self.domain)

    def feature_unit(self, like: Tensor | None = None) -> Tensor:
        """Range of each feature, ``(size,)``; 1 where it has no end or no width.

        Args:
            like: Its type; float64 where absent.
        """
        return feature_unit(self.domain, like)

    def _of(self, radius: Tensor | None) -> Radius:
        """The radii of the items as geometries take them."""
        return self.radius if radius is None else radius.detach()[:, None]

    def _units(self) -> Counted:
        """The geometry, if it counts units."""
        if not isinstance(self.geometry, Counted):
            raise SettingError(
                f"The radius of {self.name} is a length, not a count of units to exchange; use "
                "an attack such as PGD, or a counted threat (l_0, counts)."
            )
        return self.geometry

    def record(self) -> dict[str, Any]:
        """The plain record of the threat; the domain belongs to the data set."""
        return {
            "name": self.name,
            "geometry": GEOMETRIES.record(self.geometry),
            "radius": self.radius,
            "space": self.space,
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any], domain: Domain | Views) -> Threat:
        """The threat of a record, on the given domain of its data set."""
        if record.get("space") == "frames":
            domain = domain.relaxed()
        return cls(GEOMETRIES.build(record["geometry"]), float(record["radius"]), domain)
