"""Retiming: events come earlier or later on their own line; none is added and none is lost."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from spikeproof.base import Seeds, SettingError, check_one_of
from spikeproof.data import Domain, Views
from spikeproof.threats.facts import ThreatFacts
from spikeproof.threats.geometry import Geometry, Radius, whole_radius
from spikeproof.threats.jitter import jittered
from spikeproof.threats.l0 import check_whole
from spikeproof.threats.line_loops import compiles, spikes
from spikeproof.threats.lines import as_lines, capacity, from_lines, way_to
from spikeproof.threats.shift_budget import most_moves, most_steps
from spikeproof.threats.single_moves import Items
from spikeproof.threats.spike_times import best_spikes
from spikeproof.threats.timing import (
    TOGETHER,
    Worth,
    best_lines,
    largest_shift,
    total_shift,
    window,
)

__all__ = ["Retiming"]

_MEASURES = ("inf", "l1", "l0")


@dataclass(frozen=True)
class Retiming(Geometry):
    r"""Events move in time along their line, a pixel with a polarity or a channel.

    Every line keeps its number of events, and a cell holds no more than the domain allows: one on
    a grid of bits. Events of a line are not distinguishable, so they are matched in order, which
    makes every one of these lengths as small as it can be:

        inf: max abs(shift) <= radius,  l1: sum abs(shift) <= radius,  l0: events moved <= radius.

    Shifts are counted in steps of the domain. The nearest legal point, and the best one to first
    order, are found exactly line by line. Under ``l1`` one budget serves all lines: what is
    returned is the best of all that moves so far or less, and up to one line's next change of the
    budget may be left. Draws shift every event by chance (``inf``), single steps in random
    directions (``l1``), or ``radius`` random events to random steps (``l0``).

    Args:
        measure: ``"inf"``, ``"l1"`` or ``"l0"``.
    Raises:
        SettingError: another measure.
    Differs from the paper:
        The published projection places spikes greedily, in the order of a score, and its l1 and
        l0 budgets are shared by a batch; here every item has its own. On counts above one single
        events move, where the paper moves all events of a cell together.
    Example:
        >>> Retiming("l1").name
        'retiming-l1'

    References:
        yu2026retiming
    """

    facts: ClassVar[Mapping[str, ThreatFacts]] = {
        "retiming-inf": ThreatFacts(
            symbol="retiming ∞",
            title="largest shift of any event in time",
            unit="steps",
            settings={"measure": "inf"},
            example=1.0,
        ),
        "retiming-l1": ThreatFacts(
            symbol="retiming 1",
            title="shifts in time of all events together",
            unit="steps",
            settings={"measure": "l1"},
            example=6.0,
        ),
        "retiming-l0": ThreatFacts(
            symbol="retiming 0",
            title="events moved in time",
            unit="events",
            settings={"measure": "l0"},
            example=4.0,
        ),
    }
    grid: ClassVar[bool] = True

    measure: str = "inf"

    def __post_init__(self) -> None:
        check_one_of(self.measure, _MEASURES, "Retiming.measure")

    @property
    def name(self) -> str:
        """``"retiming-inf"``, ``"retiming-l1"`` or ``"retiming-l0"``."""
        return f"retiming-{self.measure}"

    @property
    def convex(self) -> bool:
        """False: events are whole."""
        return False

    def rounded(self, radius: Radius) -> Radius:
        """A whole number."""
        return whole_radius(radius)

    def distance(self, x_adv: Tensor, x: Tensor, domain: Domain | Views) -> Tensor:
        """The length of the shifts, float64 ``(N,)``; inf where a line won or lost an event."""
        after, before = as_lines(x_adv.double()), as_lines(x.double())
        whole = (after == after.round()) & (after >= 0)
        same = (after.sum(0) == before.sum(0)) & whole.all(0)
        if self.measure == "inf":
            length = largest_shift(after, before).view(len(x), -1).amax(1)
        elif self.measure == "l1":
            length = total_shift(after, before).view(len(x), -1).sum(1)
        else:
            length = (before - after).clamp(min=0).sum(0).view(len(x), -1).sum(1)
        return torch.where(same.view(len(x), -1).all(1), length, torch.inf)

    def project(self, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views) -> Tensor:
        """The nearest legal point; ``l1`` may spend the rest of its budget less than best."""
        return self._best(z, x, radius, domain, nearest=True)

    def relax(self, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views) -> Tensor:
        """Of the cells that the events of a line can reach, those in the box; ``x`` elsewhere."""
        reach = None
        if self.measure == "inf":
            reach = int(radius.max() if isinstance(radius, Tensor) else radius)
        low, high = window(as_lines(x), reach)
        # Some event can be at step t if more can have come by t than must have come before it.
        must = torch.cat([torch.zeros_like(low[:1]), low[:-1]])
        open_ = from_lines((high > must).to(x.dtype), x) > 0
        return torch.where(open_, domain.clip(z), x)

    def step(
        self, grad: Tensor, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views
    ) -> Tensor:
        """From ``z`` to the legal point that is best to first order."""
        return way_to(self._best(grad, x, radius, domain, nearest=False), grad, z)

    def draw(self, x: Tensor, seeds: Seeds, radius: float, domain: Domain | Views) -> Tensor:
        """Random shifts of the events; where they meet in a full cell, ``project`` parts them."""
        if self.measure != "l0":
            return jittered(x, seeds, self.measure, int(radius)) - x
        # Any move from a cell with events to an empty one gains, some by chance more than others.
        u = 1 + seeds.uniform(x.shape[1:], torch.float64, device=x.device)
        worth = torch.where(x > 0, -u, u)
        return self._best(worth, x, radius, domain, nearest=False) - x

    def check(self, radius: float, domain: Domain | Views) -> None:
        """Refuse parts of a step, and domains without events that have a time."""
        if not (isinstance(domain, Domain) and domain.counts and domain.timed):
            raise SettingError(
                f"Retiming needs a domain of whole events in steps of time, as integer=True makes "
                f"it; this {domain.kind} domain has none."
            )
        if domain.low != 0:
            raise SettingError(
                f"Retiming needs cells that can be empty; this domain begins at {domain.low:g}. "
                "Use low=0."
            )
        if self.measure == "inf":
            check_whole(self.name, radius, domain.shape[0] - 1, "steps between first and last")
        elif radius != int(radius):
            what = "events" if self.measure == "l0" else "steps"
            check_whole(self.name, radius, math.inf, what)

    def reach(self, x: Tensor, domain: Domain | Views) -> Tensor:
        """Distance to the farthest retiming, float64 ``(N,)``."""
        before, most = as_lines(x.double()), capacity(domain)
        if self.measure == "l0":
            far = torch.minimum(before.sum(0), (most - before).sum(0))
        elif self.measure == "l1":  # the dearest retiming, where a step brings in one
            bribe = -torch.ones_like(before[0])
            farthest = best_lines(Worth(0 * before, 0.0), before, most, price=bribe)
            far = total_shift(farthest, before)
        else:
            first = _packed(before.sum(0), len(before), most)
            far = torch.maximum(largest_shift(first, before), largest_shift(first.flip(0), before))
        far = far.view(len(x), -1)
        return far.amax(1) if self.measure == "inf" else far.sum(1)

    def length_between(
        self,
        x_adv: npt.NDArray[np.float64],
        x: npt.NDArray[np.float64],
        domain: Domain | Views,
    ) -> npt.NDArray[np.float64]:
        """The same length from the times of the events, one by one in their order."""
        after, before = (np.moveaxis(v.reshape(len(v), v.shape[1], -1), 1, 2) for v in (x_adv, x))
        legal = (after >= 0).all((1, 2)) & (after == np.floor(after)).all((1, 2))
        legal &= (after.sum(2) == before.sum(2)).all(1)
        out = np.full(len(x), np.inf)
        for item in legal.nonzero()[0]:
            # One line after the other, each event as often as it is there, in order of time.
            late, early = (np.repeat(*_times(v[item])) for v in (after, before))
            shift = np.abs(late - early)
            if self.measure == "l0":
                out[item] = before[item].sum() - np.minimum(before, after)[item].sum()
            else:
                out[item] = shift.max(initial=0) if self.measure == "inf" else shift.sum()
        return out

    def _best(
        self, aim: Tensor, x: Tensor, radius: Radius, domain: Domain | Views, *, nearest: bool
    ) -> Tensor:
        """The legal point nearest to ``aim``, or best for it as a gradient."""
        most, own = capacity(domain), torch.ones(len(x), dtype=torch.float64, device=x.device)
        budget = own * (radius.flatten() if isinstance(radius, Tensor) else radius)
        budget = (budget + 1e-9).floor()
        few = most == 1 and len(x) and 0 < float(budget.min()) == float(budget.max()) < 8
        if self.measure == "inf" and few and compiles(x, aim):
            # One per cell, all within the same few steps, as is the rule: spike by spike.
            found = spikes(aim.flatten(2), x.flatten(2), int(budget[0]), nearest=nearest)
            return found.view_as(x)
        lines, aims = as_lines(x), as_lines(aim)
        each_has = lines.shape[1] // max(len(x), 1)
        # Most lines are empty, and these stay so.
        total, out = lines.sum(0), lines.clone()
        rows = ((total > 0) & (total < most * len(lines))).nonzero().flatten()

        def taken(part: Tensor) -> tuple[Worth, Tensor]:
            """What some lines hold, and what changes to them gain."""
            events = lines.index_select(1, part).double()
            slope = aims.index_select(1, part).double()
            return (Worth(2 * slope - events, 1.0) if nearest else Worth(slope, 0.0)), events

        if self.measure != "inf":
            search = most_moves if self.measure == "l0" else most_steps
            found = search(*taken(rows), most, budget, Items(rows, len(x), each_has))
            return from_lines(out.index_copy_(1, rows, found.to(out)), x)
        if few:
            found = best_spikes(aims, lines, int(budget[0]), nearest=nearest)
            return from_lines(found, x)
        reach_of = budget.repeat_interleave(each_has)[rows]
        for reach in torch.unique(budget).cpu().tolist():
            for part in torch.split(rows[reach_of == reach], TOGETHER):
                found = best_lines(*taken(part), most, reach=int(reach))
                out.index_copy_(1, part, found.to(out))
        return from_lines(out, x)


def _packed(total: Tensor, steps: int, most: float) -> Tensor:
    """So many events as early as they fit, ``(T, R)``."""
    if math.isinf(most):
        most = float(total.max())
    before = most * torch.arange(steps, dtype=total.dtype, device=total.device)
    return (total - before[:, None]).clamp(0, most)


def _times(lines: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.int64]]:
    """Step and number of events of every cell that has some, line by line."""
    line, step = lines.nonzero()
    return step, lines[line, step].astype(np.int64)
