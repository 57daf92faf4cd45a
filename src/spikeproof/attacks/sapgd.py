"""Stable adaptive PGD: features whose gradient keeps changing sign move less."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from spikeproof.attacks.apgd import checkpoints
from spikeproof.attacks.pieces.best import Best
from spikeproof.attacks.pieces.survivors import Survivors
from spikeproof.attacks.registry import ATTACKS
from spikeproof.base import Seeds, check_count, check_share
from spikeproof.oracle import Oracle
from spikeproof.threats import Goal, Threat

__all__ = ["SAPGD"]

# How much of the running gradient and of its running square the next step keeps.
KEPT, KEPT_SQUARE = 0.5, 0.8


@ATTACKS.register("sapgd")
@dataclass(frozen=True, kw_only=True)
class SAPGD:
    r"""Ascend along a running gradient, slower where it is unsteady, with steps halved on schedule.

    ``m <- m / 2 + g / mean|g|``, ``v <- 0.8 v + g^2 / mean(g^2)``,
    ``z <- relax(z + a * min(1, |m| / sqrt(v)) * step(m, z))`` with the factor taken feature by
    feature; ``a`` is halved at the checkpoints of APGD whatever happens.

    For l_inf this is the published attack, ``clip(a m / sqrt(v), -a, a)``. For l_2, l_1, l_0,
    counts and joint budgets it is ours: the direction is the steepest one for the running
    gradient, and the factor keeps its meaning. On a model whose gradient never changes every
    feature has nearly the same factor, so that the optimum of ball and box is reached.

    Args:
        steps: Gradient steps, at least 1.
        step_size: First step, as a fraction of the radius.
        random_start: Begin at a random point of the ball instead of ``x``.
        stop: Leave an item alone once it is won; the verdict is the same, the margin smaller.
    Returns:
        From a call: legal inputs ``(N, *shape)``, nowhere with a smaller margin than ``x``.
    Raises:
        SettingError: steps below 1, a step size that is not positive.
    Cost:
        ``steps + 2`` forward and ``steps`` backward passes per item; with ``stop`` at most.
    Differs from the paper:
        Geometries other than l_inf; a zero gradient adds nothing instead of becoming NaN; random
        starts are uniform in the ball; returns the best visited point. Steps ignore features the
        box holds back.
    Example:
        >>> SAPGD(steps=50).step_size
        1.0

    References:
        wang2025assg
    """

    steps: int = 100
    step_size: float = 1.0
    random_start: bool = True
    stop: bool = False

    def __post_init__(self) -> None:
        check_count(self, "steps")
        check_share(self, "step_size")

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (cls(steps=5),)

    def passes(self, threat: Threat) -> tuple[int, int] | None:
        """Forward and backward passes per item, at most."""
        return self.steps + 2, self.steps

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
        """Run the attack; ``start`` replaces the random or clean starting point."""
        best = Best(x, goal.margin(oracle.logits(x)))
        z = threat.sample(x, seeds) if self.random_start else x
        z = threat.relax(z if start is None else start, x)
        left = Survivors.all(x, goal, z=z, mean=torch.zeros_like(x), square=torch.zeros_like(x))
        size, marks = self.step_size, checkpoints(self.steps)
        for k in range(self.steps):
            if self.stop:
                left.drop_won(best)
            if not len(left):
                return best.x
            x_adv = threat.project(left.z, left.x) if threat.relaxed else left.z
            logits, grad = oracle.logits_and_grad(x_adv, left.goal.score, left.idx)
            best.keep(x_adv, left.goal.margin(logits), left.idx)
            left.mean = KEPT * left.mean + _level(grad, 1)
            left.square = KEPT_SQUARE * left.square + _level(grad, 2).square()
            steady = (left.mean.abs() / (left.square.sqrt() + 1e-12)).clamp(max=1)
            size = size / 2 if k in marks else size
            step = threat.step(left.mean, left.z, left.x)
            left.z = threat.relax(left.z + size * steady * step, left.x)
        x_adv = threat.project(left.z, left.x) if threat.relaxed else left.z
        best.keep(x_adv, left.goal.margin(oracle.logits(x_adv, left.idx)), left.idx)
        return best.x


def _level(grad: Tensor, power: int) -> Tensor:
    """The gradient over its power mean of each item; 0 where the gradient is 0."""
    flat = grad.flatten(1)
    # The largest entry first, so that squares of tiny gradients cannot vanish.
    largest = flat.abs().amax(1, keepdim=True)
    flat = flat / torch.where(largest > 0, largest, torch.ones_like(largest))
    level = flat.abs().pow(power).mean(1, keepdim=True).pow(1 / power)
    return (flat / torch.where(level > 0, level, torch.ones_like(level))).view_as(grad)
