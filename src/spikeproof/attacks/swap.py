"""Local search over which pixels or events to change, guided by the gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from spikeproof.attacks.pieces.best import Best
from spikeproof.attacks.pieces.ranking import first
from spikeproof.attacks.pieces.survivors import Survivors
from spikeproof.attacks.registry import ATTACKS
from spikeproof.base import Seeds, SettingError, check_count, check_fraction, per_item
from spikeproof.oracle import Oracle
from spikeproof.threats import Goal, Threat

__all__ = ["Swap"]

# Every unsuccessful proposal of a place lowers its logarithmic worth by this much.
TIRED = 2.0


@ATTACKS.register("swap")
@dataclass(frozen=True, kw_only=True)
class Swap:
    r"""Exchange changed pixels (l_0) or events (counts) while that raises the margin.

    It begins with the ``radius`` units of largest linear gain. Each step exchanges some of them:
    the units worth least, by the gradient at the best point, against the places of largest
    ``log gain + noise * Gumbel - 2 * tries``; the result is queried, and kept where its margin
    is larger. How many are exchanged falls linearly from ``share * radius`` to one.

    Args:
        steps: Proposals, at least 1.
        share: Share of the units exchanged at first, in [0, 1].
        noise: Scale of the noise on the ranking, 0 or more.
        stop: Leave an item alone once it is won; the verdict is the same, the margin smaller.
        doubt: Scale of the noise on the gradient itself, in its largest entries; above 0 also
            moves against the gradient are proposed, which spiking networks need on few features.
    Returns:
        From a call: legal inputs ``(N, *shape)``, nowhere with a smaller margin than ``x``.
    Raises:
        SettingError: steps below 1, share outside [0, 1], negative noise; in a call, a threat
            whose radius is a length rather than a count.
    Cost:
        ``steps + 2`` forward and ``steps + 1`` backward passes per item; with ``stop`` at most.
    Differs from the paper:
        Sparse-RS proposes at random; here the gradient ranks the proposals and places that
        failed sink in the ranking. For radius 1 this becomes a search in order of the gradient.
    Example:
        >>> from spikeproof.base import seeds
        >>> from spikeproof.data import Domain
        >>> from spikeproof.threats import Misclassification, L0
        >>> model = torch.nn.Linear(3, 2, bias=False)
        >>> _ = model.weight.data.copy_(torch.tensor([[3.0, 1.0, 2.0], [0.0, 0.0, 0.0]]))
        >>> threat = Threat(L0(), 1, Domain(kind="audio", shape=(3,)))
        >>> with Oracle(model) as oracle:
        ...     x_adv = Swap(steps=5)(oracle, torch.full((1, 3), 0.5),
        ...     Misclassification(torch.tensor([0])),
        ...                           threat, seeds=seeds(0, n=1))
        >>> x_adv
        tensor([[0.0000, 0.5000, 0.5000]])

    References:
        croce2022sparse
    """

    steps: int = 40
    share: float = 0.5
    noise: float = 0.5
    stop: bool = False
    doubt: float = 0.0

    def __post_init__(self) -> None:
        check_count(self, "steps")
        check_fraction(self, "share")
        for name, value in (("noise", self.noise), ("doubt", self.doubt)):
            if not 0 <= value < float("inf"):
                raise SettingError(f"Swap.{name} must be 0 or more and finite; got {value!r}.")

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (cls(steps=4),)

    def passes(self, threat: Threat) -> tuple[int, int] | None:
        """Forward and backward passes per item, at most."""
        return self.steps + 2, self.steps + 1

    def serves(self, threat: Threat) -> bool:
        """Whether the attack can work under this threat: its radius must be a count."""
        return threat.counted

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
        best = Best(x, goal.margin(oracle.logits(x)))
        z = x if start is None else threat.project(start, x)
        logits, grad = oracle.logits_and_grad(z, goal.score)
        margin = goal.margin(logits)
        best.keep(z, margin)
        left = Survivors.all(x, goal, z=z, grad=grad, margin=margin, seeds=seeds)
        left.tries = torch.zeros_like(threat.marginal_gains(grad, z, x)[0])
        for k in range(self.steps):
            if self.stop:
                left.drop_won(best)
            if not len(left):
                return best.x
            count = max(1, round(threat.radius * self.share * (1 - k / self.steps)))
            step_keys = left.seeds.child("step", k)
            guess = self._doubted(left.grad, step_keys)
            gains = threat.marginal_gains(guess, left.z, left.x)
            put, take, unfinished = self._moves(threat, gains, left.tries, count, seeds=step_keys)
            x_adv = threat.swap_units(left.z, left.x, guess, put=put, take=take)
            logits, slope = oracle.logits_and_grad(x_adv, left.goal.score, left.idx)
            margin = left.goal.margin(logits)
            best.keep(x_adv, margin, left.idx)
            # While units are unspent every proposal is taken: one unit alone may do nothing.
            better = (margin > left.margin) | unfinished
            tries = left.tries + put.to(left.tries)
            left.tries = torch.where(better[:, None], tries / 2, tries)
            left.margin = torch.where(better, margin, left.margin)
            left.z = torch.where(per_item(better, x), x_adv, left.z)
            left.grad = torch.where(per_item(better, x), slope, left.grad)
        return best.x

    def _doubted(self, grad: Tensor, seeds: Seeds) -> Tensor:
        """The gradient with noise; a zero gradient is all noise."""
        if self.doubt == 0:
            return grad
        largest = per_item(grad.flatten(1).abs().amax(1), grad)
        scale = torch.where(largest > 0, self.doubt * largest, torch.ones_like(largest))
        return grad + scale * seeds.child("doubt").normal(
            grad.shape[1:], grad.dtype, device=grad.device
        )

    def _moves(
        self,
        threat: Threat,
        gains: tuple[Tensor, Tensor, Tensor],
        tries: Tensor,
        count: int,
        *,
        seeds: Seeds,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Places to put a unit on, places to take one from, and items with units to spend."""
        used, gain, worth = gains
        shape = used.shape[1:]
        spare = (threat.radius - used.sum(1)).clamp(min=0)
        held = (used > 0).sum(1)
        # Unspent units first; then as many exchanges as there are places to take from.
        wanted = torch.where(spare > 0, spare, held.clamp(max=count).to(spare))
        rank = gain.log() + self.noise * _gumbel(seeds.child("put"), shape, gain) - TIRED * tries
        put = first(rank, torch.minimum(wanted, (gain > 0).sum(1)))
        excess = used.sum(1) + put.sum(1) - threat.radius
        scale = worth.abs().amax(1, keepdim=True)
        value = worth / torch.where(scale > 0, scale, torch.ones_like(scale))
        value = value + self.noise / 2 * _gumbel(seeds.child("take"), shape, value)
        take = first(torch.where(used > 0, -value, -torch.inf), excess.clamp(min=0))
        return put, take, spare > 0


def _gumbel(seeds: Seeds, shape: torch.Size, like: Tensor) -> Tensor:
    """Standard Gumbel draws, ``(N, *shape)``."""
    return -seeds.exponential(shape, torch.float64, device=like.device).log().to(like)
