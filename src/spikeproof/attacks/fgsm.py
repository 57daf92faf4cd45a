"""The fast gradient method: one steepest step as long as the radius."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from torch import Tensor

from spikeproof.attacks.pieces.best import Best
from spikeproof.attacks.registry import ATTACKS
from spikeproof.base import Seeds
from spikeproof.oracle import Oracle
from spikeproof.threats import Goal, Threat

__all__ = ["FGSM"]


@ATTACKS.register("fgsm")
@dataclass(frozen=True, kw_only=True)
class FGSM:
    r"""Take one steepest step as long as the radius.

    ``x_adv = project(x + step(grad score(x), x))``: ``radius * sign(grad)`` for l_inf,
    ``radius * grad / ||grad||_2`` for l_2, the best point of ball and box to first order for l_1,
    l_0 and counts. A baseline: it says nothing about robustness.

    Returns:
        From a call: legal inputs ``(N, *shape)``, nowhere with a smaller margin than ``x``.
    Cost:
        Two forward passes and one backward pass per item; one forward pass more with ``start``.
    Differs from the paper:
        Every geometry; ascends the score of the goal; keeps ``x`` where the step lowers the margin.
    Example:
        >>> import torch
        >>> from spikeproof.base import seeds
        >>> from spikeproof.data import Domain
        >>> from spikeproof.threats import Misclassification, Linf
        >>> threat = Threat(Linf(), 0.25, Domain(kind="audio", shape=(2,)))
        >>> model = torch.nn.Linear(2, 2, bias=False)
        >>> _ = model.weight.data.copy_(torch.eye(2))
        >>> with Oracle(model) as oracle:
        ...     FGSM()(oracle, torch.tensor([[0.75, 0.5]]), Misclassification(torch.tensor([0])),
        ...     threat,
        ...            seeds=seeds(0, n=1))
        tensor([[0.5000, 0.7500]])

    References:
        goodfellow2015
    """

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (cls(),)

    def passes(self, threat: Threat) -> tuple[int, int] | None:
        """Forward and backward passes per item, at most."""
        return 2, 1

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
        """Run the attack; the step begins at ``start`` where there is one."""
        z = x if start is None else threat.project(start, x)
        logits, grad = oracle.logits_and_grad(z, goal.score)
        best = Best(x, goal.margin(logits if start is None else oracle.logits(x)))
        if start is not None:
            best.keep(z, goal.margin(logits))
        x_adv = threat.project(z + threat.step(grad, z, x), x)
        best.keep(x_adv, goal.margin(oracle.logits(x_adv)))
        return best.x
