"""What an audit spent of its budget, and what it left open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spikeproof.attacks import SUITES, Budget, cost_per_item
from spikeproof.evaluate.outcome import Outcome

__all__ = ["Spent", "rest", "spent"]


@dataclass(frozen=True, kw_only=True)
class Spent:
    """A budget at the end of an audit.

    Args:
        budget: What might be spent.
        used: What was spent, in its unit.
        owed: About what the members would have taken that it did not pay for, in its unit.
        unsettled: Items left standing that some member passed over for it, over all radii.
    """

    budget: Budget
    used: float
    owed: float
    unsettled: int

    def __str__(self) -> str:
        return f"{self.budget} of ~{self.budget.said(self.used + self.owed)}"

    def record(self) -> dict[str, Any]:
        """Plain data."""
        unit = "seconds" if self.budget.passes is None else "passes"
        return {
            "unit": unit,
            "limit": self.budget.amount,
            "used": self.used,
            "owed": self.owed,
            "unsettled": self.unsettled,
            "reproducible": unit == "passes" or not self.unsettled,
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Spent:
        """What ``record`` returned."""
        passes = record["unit"] == "passes"
        limit = record["limit"]
        budget = Budget(passes=int(limit)) if passes else Budget(seconds=limit)
        return cls(budget=budget, **{k: record[k] for k in ("used", "owed", "unsettled")})

    def sentence(self) -> str:
        """What a reader must know of the numbers."""
        used = self.budget.said(self.used)
        if not self.unsettled:
            return f"The budget of {self.budget} was enough: {used} were spent."
        again = "" if self.budget.passes else " Another run may end elsewhere, as time differs."
        return (
            f"Stopped by the budget after {used}: {self.unsettled} verdicts at some radius are "
            f"unsettled, so robust accuracy is that of a part of the suite, and too high. The rest "
            f"would take about {self.budget.said(self.owed)}.{again}"
        )


def rest(name: str, outcomes: Sequence[Outcome]) -> tuple[str, float] | None:
    """The next larger suite, and about how many passes its further members would take.

    They are asked of every item that stands, which is an upper bound: some would pass over items
    far from the boundary, and others fall on the way. None where no named suite is larger.
    """
    names = list(SUITES)
    if name not in names[:-1]:
        return None
    larger = names[names.index(name) + 1]
    further = [one for one in SUITES[larger].members if one not in SUITES[name].members]
    total = 0.0
    for outcome in outcomes:
        for threat, broken in zip(outcome.ladder, outcome.broken, strict=True):
            each = sum(cost_per_item(m, threat) for m in further if m.serves(threat))
            total += each * int((~broken).sum())
    return larger, total


def spent(budget: Budget, outcomes: Sequence[Outcome]) -> Spent:
    """What was spent and left open over all ladders, each of which had its own share."""
    unsettled = sum(sum(outcome.unsettled) for outcome in outcomes)
    used = sum(outcome.used or 0.0 for outcome in outcomes)
    # Where everything was settled nothing is owed, though some member may have been cut short.
    owed = sum(outcome.owed for outcome in outcomes) if unsettled else 0.0
    return Spent(budget=budget, used=used, owed=owed, unsettled=unsettled)
