"""Exhaustive search: where few inputs are legal, every one of them is tried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from torch import Tensor

from spikeproof.attacks.pieces.best import Best
from spikeproof.attacks.registry import ATTACKS
from spikeproof.base import Seeds
from spikeproof.oracle import Oracle
from spikeproof.threats import Goal, Threat, has_few_points, how_many_points, legal_points

__all__ = ["Exhaustive"]


@ATTACKS.register("exhaustive")
@dataclass(frozen=True, kw_only=True)
class Exhaustive:
    """Try every legal point of a finite threat and keep the one with the largest margin.

    What it does not break, nothing breaks: on a network that does not draw, the verdict is exact.

    Returns:
        From a call: legal inputs ``(N, *shape)``, the worst of all; of equal ones the nearest.
    Raises:
        SettingError: from a call, where the threat has more points than can be tried.
    Cost:
        One forward pass per item and legal point: ``2 r + 1`` for ``desync``.
    Example:
        >>> Exhaustive()
        Exhaustive()
    """

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (cls(),)

    def serves(self, threat: Threat) -> bool:
        """Only threats under which few inputs are legal."""
        return has_few_points(threat)

    def passes(self, threat: Threat) -> tuple[int, int] | None:
        """Forward and backward passes per item."""
        return how_many_points(threat), 0

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
        """Run the search; neither seeds nor a start change what is tried."""
        best: Best | None = None
        for point in legal_points(threat, x):
            margin = goal.margin(oracle.logits(point))
            if best is None:
                best = Best(point, margin)
            else:
                best.keep(point, margin)
        assert best is not None  # the clean input is a point
        return best.x
