"""Attacks with one mistake each, as they are found in evaluations."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from spikeproof.attacks import PGD
from spikeproof.base import Seeds
from spikeproof.oracle import Oracle
from spikeproof.threats import Goal, Threat

__all__ = ["RoundedAtLast", "SharedBudget", "SmallRadius"]


@dataclass(frozen=True, kw_only=True)
class SharedBudget:
    """One l_2 budget for the whole batch: the norm is taken over all axes, that of items too."""

    steps: int = 30

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
        """Ascend, and scale the change of the whole batch to the radius."""
        z = x
        for _ in range(self.steps):
            _, grad = oracle.logits_and_grad(z, goal.score)
            z = z + 0.2 * threat.radius * grad / grad.norm().clamp_min(1e-12)
            change = z - x
            z = x + change * (threat.radius / change.norm().clamp_min(1e-12)).clamp_max(1)
            z = threat.project(z, x)
        return z


@dataclass(frozen=True, kw_only=True)
class SmallRadius:
    """A radius in another unit than the claimed one: it is divided by the range twice."""

    steps: int = 30
    share: float = 0.2

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
        """Attack within a share of the radius."""
        attack = PGD(steps=self.steps, step_size=0.1)
        return attack(oracle, x, goal, threat.at(self.share * threat.radius), seeds=seeds)


@dataclass(frozen=True, kw_only=True)
class RoundedAtLast:
    """Events are attacked as fractions, and made whole only when the attack has ended."""

    steps: int = 30

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
        """Spread the budget thin, until the relaxed point wins; then round to whole events."""
        z, most = x, threat.radius
        for _ in range(self.steps):
            _, grad = oracle.logits_and_grad(z, goal.score)
            flat = grad.flatten(1)
            z = z + (0.2 * most * flat / flat.abs().sum(1, keepdim=True).clamp_min(1e-12)).view_as(
                x
            )
            change = (z - x).flatten(1)
            scale = (most / change.abs().sum(1).clamp_min(1e-12)).clamp_max(1)
            z = x + (change * scale[:, None]).view_as(x)
            z = z.clamp(threat.domain.low, threat.domain.high)  # type: ignore[union-attr]
        return threat.project(torch.round(z), x)
