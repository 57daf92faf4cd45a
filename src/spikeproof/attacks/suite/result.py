"""What a suite has found, and what each of its members did for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from spikeproof.oracle import Passes

__all__ = ["MemberStats", "SuiteResult"]


@dataclass(frozen=True, kw_only=True)
class MemberStats:
    """What one member of a suite did.

    Args:
        tried: Items it attacked.
        broke: Items it broke that stood before it.
        not_converged: Items it left standing although its loss was still rising (see ``Trend``).
        skipped: Standing items it passed over, by what earlier members saw of them.
        unaffordable: Items it would have attacked, had the budget not been spent.
        passes: Passes of single items it used.
    """

    tried: int = 0
    broke: int = 0
    not_converged: int = 0
    skipped: int = 0
    unaffordable: int = 0
    passes: Passes = field(default_factory=Passes)

    def __add__(self, other: MemberStats) -> MemberStats:
        """The sum over batches or radii."""
        return MemberStats(
            tried=self.tried + other.tried,
            broke=self.broke + other.broke,
            not_converged=self.not_converged + other.not_converged,
            skipped=self.skipped + other.skipped,
            unaffordable=self.unaffordable + other.unaffordable,
            passes=self.passes + other.passes,
        )

    def record(self) -> dict[str, int]:
        """Plain data."""
        spent = {"forward": self.passes.forward, "backward": self.passes.backward}
        seen = {"tried": self.tried, "broke": self.broke, "rising": self.not_converged}
        left = {"unaffordable": self.unaffordable} if self.unaffordable else {}
        return {**seen, "skipped": self.skipped, **left, **spent}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> MemberStats:
        """The counts of a record, whatever else stands in it.

        Example:
            >>> MemberStats.from_record(MemberStats(tried=3, broke=1).record()).broke
            1
        """
        return cls(
            tried=record["tried"],
            broke=record["broke"],
            not_converged=record["rising"],
            skipped=record.get("skipped", 0),  # audits of schema 1 did not say
            unaffordable=record.get("unaffordable", 0),
            passes=Passes(forward=record["forward"], backward=record["backward"]),
        )


@dataclass(frozen=True, eq=False)
class SuiteResult:
    """What a suite has found.

    Args:
        x_adv: Best legal point of every item; the clean one where that is already won.
        won: Whether the attacker has won, bool ``(N,)``; true for items misclassified clean.
        member: Which member won first, int64 ``(N,)``; -1 where none did or none was needed.
        passes: Passes of single items used in all.
        stats: What each member did.
        broken: Which items each member broke, bool ``(M, N)``; in a cascade a member is tried on
            what stands before it only.
        unsettled: Which standing items some member passed over because the budget was spent, bool
            ``(N,)``; None without a budget.
    """

    x_adv: Tensor
    won: Tensor
    member: Tensor
    passes: Passes
    stats: tuple[MemberStats, ...]
    broken: Tensor
    unsettled: Tensor | None = None

    def alone(self) -> list[int]:
        """How many items each member, and no other, broke; run the suite with ``every=True``."""
        only = self.broken.sum(0) == 1
        return [int((row & only).sum()) for row in self.broken]
