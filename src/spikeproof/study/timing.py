"""What a plan says of random changes of spike timing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spikeproof.base import SettingError, check_count, settings_from

__all__ = ["TimingPlan"]


@dataclass(frozen=True, kw_only=True)
class TimingPlan:
    """The ``timing`` of a ``[[data]]`` table: one more cell per network, see ``evaluate.timing``.

    Args:
        jitter: Standard deviations in steps, > 0, ascending; empty leaves this kind out.
        deletion: Probabilities in (0, 1]; the same.
        insertion: Shares of the item's own events, > 0; the same.
        hidden: Disturb the spikes of every spiking layer instead of the events of the input.
        draws: Draws per item and level, at least 1.
        items: Items of the plan's ``split``; those of the attacks where absent.
    Raises:
        SettingError: no level at all, or one outside its range.
    Example:
        >>> TimingPlan(jitter=(1.0,), insertion=()).levels
        {'jitter': (1.0,), 'deletion': (0.1, 0.3, 0.5)}
    """

    jitter: tuple[float, ...] = (0.5, 1.0, 2.0)
    deletion: tuple[float, ...] = (0.1, 0.3, 0.5)
    insertion: tuple[float, ...] = (0.1, 0.3, 1.0)
    hidden: bool = False
    draws: int = 5
    items: int | None = None

    def __post_init__(self) -> None:
        check_count(self, "draws")
        if self.items is not None:
            check_count(self, "items")
        if not self.levels:
            raise SettingError("timing needs at least one level of jitter, deletion or insertion.")
        for kind, levels in self.levels.items():
            most = 1.0 if kind == "deletion" else math.inf
            ranged = all(0 < level <= most and math.isfinite(level) for level in levels)
            if not ranged or list(levels) != sorted(set(levels)):
                end = "at most 1" if kind == "deletion" else "finite"
                raise SettingError(
                    f"timing.{kind} must ascend, each level above 0 and {end} (clean accuracy is "
                    f"measured anyway); got {list(levels)}."
                )

    @property
    def levels(self) -> dict[str, tuple[float, ...]]:
        """Levels by kind, without the kinds that have none."""
        every = {"jitter": self.jitter, "deletion": self.deletion, "insertion": self.insertion}
        return {kind: levels for kind, levels in every.items() if levels}

    @classmethod
    def from_value(cls, value: Any, place: str) -> TimingPlan | None:
        """Read a plan's ``timing``: ``true``, a table, or nothing."""
        if value is None or value is False:
            return None
        if value is not True and not isinstance(value, Mapping):
            raise SettingError(f"{place} must be true or a table of levels; got {value!r}.")
        return settings_from(cls, {} if value is True else value, place)
