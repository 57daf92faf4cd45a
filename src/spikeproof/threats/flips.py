"""Flips on grids of bits: events inserted where there was none, or deleted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from spikeproof.base import Seeds, SettingError, check_one_of
from spikeproof.data import Domain, Views
from spikeproof.threats.box import round_toward
from spikeproof.threats.facts import ThreatFacts
from spikeproof.threats.flip_choice import best_flips
from spikeproof.threats.geometry import Counted, Radius, whole_radius
from spikeproof.threats.l0 import check_whole
from spikeproof.threats.l1 import nearest_l1
from spikeproof.threats.lines import way_to

__all__ = ["Flips"]

_DIRECTIONS = ("both", "insert", "delete")


def _facts(title: str, example: float | None, **settings: object) -> ThreatFacts:
    """Facts of flips in some directions."""
    return ThreatFacts(
        symbol="flips", title=title, unit="events", settings=settings, example=example
    )


@dataclass(frozen=True)
class Flips(Counted):
    r"""At most ``radius`` cells of a grid of bits change: an event comes in, or goes.

    The nearest legal point, and the best one to first order, spend the radius on the flips that
    gain most, exactly. Between queries an iterate lives in the box, and in the real l_1 ball around
    ``x`` of length ``radius``: the hull of the legal set where all flips are allowed. Draws flip
    ``radius`` random cells among those that may flip.

    Args:
        direction: ``"both"``, ``"insert"`` or ``"delete"``.
        exclusive: No cell may hold both polarities where ``x`` does not: a place, at one step, has
            at most one event, or as many as ``x`` has there. Then an event of one polarity can only
            come where the other one has none or is deleted.
    Raises:
        SettingError: another direction; ``exclusive`` with ``"delete"``, to which it adds nothing.
    Example:
        >>> Flips().name, Flips("insert", exclusive=True).name
        ('flips', 'flips-insert-exclusive')
    """

    facts: ClassVar[Mapping[str, ThreatFacts]] = {
        "flips": _facts("events inserted or deleted", 6.0),
        "flips-insert": _facts("events inserted", None, direction="insert"),
        "flips-delete": _facts("events deleted", None, direction="delete"),
        "flips-exclusive": _facts(
            "events inserted or deleted, one polarity at a time", 6.0, exclusive=True
        ),
        "flips-insert-exclusive": _facts(
            "events inserted, one polarity at a time", None, direction="insert", exclusive=True
        ),
    }
    grid: ClassVar[bool] = True

    direction: str = "both"
    exclusive: bool = False

    def __post_init__(self) -> None:
        check_one_of(self.direction, _DIRECTIONS, "Flips.direction")
        if self.exclusive and self.direction == "delete":
            raise SettingError(
                "Flips(direction='delete', exclusive=True) says no more than direction='delete': "
                "deleting never brings two polarities together. Leave exclusive out."
            )

    @property
    def name(self) -> str:
        """``"flips"``, with what restricts them."""
        only = "" if self.direction == "both" else f"-{self.direction}"
        return f"flips{only}{'-exclusive' if self.exclusive else ''}"

    @property
    def convex(self) -> bool:
        """False: events are whole."""
        return False

    def distance(self, x_adv: Tensor, x: Tensor, domain: Domain | Views) -> Tensor:
        """How many cells changed, float64 ``(N,)``; inf where one did that may not."""
        changed = x_adv != x
        wrong = changed & ~self._allowed(x)
        if self.exclusive:
            wrong |= self._crowded(x_adv, x)
        count = changed.flatten(1).double().sum(1)
        return torch.where(wrong.flatten(1).any(1), torch.inf, count)

    def reach(self, x: Tensor, domain: Domain | Views) -> Tensor:
        """How many cells can change, float64 ``(N,)``."""
        allowed = self._allowed(x)
        if not self.exclusive:
            return allowed.flatten(1).double().sum(1)
        events = (x != 0).sum(-3)  # of both polarities: 0, 1 or 2
        # Into an empty place one event can come; where one is, it can go and the other one come.
        most = torch.where(events == 0, 1, torch.full_like(events, 2))
        most = torch.where(events == 0, 1, 0) if self.direction == "insert" else most
        return most.flatten(1).double().sum(1)

    def project(self, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views) -> Tensor:
        """The nearest legal point."""
        # |z - x|² - |z - (1 - x)|², what a flip gains.
        gain = (1 - 2 * x.double()) * (2 * z.double() - 1)
        return self._flipped(gain, x, radius)

    def relax(self, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views) -> Tensor:
        """The iterate between queries: in the box and the real l_1 ball, where it may change."""
        inside = torch.where(self._allowed(x), domain.clip(z), x)
        return round_toward(nearest_l1(inside, x, radius, domain), x, domain, grid=False)

    def step(
        self, grad: Tensor, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views
    ) -> Tensor:
        """From ``z`` to the flips that are best to first order."""
        gain = (1 - 2 * x.double()) * grad.double()
        return way_to(self._flipped(gain, x, radius), grad, z)

    def draw(self, x: Tensor, seeds: Seeds, radius: float, domain: Domain | Views) -> Tensor:
        """``radius`` random flips, or as many as may be."""
        gain = 1 + seeds.uniform(x.shape[1:], torch.float64, device=x.device)
        return self._flipped(gain, x, radius) - x

    def marginal_gains(
        self, grad: Tensor, x_adv: Tensor, x: Tensor, domain: Domain | Views
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Cells flipped, gain of flipping each, and worth of the flip it has."""
        flipped = x_adv != x
        gain = (1 - 2 * x) * grad
        free = self._allowed(x) & ~flipped & (gain > 0)
        if self.exclusive:  # no room for one more where a place has all that it may
            free &= ~((x == 0) & self._full(x_adv, x))
        gain = torch.where(free, gain, torch.zeros_like(gain))
        if self.exclusive:  # of two that could come into an empty place, the better one
            other = gain.flip(-3)
            second = torch.arange(2, device=x.device)[:, None, None] == 1
            worse = (gain < other) | ((gain == other) & second)
            empty = (x != 0).sum(-3, keepdim=True) == 0
            gain = torch.where(worse & empty, torch.zeros_like(gain), gain)
        return flipped.flatten(1).to(x), gain.flatten(1), (grad * (x_adv - x)).flatten(1)

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
        """Flip some cells, and flip others back; places that would be crowded become as in x."""
        moved = torch.where(put.view_as(x), 1 - x, x_adv)
        moved = torch.where(take.view_as(x), x, moved)
        return torch.where(self._crowded(moved, x), x, moved) if self.exclusive else moved

    def length_between(
        self,
        x_adv: npt.NDArray[np.float64],
        x: npt.NDArray[np.float64],
        domain: Domain | Views,
    ) -> npt.NDArray[np.float64]:
        """Cells that differ, counted a second time; inf where one may not differ."""
        came, went = (x_adv > x), (x_adv < x)
        wrong = np.zeros(len(x), dtype=bool)
        for only, forbidden in (("insert", went), ("delete", came)):
            if self.direction == only:
                wrong |= forbidden.reshape(len(x), -1).any(1)
        if self.exclusive:
            both = (x_adv == 1).all(-3) & ~(x == 1).all(-3)
            wrong |= both.reshape(len(x), -1).any(1)
        count = (came.astype(np.int64) + went).reshape(len(x), -1).sum(1)
        return np.where(wrong, np.inf, count.astype(np.float64))

    def check(self, radius: float, domain: Domain | Views) -> None:
        """Refuse radii that count nothing, and domains that are no grids of bits."""
        bits = isinstance(domain, Domain) and domain.integer and (domain.low, domain.high) == (0, 1)
        if not bits:
            raise SettingError(
                "Flips needs a grid of bits, a domain with integer=True from 0 to 1; this one is "
                f"a {domain.kind} domain with other values. Use Counts for counts of events."
            )
        assert isinstance(domain, Domain)
        if self.exclusive and (len(domain.shape) < 3 or domain.shape[-3] != 2):
            raise SettingError(
                "Flips(exclusive=True) needs two polarities, a domain of shape (..., 2, H, W); "
                f"got {domain.shape}."
            )
        check_whole(self.name, radius, domain.size, "cells")

    def _flipped(self, gain: Tensor, x: Tensor, radius: Radius) -> Tensor:
        """``x`` with the flips that gain most, none that gains nothing."""
        gain = torch.where(self._allowed(x), gain, -torch.inf)
        chosen = best_flips(gain, x, whole_radius(radius), exclusive=self.exclusive)
        return torch.where(chosen, 1 - x, x)

    def _allowed(self, x: Tensor) -> Tensor:
        """Which cells may flip, if nothing else does or all else."""
        if self.direction == "both":
            allowed = torch.ones_like(x, dtype=torch.bool)
        else:
            allowed = (x == 0) if self.direction == "insert" else (x != 0)
        if self.exclusive and self.direction == "insert":
            allowed &= ((x != 0).sum(-3, keepdim=True) == 0).expand_as(x)
        return allowed

    def _crowded(self, x_adv: Tensor, x: Tensor) -> Tensor:
        """Cells of places that hold more polarities than one and than they held."""
        after, before = ((v != 0).sum(-3, keepdim=True) for v in (x_adv, x))
        return (after > before.clamp(min=1)).expand_as(x)

    def _full(self, x_adv: Tensor, x: Tensor) -> Tensor:
        """Cells of places that hold as many polarities as they may."""
        after, before = ((v != 0).sum(-3, keepdim=True) for v in (x_adv, x))
        return (after >= before.clamp(min=1)).expand_as(x)
