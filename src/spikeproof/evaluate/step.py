"""Where the evaluation of a ladder stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from spikeproof.attacks import OnSuiteStep, Suite, SuiteStep, cost_per_item
from spikeproof.threats import Threat

__all__ = ["LadderPosition", "LadderStep", "OnLadderStep", "on_suite_step"]


@dataclass(frozen=True, kw_only=True)
class LadderPosition:
    """Where the evaluation of a ladder stands.

    Args:
        threat: Name of the threat.
        radius: The radius attacked at.
        level: Which radius of the ladder, 1 is the smallest.
        levels: How many there are.
        member: Name of the attack whose turn it is.
        items: Items that it still has to attack.
        standing: Items that nothing has broken so far.
    """

    threat: str
    radius: float
    level: int
    levels: int
    member: str
    items: int
    standing: int


@dataclass(frozen=True, kw_only=True)
class LadderStep(LadderPosition):
    """Where the evaluation of a ladder stands, sent before every batch of every attack.

    Args:
        passes: Passes of single items made so far.
        passes_left: At most about how many are left: what follows may pass over items.
    """

    passes: int
    passes_left: float


OnLadderStep = Callable[[LadderStep], None]


def on_suite_step(
    report: OnLadderStep, suite: Suite, ladder: Sequence[Threat], level: int, *, before: int
) -> OnSuiteStep:
    """Return what turns the steps of a suite at one radius into steps of its ladder.

    Args:
        report: Receives the steps of the ladder.
        suite: The attacks.
        ladder: The threats.
        level: Which of them is attacked, 0 is the smallest.
        before: Passes made before this radius.
    """
    later = sum(
        cost_per_item(member, threat)
        for threat in ladder[level + 1 :]
        for member in suite.members
        if member.serves(threat)
    )

    def told(step: SuiteStep) -> None:
        report(
            LadderStep(
                threat=ladder[level].name,
                radius=ladder[level].radius,
                level=level + 1,
                levels=len(ladder),
                member=step.member,
                items=step.items,
                standing=step.standing,
                passes=before + step.passes,
                passes_left=step.passes_left + step.standing * later,
            )
        )

    return told
