"""Budgets in proportion to the events that an item has of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from spikeproof.base import Seeds, SettingError
from spikeproof.data import Domain, Views
from spikeproof.threats.counts import Counts
from spikeproof.threats.facts import ThreatFacts
from spikeproof.threats.flips import Flips
from spikeproof.threats.geometry import Geometry, Radius
from spikeproof.threats.retiming import Retiming

__all__ = ["Relative"]


def _facts(title: str, example: float | None, geometry: Geometry) -> ThreatFacts:
    """Facts of one relative budget."""
    return ThreatFacts(
        symbol=f"{geometry.about.symbol} / events",
        title=title,
        unit="steps per event" if geometry.name == "retiming-l1" else "share of the events",
        settings={"geometry": geometry},
        example=example,
    )


@dataclass(frozen=True)
class Relative(Geometry):
    r"""A budget that is a share of the item's own events: ``moved / sum x <= radius``.

    An absolute number of events is a different threat for a quiet recording than for a busy one,
    and for one set cut into 10 steps than into 40; this one is the same. Each item may change
    ``floor(radius * sum x)`` events, and one without events nothing. For the shifts of
    ``Retiming("l1")`` the radius is the mean shift of an event, in steps, and may exceed 1.

    Args:
        geometry: What is counted: ``Counts()``, ``Flips()``, ``Retiming("l1")`` or
            ``Retiming("l0")``.
    Raises:
        SettingError: another geometry.
    Example:
        >>> Relative(Flips()).name
        'flips-relative'

    References:
        yu2026retiming
    """

    facts: ClassVar[Mapping[str, ThreatFacts]] = {
        "counts-relative": _facts("events added or removed, of those there are", None, Counts()),
        "flips-relative": _facts("events inserted or deleted, of those there are", 0.05, Flips()),
        "retiming-l1-relative": _facts("mean shift of an event in time", None, Retiming("l1")),
        "retiming-l0-relative": _facts("share of the events moved in time", None, Retiming("l0")),
    }
    grid: ClassVar[bool] = True

    geometry: Geometry

    def __post_init__(self) -> None:
        own = self.geometry
        if not (
            isinstance(own, Counts | Flips)
            or (isinstance(own, Retiming) and own.measure in ("l1", "l0"))
        ):
            raise SettingError(
                "Relative needs a geometry that counts events or their steps, Counts(), Flips(), "
                f"Retiming('l1') or Retiming('l0'); got {own!r}."
            )

    @property
    def name(self) -> str:
        """The name of the geometry, and ``-relative``."""
        return f"{self.geometry.name}-relative"

    @property
    def convex(self) -> bool:
        """False: events are whole."""
        return False

    def budget(self, x: Tensor, radius: Radius) -> Tensor:
        """How many units each item may spend, whole, float64 ``(N, 1)``."""
        events = x.double().flatten(1).sum(1, keepdim=True)
        share = radius if isinstance(radius, Tensor) else events.new_full((1, 1), radius)
        share = share.double()
        units = (share * events + 1e-9).floor()
        # The nudge may have made one too many; what counts is the quotient that is measured.
        return (units - (units / events.clamp(min=1) > share).to(units)).clamp(min=0)

    def distance(self, x_adv: Tensor, x: Tensor, domain: Domain | Views) -> Tensor:
        """Units over events, float64 ``(N,)``; inf for a change where there were none."""
        return self._share(self.geometry.distance(x_adv, x, domain), x)

    def reach(self, x: Tensor, domain: Domain | Views) -> Tensor:
        """Distance to the farthest legal point, float64 ``(N,)``; 0 without events."""
        events = x.double().flatten(1).sum(1)
        share = self.geometry.reach(x, domain) / events.clamp(min=1)
        return torch.where(events > 0, share, torch.zeros_like(share))

    def project(self, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views) -> Tensor:
        """The nearest legal point."""
        return self.geometry.project(z, x, self.budget(x, radius), domain)

    def relax(self, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views) -> Tensor:
        """The iterate between queries."""
        return self.geometry.relax(z, x, self.budget(x, radius), domain)

    def step(
        self, grad: Tensor, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views
    ) -> Tensor:
        """From ``z`` to the change that is best to first order."""
        return self.geometry.step(grad, z, x, self.budget(x, radius), domain)

    def draw(self, x: Tensor, seeds: Seeds, radius: float, domain: Domain | Views) -> Tensor:
        """A draw of the geometry with each item's own budget."""
        budget, out = self.budget(x, radius).flatten(), torch.zeros_like(x)
        for units in torch.unique(budget).cpu().tolist():
            which = (budget == units).nonzero().flatten()
            out[which] = self.geometry.draw(x[which], seeds[which], units, domain)
        return out

    def check(self, radius: float, domain: Domain | Views) -> None:
        """Refuse domains that the geometry refuses."""
        self.geometry.check(0.0, domain)

    def _share(self, units: Tensor, x: Tensor) -> Tensor:
        """Units over the events of each item."""
        events = x.double().flatten(1).sum(1)
        share = units / events.clamp(min=1)
        return torch.where((events > 0) | (units == 0), share, torch.inf)
