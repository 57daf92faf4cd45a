"""Local search over retimings, guided by the gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor

from spikeproof.attacks.pieces.best import Best
from spikeproof.attacks.pieces.events import retimes
from spikeproof.attacks.pieces.survivors import Survivors
from spikeproof.attacks.registry import ATTACKS
from spikeproof.base import Seeds, SettingError, check_count, check_share, per_item
from spikeproof.oracle import Oracle
from spikeproof.threats import Goal, Threat

__all__ = ["RetimingSearch"]


@ATTACKS.register("retiming_search")
@dataclass(frozen=True, kw_only=True)
class RetimingSearch:
    r"""Retime some lines as a noisy gradient would have them, and keep what raises the margin.

    It begins at the retiming that is best to first order, found exactly line by line. Each step
    adds noise to the gradient at the best point, takes the best retiming for that on a random
    share of the lines, projects, and asks there; what is no worse replaces the present point. The
    share falls from ``share`` to single lines.

    Args:
        steps: Proposals, at least 1.
        share: Share of the lines that are retimed at first, in (0, 1].
        doubt: Scale of the noise, in root mean squares of the entries of the gradient: few are
            large on the grid of a camera, and noise of their size would drown all the others.
        stop: Leave an item alone once it is won.
    Returns:
        From a call: legal inputs ``(N, *shape)``, nowhere with a smaller margin than ``x``.
    Raises:
        SettingError: steps below 1, share outside (0, 1], a negative doubt; in a call, a threat
            that is no retiming.
    Cost:
        ``steps + 2`` forward and ``steps + 2`` backward passes per item; with ``stop`` at most.
    Example:
        >>> from spikeproof.base import seeds
        >>> from spikeproof.data import Domain
        >>> from spikeproof.threats import Misclassification, Retiming
        >>> model = torch.nn.Linear(3, 2, bias=False)
        >>> _ = model.weight.data.copy_(torch.tensor([[3.0, 0.0, 0.0], [0.0, 1.0, 2.0]]))
        >>> domain = Domain(kind="events", shape=(3, 1), high=1.0, integer=True)
        >>> x, goal = torch.tensor([[[1.0], [0.0], [0.0]]]), Misclassification(torch.tensor([0]))
        >>> with Oracle(torch.nn.Sequential(torch.nn.Flatten(), model)) as oracle:
        ...     x_adv = RetimingSearch(steps=5)(oracle, x, goal, Threat(Retiming("l1"), 2, domain),
        ...                                     seeds=seeds(0, n=1))
        >>> x_adv.flatten().tolist()
        [0.0, 0.0, 1.0]

    References:
        yu2026retiming, croce2022sparse
    """

    specialised: ClassVar[bool] = True

    steps: int = 60
    share: float = 0.5
    doubt: float = 0.5
    stop: bool = False

    def __post_init__(self) -> None:
        check_count(self, "steps")
        check_share(self, "share")
        if not 0 <= self.doubt < float("inf"):
            raise SettingError(f"RetimingSearch.doubt must be 0 or more; got {self.doubt!r}.")

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (cls(steps=4),)

    def passes(self, threat: Threat) -> tuple[int, int] | None:
        """Forward and backward passes per item, at most."""
        return self.steps + 2, self.steps + 2

    def serves(self, threat: Threat) -> bool:
        """Whether the attack can work under this threat: it must be a retiming."""
        return retimes(threat)

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
        """Run the attack; ``start`` replaces ``x`` as the first point."""
        if not self.serves(threat):
            raise SettingError(
                f"RetimingSearch moves events in time; {threat.name} is no retiming. Use PGD, "
                "which serves every threat."
            )
        z = x if start is None else threat.project(start, x)
        logits, grad = oracle.logits_and_grad(z, goal.score)
        best = Best(x, goal.margin(logits) if z is x else goal.margin(oracle.logits(x)))
        best.keep(z, goal.margin(logits))
        left = Survivors.all(x, goal, z=z, grad=grad, margin=goal.margin(logits), seeds=seeds)
        for k in range(self.steps + 1):
            if self.stop:
                left.drop_won(best)
            if not len(left):
                break
            x_adv = self._proposal(left, threat, k)
            logits, slope = oracle.logits_and_grad(x_adv, left.goal.score, left.idx)
            margin = left.goal.margin(logits)
            best.keep(x_adv, margin, left.idx)
            better = margin >= left.margin
            left.margin = torch.where(better, margin, left.margin)
            left.z = torch.where(per_item(better, x), x_adv, left.z)
            left.grad = torch.where(per_item(better, x), slope, left.grad)
        return best.x

    def _proposal(self, left: Survivors, threat: Threat, k: int) -> Tensor:
        """Another legal retiming of every item; first the best one to first order."""
        x, grad = left.x, left.grad
        if k == 0:
            return threat.project(x + threat.step(grad, x, x), x)
        keys = left.seeds.child("step", k)
        typical = per_item(grad.flatten(1).square().mean(1).sqrt(), grad)
        scale = torch.where(typical > 0, self.doubt * typical, torch.ones_like(typical))
        noise = keys.child("noise").normal(x.shape[1:], x.dtype, device=x.device)
        goal = x + threat.step(grad + scale * noise, x, x)
        lines = x[0, 0].numel()
        share = max(self.share * (1 - (k - 1) / self.steps), 1 / lines)
        # One line at least, the first of a random order; chance decides about the others.
        u = keys.child("lines").uniform((lines,), torch.float64, device=x.device)
        chosen = (u < share) | (u == u.amin(1, keepdim=True))
        mixed = torch.where(chosen.view(len(x), 1, *x.shape[2:]), goal, left.z)
        # Where the budget cannot pay for all of it, chance decides what it pays for.
        tie = keys.child("ties").uniform(x.shape[1:], torch.float64, device=x.device)
        return threat.project(mixed + (0.2 * (tie - 0.5)).to(x.dtype), x)
