"""What the cells that look at a network are asked, and about how many passes they take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spikeproof.attacks import Budget, suite, suite_under
from spikeproof.evaluate import ITEMS, probed
from spikeproof.study.grids import grid_ladder
from spikeproof.study.plan import Plan
from spikeproof.threats import Threat

__all__ = ["SUITE_PASSES", "Asked", "Looks"]

SUITE_PASSES = {"quick": 90.0, "core": 350.0, "standard": 1300.0, "full": 12000.0}
"""Passes per item that a suite is expected to take at one radius; only display and order use it."""

Asked = tuple[dict[str, Any], float]
"""Settings of a cell, and about how many passes it takes."""


@dataclass(frozen=True)
class Looks:
    """What a plan asks of every network of a data set.

    Args:
        plan: The plan.
        items: Items of the data set that are looked at.
        radii: How many radii its ladders have together.
    """

    plan: Plan
    items: int
    radii: int

    def attack(self, ladder: tuple[Threat, ...]) -> Asked:
        """One ladder."""
        settings = {
            "threat": _ladder_record(ladder),
            "suite": {
                "name": self.plan.suite,
                **suite_under(suite(self.plan.suite), ladder[0]).record(),
            },
            "items": self.items,
            "draws": self.plan.draws,
            **self._limits(len(ladder)),
        }
        return settings, self.items * len(ladder) * self._passes

    def doctor(self, threats: Mapping[str, tuple[Threat, ...]]) -> Asked:
        """Verdicts on masking, each at the middle radius of its ladder."""
        middle = [ladder[len(ladder) // 2].record() for ladder in threats.values()]
        settings = {"items": self.items, "threats": middle}
        return settings, 1500 * min(self.items, ITEMS) * len(threats)

    def grid(self, threats: Mapping[str, tuple[Threat, ...]]) -> Asked | None:
        """The grid of joint budgets, where one is asked for and there are two views."""
        ladder = grid_ladder(threats, self.plan.grid) if self.plan.grid else ()
        if not ladder:
            return None
        settings = {
            "threat": _ladder_record(ladder),
            "suite": {"name": self.plan.suite, **suite(self.plan.suite).record()},
            "items": self.items,
            "draws": self.plan.draws,
        }
        return settings, self.items * len(ladder) * (len(ladder) + 2) * self._passes

    def probe(self, threats: Mapping[str, tuple[Threat, ...]]) -> Asked:
        """Vulnerability, gradients and activity."""
        chosen = probed([threat for ladder in threats.values() for threat in ladder])
        items = min(self.plan.probe_items, self.items)
        records = [threat.record() for threat in chosen]
        settings = {"threats": records, "draws": self.plan.draws, "items": items}
        return settings, items * len(chosen) * (self.plan.draws + 120)

    @property
    def _passes(self) -> float:
        """Passes per item and radius."""
        return self.plan.draws + SUITE_PASSES[self.plan.suite]

    def _limits(self, radii: int) -> dict[str, Any]:
        """What a plan asks for besides; nothing at the defaults, which keeps ids."""
        asked: dict[str, Any] = {}
        if self.plan.budget is not None:
            share = Budget.parse(self.plan.budget).share(radii, self.radii)
            asked["budget"] = share.record()
        if self.plan.keep_adversarials:
            asked["keep_adversarials"] = True
        return asked


def _ladder_record(ladder: tuple[Threat, ...]) -> dict[str, Any]:
    """A threat with all of its radii."""
    record = ladder[0].record()
    del record["radius"]
    return {**record, "radii": [threat.radius for threat in ladder]}
