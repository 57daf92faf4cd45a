"""What a suite may spend, what it has spent, and what it would take to settle the rest."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from spikeproof.attacks.attack import passes
from spikeproof.attacks.suite.member import Member
from spikeproof.base import SettingError
from spikeproof.oracle import Expectation, Passes
from spikeproof.threats import Threat

__all__ = ["Budget", "Spending", "cost_per_item"]

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What attacks may spend: wall time, or passes of single items.

    A run under a budget of passes gives the same result again; one under a budget of time does
    not, since machines differ from hour to hour.

    Args:
        seconds: Wall time, in seconds.
        passes: Forward and backward passes of single items, together.
    Raises:
        SettingError: neither or both, or none at all to spend.
    Example:
        >>> Budget.parse("10m"), str(Budget.parse("200000p"))
        (Budget(seconds=600.0, passes=None), '200000p')
    """

    seconds: float | None = None
    passes: int | None = None

    def __post_init__(self) -> None:
        if (self.seconds is None) == (self.passes is None):
            raise SettingError("A Budget has either seconds or passes.")
        if not self.amount > 0:
            raise SettingError(f"A Budget must be above 0; got {self.amount:g}.")

    @classmethod
    def parse(cls, text: str) -> Budget:
        """The budget of a text: ``90s``, ``10m``, ``2h``, or ``200000p`` for passes."""
        found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhp])", text.strip())
        if found is None:
            raise SettingError(
                f"A budget is a number with s, m, h, or p for passes, such as 10m; got {text!r}."
            )
        number, unit = float(found[1]), found[2]
        return cls(passes=int(number)) if unit == "p" else cls(seconds=number * _UNITS[unit])

    @property
    def amount(self) -> float:
        """Seconds or passes."""
        return float(self.passes or 0) if self.seconds is None else self.seconds

    def share(self, radii: int, of: int) -> Budget:
        """The budget of some of the radii that share this one.

        Example:
            >>> Budget(passes=1000).share(3, 12)
            Budget(seconds=None, passes=250)
        """
        if self.passes is not None:
            return Budget(passes=max(1, self.passes * radii // of))
        return Budget(seconds=self.amount * radii / of)

    def record(self) -> dict[str, float]:
        """Plain data; ``Budget(**record)`` is the budget again."""
        if self.passes is not None:
            return {"passes": self.passes}
        return {"seconds": self.amount}

    def said(self, amount: float) -> str:
        """An amount in the unit of this budget."""
        if self.passes is not None:
            return f"{amount:.0f}p"
        for unit in ("h", "m"):
            if amount >= 2 * _UNITS[unit] or amount == _UNITS[unit]:
                return f"{amount / _UNITS[unit]:.3g}{unit}"
        return f"{amount:.3g}s"

    def __str__(self) -> str:
        return self.said(self.amount)


@dataclass
class _Ledger:
    """What has been spent since the start, for all parts of a budget."""

    begun: float
    passes: int = 0
    owed: float = 0.0


@dataclass
class Spending:
    """A budget as it is spent, or one part of it.

    Args:
        budget: What may be spent in all.
        clock: Says the time in seconds.
        limit: Up to where this part may go, counted from the start; the whole where absent.
    """

    budget: Budget
    clock: Callable[[], float] = time.monotonic
    limit: float | None = None
    _ledger: _Ledger | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.limit = self.budget.amount if self.limit is None else self.limit
        self.ledger = self._ledger or _Ledger(self.clock())

    @property
    def used(self) -> float:
        """What has been spent, in the unit of the budget."""
        if self.budget.passes is not None:
            return float(self.ledger.passes)
        return self.clock() - self.ledger.begun

    @property
    def owed(self) -> float:
        """About what the attacks would take that the budget left out, in its unit."""
        return self.ledger.owed * self._rate()

    def part(self, of: int) -> Spending:
        """An equal share of what is left for so many parts; unspent shares go to later ones."""
        assert self.limit is not None
        used = self.used
        limit = used + max(self.limit - used, 0.0) / max(of, 1)
        return Spending(self.budget, self.clock, limit, self.ledger)

    def room(self, each: float) -> float:
        """For how many items of a cost in passes the rest of this part is enough."""
        assert self.limit is not None
        price = each * self._rate()
        left = self.limit - self.used
        if left <= 0:
            return 0
        return math.inf if price <= 0 else left // price

    def spend(self, spent: Passes) -> None:
        """Note passes that were made."""
        self.ledger.passes += spent.forward + spent.backward

    def owe(self, items: int, each: float) -> None:
        """Note items that a member would have attacked."""
        self.ledger.owed += items * each

    def _rate(self) -> float:
        """Units of the budget per pass; 0 while nothing has been measured."""
        if self.budget.passes is not None:
            return 1.0
        return self.used / self.ledger.passes if self.ledger.passes else 0.0


def cost_per_item(member: Member, threat: Threat) -> float:
    """About how many passes of a single item a member takes, one to judge the result included.

    Attacks that declare no passes count as 1; runs that go on because their loss still rises
    (``patience``) are not foreseen.
    """
    forward, backward = passes(member.attack, threat) or (0, 0)
    rule = member.gradient
    times = rule.samples if isinstance(rule, Expectation) else 1
    return 1 + times * (forward + backward)
