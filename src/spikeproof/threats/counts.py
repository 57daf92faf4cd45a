"""Event counts: whole events are inserted or deleted, at most so many in all."""

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
    feature_range,
    fill,
    headroom,
    round_toward,
)
from spikeproof.threats.facts import ThreatFacts
from spikeproof.threats.geometry import Counted, Radius, whole_radius
from spikeproof.threats.l0 import check_whole
from spikeproof.threats.l1 import nearest_l1

__all__ = ["Counts"]


@dataclass(frozen=True)
class Counts(Boxed, Counted):
    r"""At most ``radius`` events are inserted or deleted: ``sum |Δcount| <= radius``, all whole.

    The nearest legal point spends the radius event by event on the cell where the next event
    saves most, which is exact because that saving, ``2 |d| - 2 m + 1`` for the m-th event, falls
    with m. Between queries an iterate lives in the box and the real l_1 ball. Draws place
    ``radius`` events, each on a random cell in a random direction that the box allows.

    Example:
        >>> Counts().name
        'counts'
    """

    facts: ClassVar[Mapping[str, ThreatFacts]] = {
        "counts": ThreatFacts(
            symbol="counts", title="events added or removed", unit="events", example=6.0
        )
    }
    grid: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """``"counts"``."""
        return "counts"

    @property
    def convex(self) -> bool:
        """False: events are whole."""
        return False

    def distance(self, x_adv: Tensor, x: Tensor, domain: Domain | Views) -> Tensor:
        """How many events were inserted or deleted, float64 ``(N,)``."""
        return (x_adv.double() - x.double()).flatten(1).abs().sum(1)

    def nearest(self, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views) -> Tensor:
        """The nearest whole change within the radius and the box."""
        near = x.double()
        change = (z.double() - near).flatten(1)
        room = headroom(change.view_as(x), near, domain).flatten(1)
        events = _events(change.abs(), room.floor(), whole_radius(radius))
        return (events * change.sign()).view_as(x)

    def relax(self, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views) -> Tensor:
        """The iterate between queries: in the box and the real l_1 ball."""
        return round_toward(nearest_l1(z, x, radius, domain), x, domain, grid=False)

    def step(
        self, grad: Tensor, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views
    ) -> Tensor:
        """From ``z`` to the change that is best to first order: whole events where it counts."""
        room = headroom(grad, x, domain).flatten(1)
        return direction_to(fill(grad.flatten(1).abs(), room, radius), grad, z, x)

    def draw(self, x: Tensor, seeds: Seeds, radius: float, domain: Domain | Views) -> Tensor:
        """``radius`` events on random cells, in a random direction that the box allows."""
        k, n = int(radius), domain.size
        if k == 0:
            return torch.zeros_like(x)
        sign = (seeds.child("sign").uniform((n,), torch.float64, device=x.device) - 0.5).sign()
        up, down = (headroom(torch.full_like(x, s), x, domain).flatten(1).double() for s in (1, -1))
        sign = torch.where(up < 1, -1.0, torch.where(down < 1, 1.0, sign))
        room = torch.where(sign > 0, up, down).floor()
        target = room.sum(1, keepdim=True).clamp(max=k)
        placed, turn = torch.zeros_like(room), torch.arange(k, device=x.device)
        for attempt in range(64):
            missing = target - placed.sum(1, keepdim=True)
            if not missing.any():
                break
            cells = seeds.child("cells", attempt).uniform((k,), torch.float64, device=x.device) * n
            placed = placed.scatter_add(1, cells.long(), (turn < missing).to(placed))
            placed = torch.minimum(placed, room)
        # What chance has not placed by now, because nearly every cell is full, goes in order.
        rest = (target - placed.sum(1, keepdim=True)).clamp(min=0)
        left = room - placed
        placed += torch.minimum((rest - (left.cumsum(1) - left)).clamp(min=0), left)
        return (placed * sign).to(x.dtype).view_as(x)

    def marginal_gains(
        self, grad: Tensor, x_adv: Tensor, x: Tensor, domain: Domain | Views
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Events changed in each cell, gain of one more, and worth of one of them."""
        change = (x_adv - x).flatten(1)
        slope = grad.flatten(1)
        free = (headroom(grad, x_adv, domain).flatten(1) >= 1) & (change * slope >= 0)
        gain = torch.where(free, slope.abs(), torch.zeros_like(slope))
        return change.abs(), gain, slope * change.sign()

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
        """Change some cells by one more event, and others by one less."""
        more, less = (places.view_as(x).to(x.dtype) for places in (put, take))
        return x_adv + more * grad.sign() - less * (x_adv - x).sign()

    def check(self, radius: float, domain: Domain | Views) -> None:
        """Refuse a radius that counts nothing, and domains whose values are not counts."""
        if not (isinstance(domain, Domain) and domain.integer):
            raise SettingError(
                f"Counts needs a domain of whole numbers; this {domain.kind} domain is "
                "continuous. Use L1, or a domain with integer=True."
            )
        check_whole("counts", radius, float(feature_range(domain).sum()), "events")


def _events(size: Tensor, room: Tensor, k: Radius) -> Tensor:
    """How many events each cell gets when ``k`` are spent where they save most, ``(N, n)``."""
    reach = size + 0.5
    most = torch.minimum(reach.ceil() - 1, room)
    whole = reach.floor()

    def taken(level: Tensor) -> Tensor:
        """Events whose saving is at least the level."""
        return torch.minimum((whole - level).clamp(min=0), most)

    # The smallest whole level at which no more than k events are worth it, by bisection.
    low = torch.zeros_like(size[:, :1])
    high = whole.amax(1, keepdim=True)
    for _ in range(max(1, math.ceil(math.log2(float(whole.max()) + 2)))):
        middle = ((low + high) / 2).floor()
        fits = taken(middle).sum(1, keepdim=True) <= k
        low, high = torch.where(fits, low, middle + 1), torch.where(fits, middle, high)
        low = torch.minimum(low, high)
    events = taken(high)
    # One more for the cells that save most below that level, as long as events are left.
    spare = k - events.sum(1, keepdim=True)
    more = (taken(high - 1) > events) & (high > 0)
    saving = torch.where(more, reach - whole, -1.0)
    largest = int(k.max() if isinstance(k, Tensor) else k)
    best, where = saving.topk(min(largest, saving.shape[1]), dim=1)
    chosen = (best >= 0) & (torch.arange(best.shape[1], device=best.device) < spare)
    return events.scatter_add(1, where, chosen.to(events))
