"""What one model lost on one ladder of radii, item by item."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np

from spikeproof.attacks import MemberStats
from spikeproof.metrics import robust_accuracy
from spikeproof.oracle import Passes
from spikeproof.threats import Threat

__all__ = ["Adversarials", "Gallery", "Outcome"]

Array = np.ndarray[Any, Any]
_ARRAYS = (
    "items", "y", "clean_margin", "correct", "broken", "margin", "member", "distance", "length",
    "random_correct",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """A few right items with the inputs that broke them, at the middle radius of the ladder.

    Args:
        x: Clean inputs, ``(M, *shape)``.
        x_adv: Adversarial inputs, the same shape.
        y: True classes, int64 ``(M,)``.
        predicted: Answers on the clean inputs, int64 ``(M,)``.
        predicted_adv: Answers on the adversarial inputs, int64 ``(M,)``.
        radius: The radius, ``()``.
    """

    x: Array
    x_adv: Array
    y: Array
    predicted: Array
    predicted_adv: Array
    radius: Array

    def arrays(self) -> dict[str, Array]:
        """Every array under its name."""
        return dict(vars(self))


@dataclass(frozen=True, kw_only=True)
class Adversarials:
    """Every input that broke an item which is right when clean, at the radius that it broke at.

    It is legal at every larger radius too, so one input an item says all.

    Args:
        items: Numbers of the items, int64 ``(M,)``.
        level: Which radius of the ladder, 0 is the smallest, int16 ``(M,)``.
        x_adv: The inputs, ``(M, *shape)``.
    """

    items: Array
    level: Array
    x_adv: Array

    def arrays(self) -> dict[str, Array]:
        """Every array under its name."""
        return dict(vars(self))


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Per-item results of one model on one ladder; R radii, N items.

    Args:
        ladder: The threats, ascending in radius.
        items: Numbers of the items, int64 ``(N,)``.
        y: True classes, int64 ``(N,)``.
        clean_margin: Best wrong logit minus the true one on clean inputs, float64 ``(N,)``.
        correct: Right when clean, bool ``(N,)``.
        broken: Wrong when clean, or broken at this or a smaller radius, bool ``(R, N)``.
        margin: The same margin on the best input found, positive where broken, ``(R, N)``.
        member: Which member broke it, an index into ``members``; -1 if none did, int16 ``(R, N)``.
        distance: Verified length in the unit of the radius, float64 ``(R, N)``.
        length: Verified l_2 length, float64 ``(R, N)``.
        random_correct: Share of random draws classified right, float64 ``(R, N)``.
        members: Names of the suite's members; the random draws stand last, as they break too.
        stats: What each member of the suite did, over all radii.
        passes: Everything that was spent: clean pass, draws, attacks, verification.
        gallery: A few broken items; None if none is.
        unsettled: Items left standing at each radius that some member passed over because the
            budget was spent; empty without a budget.
        used: What was spent of the budget, in its unit; None without one.
        owed: About what the members would have taken that it did not pay for, in its unit.
        adversarials: What broke the items; None where it was not asked for.
        not_run: Members of the suite that are the same attack as another on this network, whose
            layers do not obey what they differ by.
    """

    ladder: tuple[Threat, ...]
    items: Array
    y: Array
    clean_margin: Array
    correct: Array
    broken: Array
    margin: Array
    member: Array
    distance: Array
    length: Array
    random_correct: Array
    members: tuple[str, ...]
    stats: tuple[MemberStats, ...]
    passes: Passes
    gallery: Gallery | None
    unsettled: tuple[int, ...] = ()
    used: float | None = None
    owed: float = 0.0
    adversarials: Adversarials | None = None
    not_run: tuple[str, ...] = ()

    def __len__(self) -> int:
        """How many items."""
        return len(self.y)

    @property
    def name(self) -> str:
        """The threat's name."""
        return self.ladder[0].name

    @property
    def radii(self) -> tuple[float, ...]:
        """The radii, ascending."""
        return tuple(threat.radius for threat in self.ladder)

    @property
    def middle(self) -> int:
        """Index of the standard radius, the one reports quote."""
        return len(self.ladder) // 2

    @property
    def clean_accuracy(self) -> float:
        """Share of items right when clean."""
        return float(self.correct.mean())

    @property
    def robust_accuracy(self) -> list[float]:
        """Share of items right when clean and broken by nothing, at each radius."""
        return [robust_accuracy(self.correct, broken) for broken in self.broken]

    @property
    def random_accuracy(self) -> list[float]:
        """Mean share of random draws classified right, at each radius."""
        return [float(share.mean()) for share in self.random_correct]

    def first_breaks(self) -> list[dict[str, Any]]:
        """Each member with how many items it was the first to break, at each radius.

        Beside it stands what the member did over all radii (see ``MemberStats``); draws tried
        everyone.
        """
        fresh = self.broken & self.correct
        fresh[1:] &= ~self.broken[:-1]
        return [
            {
                "name": name,
                "first_breaks": [
                    int((now & (who == number)).sum())
                    for now, who in zip(fresh, self.member, strict=True)
                ],
                **({} if member_stats is None else member_stats.record()),
            }
            for number, (name, member_stats) in enumerate(
                zip_longest(self.members, self.stats, fillvalue=None)
            )
        ]

    def arrays(self) -> dict[str, Array]:
        """The per-item arrays under their names."""
        return {name: getattr(self, name) for name in _ARRAYS}

    def summary(self) -> dict[str, Any]:
        """The numbers of the whole ladder as plain data."""
        return {
            "n": len(self),
            "clean_accuracy": self.clean_accuracy,
            "robust_accuracy": self.robust_accuracy,
            "random_accuracy": self.random_accuracy,
            "passes": {"forward": self.passes.forward, "backward": self.passes.backward},
            "members": self.first_breaks(),
            **({} if self.used is None else {"budget": self._spent()}),
            **({"not_run": list(self.not_run)} if self.not_run else {}),
        }

    def _spent(self) -> dict[str, Any]:
        """What became of the budget."""
        return {"used": self.used, "owed": self.owed, "unsettled": list(self.unsettled)}

    @classmethod
    def rebuilt(
        cls,
        ladder: tuple[Threat, ...],
        summary: Mapping[str, Any],
        arrays: Mapping[str, Array],
        gallery: Mapping[str, Array] | None = None,
    ) -> Outcome:
        """The outcome of which ``summary`` and ``arrays`` came; adversarial inputs stay behind.

        Args:
            ladder: The threats.
            summary: What ``summary`` returned.
            arrays: What ``arrays`` returned.
            gallery: What ``Gallery.arrays`` returned, where there was one.
        Raises:
            KeyError, TypeError: something is missing, or of another form.
        """
        members, budget = summary["members"], summary.get("budget")
        spent: dict[str, Any] = {} if budget is None else dict(budget)
        per_item: dict[str, Any] = {name: arrays[name] for name in _ARRAYS}
        return cls(
            ladder=ladder,
            members=tuple(str(member["name"]) for member in members),
            stats=tuple(MemberStats.from_record(member) for member in members[:-1]),
            passes=Passes(**summary["passes"]),
            gallery=None if gallery is None else Gallery(**gallery),
            unsettled=tuple(spent.get("unsettled", ())),
            used=spent.get("used"),
            owed=spent.get("owed", 0.0),
            not_run=tuple(summary.get("not_run", ())),
            **per_item,
        )
