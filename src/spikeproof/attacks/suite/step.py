"""Where a suite stands while it attacks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["OnSuiteStep", "SuiteStep"]


@dataclass(frozen=True, kw_only=True)
class SuiteStep:
    """Where a suite stands; sent before every batch of every member.

    Args:
        member: Name of the member whose turn it is.
        items: Items that it still has to attack.
        standing: Items that nothing has broken so far.
        passes: Passes of single items that the suite has made.
        passes_left: At most about how many are left: what follows may pass over items.
    """

    member: str
    items: int
    standing: int
    passes: int
    passes_left: float


OnSuiteStep = Callable[[SuiteStep], None]
