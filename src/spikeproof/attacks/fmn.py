"""Fast minimum-norm attack: a ball per item that shrinks on success and grows on failure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from spikeproof.attacks.nearest import Descent, Look, State
from spikeproof.attacks.pieces.scale import largest_range, unit_l2
from spikeproof.attacks.pieces.survivors import Survivors
from spikeproof.attacks.registry import ATTACKS
from spikeproof.base import check_count, check_fraction, check_positive
from spikeproof.threats import Threat

__all__ = ["FMN"]


@ATTACKS.register("fmn")
@dataclass(frozen=True, kw_only=True)
class FMN(Descent):
    r"""Ascend the score inside a ball of each item's own, and fit the ball to the boundary.

    ``z <- project_e(z + a_k * grad / ||grad||_2)`` with ``e <- (1 - c_k) e`` where the point asked
    was adversarial (never above the smallest distance found) and ``(1 + c_k) e`` where it was not.
    Before the first success ``e = ||x_adv - x|| + |margin| / ||grad||_dual``. Counted radii are
    whole: ``min(e - 1, floor((1 - c_k) e))`` and ``max(e + 1, floor((1 + c_k) e))``.

    Args:
        steps: Gradient steps, at least 1.
        step_size: First step ``a``, an l_2 length in units of the domain's largest range; under
            l_0, counts and joint budgets a fraction of the ball.
        last_step: Last step, as a fraction of the first.
        shrink: First change ``c`` of the ball, a fraction in [0, 1].
        last_shrink: Last change, as a fraction of the first.
    Returns:
        From a call: legal inputs ``(N, *shape)``, nowhere with a smaller margin than ``x``; from
        ``nearest`` the smallest distances.
    Raises:
        SettingError: steps below 1, a step that is not positive, a fraction outside [0, 1].
    Cost:
        At most ``steps + 3`` forward and ``steps`` backward passes per item.
    Differs from the paper:
        Projects exactly on ball and box together, and onto the grid. Under l_0, counts and joint
        budgets the step leads to the first-order optimum of the ball, and the iterate lives in
        the relaxation: the published step keeps the coordinates it chose first. There the ball
        stays below the smallest distance found.
    Example:
        >>> from spikeproof.base import seeds
        >>> from spikeproof.data import Domain
        >>> from spikeproof.oracle import Oracle
        >>> from spikeproof.threats import Misclassification, L2
        >>> threat = Threat(L2(), 1.0, Domain(kind="audio", shape=(2,)))
        >>> with Oracle(torch.nn.Identity()) as oracle:
        ...     near = FMN(steps=100).nearest(oracle, torch.tensor([[0.75, 0.5]]),
        ...                                   Misclassification(torch.tensor([0])), threat,
        ...                                   seeds=seeds(0, n=1))
        >>> round(near.distance.item(), 3)  # sqrt(2) / 8
        0.177

    References:
        pintor2021fast
    """

    steps: int = 100
    step_size: float = 1.0
    last_step: float = 0.01
    shrink: float = 0.05
    last_shrink: float = 0.02

    def __post_init__(self) -> None:
        check_count(self, "steps")
        check_positive(self, "step_size", "last_step")
        check_fraction(self, "shrink", "last_shrink")

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (cls(steps=5),)

    def serves(self, threat: Threat) -> bool:
        """True: the threat's own verbs do the work."""
        return True

    def _begin(self, x: Tensor, start: Tensor, threat: Threat) -> State:
        """The first ball is a single unit, or as large as the gradient will say."""
        wide = threat.reach(x)
        ball = torch.ones_like(wide) if threat.counted else wide
        return {"x": x, "x_adv": start, "z": start, "ball": ball, "wide": wide}

    def _advance(self, left: Survivors, look: Look) -> None:
        """Fit the ball, step, and go to the legal point of the ball."""
        x, z, threat = left.x, left.z, look.threat
        size = look.falling(self.step_size, self.step_size * self.last_step)
        ball = self._ball(left, look)
        if not threat.norm:
            z = z + min(1.0, size) * threat.step(look.grad, z, x, ball)
        else:
            z = z + size * largest_range(threat) * unit_l2(look.grad)
        left.z = threat.relax(z, x, ball)
        left.x_adv, left.ball = threat.project(left.z, x, ball), ball

    def _ball(self, left: Survivors, look: Look) -> Tensor:
        """The radius each item gets next, float64 ``(M,)``."""
        # won: ε <- min((1 - γ) ε, ||δ*||), δ* the nearest adversarial change so far.
        # not won: ε <- (1 + γ) ε; before any success the guess ||δ|| + |margin| / ||g||_dual.
        ball, change = left.ball, look.falling(self.shrink, self.shrink * self.last_shrink)
        if look.threat.counted:
            less = torch.minimum(ball - 1, ((1 - change) * ball).floor())
            more = torch.maximum(ball + 1, ((1 + change) * ball).floor())
            below = torch.minimum(look.nearest - 1, left.wide)
            return torch.minimum(torch.where(look.won, less, more), below).clamp(min=1)
        less = torch.minimum((1 - change) * ball, look.nearest)
        guess = look.distance + look.margin.double().abs() / look.slope(left.x)
        more = torch.where(look.nearest.isinf(), guess, (1 + change) * ball)
        return torch.minimum(torch.where(look.won, less, more), left.wide)
