"""Random search: what an attacker without any knowledge achieves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from torch import Tensor

from spikeproof.attacks.pieces.best import Best
from spikeproof.attacks.pieces.search import random_search
from spikeproof.attacks.pieces.survivors import Survivors
from spikeproof.attacks.registry import ATTACKS
from spikeproof.base import Seeds, check_count
from spikeproof.oracle import Oracle
from spikeproof.threats import Goal, Threat

__all__ = ["Random"]


@ATTACKS.register("random")
@dataclass(frozen=True, kw_only=True)
class Random:
    """Draw random legal points of the ball and keep the one with the largest margin.

    The floor every attack has to beat: where PGD breaks fewer items, its gradient is useless.

    Args:
        draws: How many points, at least 1.
    Returns:
        From a call: legal inputs ``(N, *shape)``, nowhere with a smaller margin than ``x``.
    Raises:
        SettingError: draws below 1.
    Cost:
        ``draws + 1`` forward passes per item.
    Example:
        >>> Random(draws=3)
        Random(draws=3)
    """

    draws: int = 10

    def __post_init__(self) -> None:
        check_count(self, "draws")

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (cls(draws=4),)

    def passes(self, threat: Threat) -> tuple[int, int] | None:
        """Forward and backward passes per item, at most."""
        return self.draws + 1, 0

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
        """Run the attack; ``start`` takes the place of the first draw."""
        best = Best(x, goal.margin(oracle.logits(x)))

        def propose(left: Survivors, draw: int) -> Tensor:
            return threat.sample(x, seeds.child("draw", draw + 1))

        z = threat.sample(x, seeds.child("draw", 0)) if start is None else threat.project(start, x)
        left = Survivors.all(x, goal, z=z)
        return random_search(oracle, best, left, propose, steps=self.draws - 1, stop=False)
