"""Projected gradient ascent in every geometry."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from torch import Tensor

from spikeproof.attacks.pieces.best import Best
from spikeproof.attacks.pieces.survivors import Survivors
from spikeproof.attacks.registry import ATTACKS
from spikeproof.base import (
    Seeds,
    SettingError,
    check_count,
    check_fraction,
    check_one_of,
    check_share,
)
from spikeproof.oracle import Oracle
from spikeproof.threats import Goal, Threat

__all__ = ["PGD"]


@ATTACKS.register("pgd")
@dataclass(frozen=True, kw_only=True)
class PGD:
    r"""Maximise the goal's score by projected steepest ascent and keep the best visited point.

    ``z <- relax(z + a_k * step(grad score(project(z)), z))`` where the step is as long as the
    radius and ``a_k`` falls linearly from ``step_size`` to ``step_size * last``. The queried point
    is always legal; ``z`` itself may be a relaxed one, so that small steps add up on grids and
    for l_0.

    Args:
        steps: Gradient steps, at least 1.
        step_size: First step, as a fraction of the radius.
        last: Last step, as a fraction of the first, in [0, 1]; 1 keeps it constant.
        random_start: Begin at a random point of the ball instead of ``x``.
        stop: Leave an item alone once it is won; the verdict is the same, the margin smaller.
        keep: ``"best"``, or ``"last"`` for the point where the ascent ends, as published. Only for
            training: that point may be worse for the attacker than another visited one or than
            ``x``.
    Returns:
        From a call: legal inputs ``(N, *shape)``, nowhere with a smaller margin than ``x`` unless
        ``keep="last"``.
    Raises:
        SettingError: steps below 1, a step size that is not positive, an unknown ``keep``, or
            ``keep="last"`` with ``stop``.
    Cost:
        ``steps + 2`` forward and ``steps`` backward passes per item; with ``stop`` at most. One
        forward fewer where the ascent begins at ``x``, whose margin the first step tells; two
        fewer with ``keep="last"``.
    Differs from the paper:
        Returns the best point by default, not the last; projects exactly on ball and box together.
    Example:
        >>> import torch
        >>> from spikeproof.data import Domain
        >>> from spikeproof.base import seeds
        >>> from spikeproof.threats import Misclassification, Linf
        >>> model = torch.nn.Linear(2, 2, bias=False)
        >>> _ = model.weight.data.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
        >>> threat = Threat(Linf(), 0.25, Domain(kind="audio", shape=(2,)))
        >>> with Oracle(model) as oracle:
        ...     x_adv = PGD(steps=10)(oracle, torch.tensor([[0.75, 0.5]]),
        ...                           Misclassification(torch.tensor([0])), threat, seeds=seeds(0,
        ...                           n=1))
        >>> x_adv
        tensor([[0.5000, 0.7500]])

    References:
        madry2018
    """

    steps: int = 40
    step_size: float = 0.1
    last: float = 1.0
    random_start: bool = True
    stop: bool = False
    keep: str = "best"

    def __post_init__(self) -> None:
        check_count(self, "steps")
        check_share(self, "step_size")
        check_fraction(self, "last")
        check_one_of(self.keep, ("best", "last"), "PGD.keep")
        if self.keep == "last" and self.stop:
            raise SettingError(
                "PGD(stop=True) leaves won items at their best point, so it cannot keep='last'; "
                "leave out one of the two."
            )

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (
            cls(steps=4, step_size=0.3),
            cls(steps=3, step_size=0.5, last=0.1, random_start=False),
            cls(steps=4, step_size=0.3, keep="last"),
        )

    def passes(self, threat: Threat) -> tuple[int, int] | None:
        """Forward and backward passes per item, at most."""
        spared = 2 if self.keep == "last" else 0 if self.random_start else 1
        return self.steps + 2 - spared, self.steps

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
        z = threat.sample(x, seeds) if self.random_start and start is None else x
        z = z if start is None else start
        left = Survivors.all(x, goal, z=z, x_adv=x if z is x else threat.project(z, x))
        best = None
        if self.keep == "best" and z is not x:
            best = Best(x, goal.margin(oracle.logits(x)))
        for k in range(self.steps):
            if self.stop and best is not None:
                left.drop_won(best)
            if not len(left):
                break
            x_adv, near = left.x_adv, left.x
            logits, grad = oracle.logits_and_grad(x_adv, left.goal.score, left.idx)
            if best is not None:
                best.keep(x_adv, left.goal.margin(logits), left.idx)
            elif self.keep == "best":  # the first step, from x itself
                best = Best(x, goal.margin(logits))
            left.z = threat.relax(left.z + self._length(k) * threat.step(grad, left.z, near), near)
            left.x_adv = threat.project(left.z, near) if threat.relaxed else left.z
        if best is None:
            return left.x_adv
        if len(left):
            margin = left.goal.margin(oracle.logits(left.x_adv, left.idx))
            best.keep(left.x_adv, margin, left.idx)
        return best.x

    def most_harmful(self) -> PGD:
        """The same attack, returning the most harmful point it visits in place of the last."""
        return replace(self, keep="best")

    def _length(self, k: int) -> float:
        """Length of step k as a fraction of the radius."""
        return self.step_size * (1 - (1 - self.last) * k / max(1, self.steps - 1))
