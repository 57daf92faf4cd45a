"""What a way to measure perturbations must be able to do, so that every attack can use it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from spikeproof.base import Seeds
from spikeproof.data import Domain, Views
from spikeproof.threats.facts import Described
from spikeproof.threats.places import Places

__all__ = ["Counted", "Finite", "Geometry", "Radius", "Sparse", "whole_radius"]

# One radius for all items, or each item's own, (N, 1).
Radius = float | Tensor


class Geometry(Described, ABC):
    """A way to measure perturbations, with the verbs an attack needs.

    Subclasses are frozen dataclasses. Every verb takes the radius and the domain from the
    :class:`Threat` that holds both; callers use the threat. What is abstract here is the whole
    contract: balls in boxes keep it by ``box.py``, other sets of legal points in their own way.
    ``facts`` says of every name that the geometry goes by what tables, theory and verification ask.
    """

    @property
    def convex(self) -> bool:
        """Whether the legal set is convex off the grid, so that ``relax`` is ``project``."""
        return True

    @property
    def norm(self) -> bool:
        """Whether the distance is a norm in units of the input, so that steps may be lengths."""
        return False

    @property
    def per_view(self) -> Mapping[str, tuple[Geometry, float]]:
        """Where every view is measured on its own, its geometry and radius; empty otherwise."""
        return {}

    @property
    @abstractmethod
    def name(self) -> str:
        """The name of the threat in tables and records."""

    @abstractmethod
    def distance(self, x_adv: Tensor, x: Tensor, domain: Domain | Views) -> Tensor:
        """Length of ``x_adv - x`` in float64, ``(N,)``."""

    @abstractmethod
    def project(self, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views) -> Tensor:
        """A legal point: in the ball, in the box, on the grid."""

    @abstractmethod
    def relax(self, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views) -> Tensor:
        """The point of the convex relaxation of the legal set nearest to ``z``."""

    @abstractmethod
    def step(
        self, grad: Tensor, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views
    ) -> Tensor:
        """Steepest direction of length ``radius`` that ``z`` can move in."""

    @abstractmethod
    def draw(self, x: Tensor, seeds: Seeds, radius: float, domain: Domain | Views) -> Tensor:
        """A perturbation drawn from the ball, before any clipping."""

    @abstractmethod
    def check(self, radius: float, domain: Domain | Views) -> None:
        """Raise SettingError where the radius makes no sense on the domain."""

    def reach(self, x: Tensor, domain: Domain | Views) -> Tensor:
        """Distance to the farthest legal point at any radius, float64 ``(N,)``; inf if unknown."""
        return torch.full((len(x),), torch.inf, dtype=torch.float64, device=x.device)

    def rounded(self, radius: Radius) -> Radius:
        """The largest radius this geometry can tell from smaller ones, at most ``radius``."""
        return radius

    def on(self, domain: Domain | Views) -> Domain | Views:
        """The domain that perturbations of this geometry live on: its grid, or frames."""
        return domain if self.grid else domain.relaxed()

    def places(self, domain: Domain | Views) -> Places:
        """Which features a count takes for one: every feature is a place of its own."""
        return Places.single(domain)


class Counted(Geometry):
    """A geometry whose distance counts units (pixels, events) on places.

    On top of the verbs of every geometry it can tell what a unit on each place is worth, and
    put units elsewhere: what a local search over subsets needs.
    """

    def rounded(self, radius: Radius) -> Radius:
        """A whole number."""
        return whole_radius(radius)

    @abstractmethod
    def marginal_gains(
        self, grad: Tensor, x_adv: Tensor, x: Tensor, domain: Domain | Views
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Units used, linear gain of one more and linear worth of one used, ``(N, P)`` each."""

    @abstractmethod
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
        """Put a unit on some places, along the gradient, and take one from others."""


class Finite(Geometry):
    """A geometry with few legal points, so that an attack can try every one of them."""

    @abstractmethod
    def how_many(self, radius: float, domain: Domain | Views) -> int:
        """How many legal points an item has, itself among them."""

    @abstractmethod
    def points(self, x: Tensor, radius: float, domain: Domain | Views) -> Iterator[Tensor]:
        """Every legal point for all items at once, ``(N, *shape)``, the nearest first."""


class Sparse(Geometry):
    """A geometry whose steepest step moves few features, so that how many is a choice (l_1)."""

    @abstractmethod
    def sparse_target(
        self, grad: Tensor, x: Tensor, share: Tensor, radius: Radius, domain: Domain | Views
    ) -> Tensor:
        """How far each feature goes in the best point to first order, ``(N, n)``.

        At least the share ``(N,)`` of the features moves, where the box has room.
        """


def whole_radius(radius: Radius) -> Radius:
    """The largest count within a radius; the nudge keeps what scaling made of a whole number."""
    if isinstance(radius, Tensor):
        return (radius + 1e-9).floor()
    return float(math.floor(radius + 1e-9))
