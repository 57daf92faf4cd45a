"""What every attack looks like from outside."""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor

from spikeproof.base import Seeds
from spikeproof.oracle import Oracle
from spikeproof.threats import Goal, Threat

__all__ = ["Attack", "independent_runs", "passes", "serves"]


class Attack(Protocol):
    """Settings of an attack; calling them runs it.

    An attack may say more of itself: ``serves(threat)``, whether it can work under a threat;
    ``passes(threat)``, how many forward and backward passes it takes per item at most; and in a
    classmethod ``examples()`` the small settings that the contracts try.
    """

    def __call__(
        self,
        oracle: Oracle,
        x: Tensor,
        goal: Goal,
        threat: Threat,
        *,
        seeds: Seeds,
        start: Tensor | None = None,
    ) -> Tensor:
        """Return the best legal point found for every item, never worse than ``x``.

        Args:
            oracle: An open oracle.
            x: Legal clean inputs, ``(N, *shape)``.
            goal: What the attacker wants of these items.
            threat: What it may do.
            seeds: One key per item.
            start: Legal points to begin from instead of the attack's own choice.
        """
        ...


def serves(attack: Attack, threat: Threat) -> bool:
    """Whether an attack can work under a threat; those that do not say so serve every one."""
    answer = getattr(attack, "serves", None)
    return True if answer is None else bool(answer(threat))


def independent_runs(attack: Attack, seeds: Seeds) -> tuple[Attack, list[Seeds]]:
    """The attack that is really run, and the keys of each of its runs; most are run once.

    Runs that do not depend on one another can then be made in one batch.
    """
    several = getattr(attack, "independent_runs", None)
    return (attack, [seeds]) if several is None else several(seeds)


def passes(attack: Attack, threat: Threat) -> tuple[int, int] | None:
    """Forward and backward passes per item at most; None for attacks that do not say."""
    method: Any = getattr(attack, "passes", None)
    declared: tuple[int, int] | None = None if method is None else method(threat)
    return declared
