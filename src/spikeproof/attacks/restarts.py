"""The same attack several times, with fresh random numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from torch import Tensor

from spikeproof.attacks.attack import Attack, passes, serves
from spikeproof.attacks.pgd import PGD
from spikeproof.attacks.pieces.best import Best
from spikeproof.attacks.registry import ATTACKS
from spikeproof.base import Seeds, check_count
from spikeproof.oracle import Oracle
from spikeproof.threats import Goal, Threat

__all__ = ["Restarts"]


@ATTACKS.register("restarts")
@dataclass(frozen=True, kw_only=True)
class Restarts:
    """Run an attack several times with independent seeds and keep each item's best point.

    Every run begins with a gradient rule that remembers nothing (``ASSG`` remembers membranes).

    Args:
        attack: Any attack that uses its seeds.
        times: How many runs, at least 1.
    Returns:
        From a call: legal inputs ``(N, *shape)``, nowhere with a smaller margin than ``x``.
    Raises:
        SettingError: times below 1.
    Cost:
        ``times`` runs of the attack, and ``times + 1`` forward passes per item.
    Example:
        >>> Restarts(attack=PGD(steps=10), times=2).times
        2
    """

    attack: Attack = field(default_factory=PGD)
    times: int = 5

    def __post_init__(self) -> None:
        check_count(self, "times")

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (cls(attack=PGD(steps=3), times=2),)

    def passes(self, threat: Threat) -> tuple[int, int] | None:
        """Those of the attack inside, time and again, and a look at every result."""
        inside = passes(self.attack, threat)
        if inside is None:
            return None
        return self.times * (inside[0] + 1) + 1, self.times * inside[1]

    def serves(self, threat: Threat) -> bool:
        """Whether the repeated attack can work under this threat."""
        return serves(self.attack, threat)

    def independent_runs(self, seeds: Seeds) -> tuple[Attack, list[Seeds]]:
        """The repeated attack, and the keys of each run."""
        return self.attack, [seeds.child("restart", run) for run in range(self.times)]

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
        """Run the attack; only the first run begins at ``start``."""
        best = Best(x, goal.margin(oracle.logits(x)))
        attack, keys = self.independent_runs(seeds)
        for run_keys in keys:
            x_adv = attack(oracle.reset_memory(), x, goal, threat, seeds=run_keys, start=start)
            best.keep(x_adv, goal.margin(oracle.logits(x_adv)))
            start = None
        return best.x
