"""An attack around an attack."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from spikeproof.attacks import PGD, Attack
from spikeproof.base import Seeds
from spikeproof.oracle import Oracle
from spikeproof.threats import Goal, Threat

__all__ = ["Twice"]


@dataclass(frozen=True, kw_only=True)
class Twice:
    """Run an attack, and then run it again from where it ended.

    Args:
        attack: Any attack that can begin at a given point.
    """

    attack: Attack = field(default_factory=PGD)

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
        """Run it; what comes out is legal because what is inside is."""
        first = self.attack(oracle, x, goal, threat, seeds=seeds.child("first"), start=start)
        return self.attack(oracle, x, goal, threat, seeds=seeds.child("second"), start=first)
