"""Projected gradient ascent on which pixels to change and on how far."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from spikeproof.attacks.pieces.best import Best
from spikeproof.attacks.pieces.ranking import first
from spikeproof.attacks.pieces.survivors import Survivors
from spikeproof.attacks.registry import ATTACKS
from spikeproof.base import Seeds, SettingError, check_count, check_positive
from spikeproof.oracle import Oracle
from spikeproof.threats import Goal, Threat

__all__ = ["SparsePGD"]


@ATTACKS.register("sparse_pgd")
@dataclass(frozen=True, kw_only=True)
class SparsePGD:
    r"""Ascend in the change of every pixel and in a score that says which pixels are changed.

    ``x_adv = x + p * m`` where ``p`` stays in the box and ``m`` marks the ``radius`` pixels of the
    largest score ``s``. With ``g`` the gradient at ``x_adv``:

    ``p <- p + step_size * range * sign(g * m)`` projected, or ``sign(g * sigmoid(s))`` unprojected,
    ``s <- s + score_step * sqrt(D) * v/||v||_2`` with ``v_i = sigmoid'(s_i) * sum_c (g * p)_ic``.

    Unprojected steps also move pixels that are not chosen now. Where the choice stood still for
    ``patience`` steps, the scores are drawn anew.

    Args:
        steps: Gradient steps, at least 1.
        step_size: Step of the change, as a fraction of a feature's range.
        score_step: Step of the score, as a fraction of ``sqrt(D)``, D features.
        projected: Whether only chosen pixels move.
        patience: Steps without another choice before new scores, at least 1.
        stop: Leave an item alone once it is won; the verdict is the same, the margin smaller.
    Returns:
        From a call: legal inputs ``(N, *shape)``, nowhere with a smaller margin than ``x``.
    Raises:
        SettingError: steps or patience below 1, a step that is not positive; in a call, a threat
            other than l_0.
    Cost:
        ``steps + 2`` forward and ``steps`` backward passes per item; with ``stop`` at most.
    Differs from the paper:
        Returns the best visited point; pixels, features and event cells alike.
    Example:
        >>> from spikeproof.base import seeds
        >>> from spikeproof.data import Domain
        >>> from spikeproof.threats import L0, Misclassification
        >>> model = torch.nn.Linear(3, 2, bias=False)
        >>> _ = model.weight.data.copy_(torch.tensor([[3.0, 1.0, 2.0], [0.0, 0.0, 0.0]]))
        >>> threat = Threat(L0(), 1, Domain(kind="audio", shape=(3,)))
        >>> with Oracle(model) as oracle:
        ...     x_adv = SparsePGD(steps=20)(oracle, torch.full((1, 3), 0.5),
        ...                                 Misclassification(torch.tensor([0])), threat,
        ...                                 seeds=seeds(0, n=1))
        >>> x_adv
        tensor([[0.0000, 0.5000, 0.5000]])

    References:
        zhong2024towards
    """

    steps: int = 100
    step_size: float = 0.25
    score_step: float = 0.25
    projected: bool = False
    patience: int = 3
    stop: bool = False

    def __post_init__(self) -> None:
        check_count(self, "steps", "patience")
        check_positive(self, "step_size", "score_step")

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (cls(steps=4, projected=True, patience=1),)

    def passes(self, threat: Threat) -> tuple[int, int] | None:
        """Forward and backward passes per item, at most."""
        return self.steps + 2, self.steps

    def serves(self, threat: Threat) -> bool:
        """Whether the attack can work under this threat: l_0 on pixels or features."""
        return threat.counted and threat.order == 0

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
        """Run the attack; ``start`` is the first change, its pixels the first choice."""
        if not self.serves(threat):
            raise SettingError(
                f"SparsePGD chooses pixels or features under l_0; {threat.name} measures "
                "otherwise. Use Swap for events, PGD for norms."
            )
        best = Best(x, goal.margin(oracle.logits(x)))
        z, score = self._begin(x, threat, seeds, start)
        left = Survivors.all(x, goal, seeds=seeds, z=z, score=score, chosen=_choice(score, threat))
        left.still = torch.zeros(len(x), dtype=torch.int64, device=x.device)
        for k in range(self.steps):
            x_adv = self._point(left, threat)
            logits, left.grad = oracle.logits_and_grad(x_adv, left.goal.score, left.idx)
            best.keep(x_adv, left.goal.margin(logits), left.idx)
            if self.stop:
                left.drop_won(best)
            if not len(left):
                return best.x
            left.score = left.score + self._score_step(left, threat)
            left.z = self._step(left, threat)
            same = (_choice(left.score, threat) == left.chosen).all(1)
            left.still = torch.where(same, left.still + 1, 0)
            stuck = left.still >= self.patience
            anew = left.seeds.child("scores", k + 1).normal(
                left.score.shape[1:], x.dtype, device=x.device
            )
            left.score = torch.where(stuck[:, None], anew, left.score)
            left.still = torch.where(stuck, 0, left.still)
            left.chosen = _choice(left.score, threat)
        x_adv = self._point(left, threat)
        best.keep(x_adv, left.goal.margin(oracle.logits(x_adv, left.idx)), left.idx)
        return best.x

    def _begin(
        self, x: Tensor, threat: Threat, seeds: Seeds, start: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """First change and first scores: random, or those of a given point."""
        used = threat.marginal_gains(torch.zeros_like(x), x if start is None else start, x)[0]
        score = seeds.child("scores", 0).normal(used.shape[1:], x.dtype, device=x.device)
        if start is not None:
            return threat.project(start, x), score + 8 * used.to(x.dtype)
        u = seeds.child("change").uniform(x.shape[1:], x.dtype, device=x.device)
        return threat.domain.clip(x + threat.feature_unit(x).view(x.shape[1:]) * (2 * u - 1)), score

    def _point(self, left: Survivors, threat: Threat) -> Tensor:
        """The legal point that the change of the chosen pixels makes."""
        return threat.project(_masked(threat, left.z, left.x, left.chosen), left.x)

    def _score_step(self, left: Survivors, threat: Threat) -> Tensor:
        """Steepest step of the scores: what each pixel's change is worth if it is chosen."""
        worth, chance = threat.marginal_gains(left.grad, left.z, left.x)[2], left.score.sigmoid()
        slope = worth * chance * (1 - chance)
        length = slope.norm(dim=1, keepdim=True)
        reach = self.score_step * math.sqrt(threat.domain.size)
        return reach * slope / torch.where(length > 0, length, 1.0)

    def _step(self, left: Survivors, threat: Threat) -> Tensor:
        """Move the change in the sign of the gradient; projected, only on the chosen pixels."""
        unit = threat.feature_unit(left.x).view(left.x.shape[1:])
        moved = threat.domain.clip(left.z + self.step_size * unit * left.grad.sign())
        return _masked(threat, moved, left.z, left.chosen) if self.projected else moved


def _choice(score: Tensor, threat: Threat) -> Tensor:
    """The pixels of the largest scores, bool ``(N, P)``."""
    return first(score, torch.full((len(score),), int(threat.radius), device=score.device))


def _masked(threat: Threat, z: Tensor, x: Tensor, chosen: Tensor) -> Tensor:
    """``z`` on the chosen pixels and ``x`` elsewhere."""
    nowhere = torch.zeros_like(chosen)
    return threat.swap_units(z, x, torch.zeros_like(z), put=nowhere, take=~chosen)
