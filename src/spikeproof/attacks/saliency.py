"""Greedy choice of pixels or events, by gradient or by what each one really gains."""

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
from spikeproof.base import Seeds, check_count, per_item
from spikeproof.oracle import Oracle
from spikeproof.threats import Goal, Threat

__all__ = ["Saliency"]


@ATTACKS.register("saliency")
@dataclass(frozen=True, kw_only=True)
class Saliency:
    r"""Change one pixel (l_0) or event (counts) after the other, each the best of its time.

    A unit on a place gains ``sum_c g_c (far_c - x_c)`` to first order, ``far`` the end of the range
    the gradient ``g`` pulls to. With ``candidates`` above 1 the places of largest gain are tried,
    one forward pass each, and the one whose margin is truly largest is taken. Units are never
    taken back.

    Args:
        steps: Gradients at most; where the radius is larger, a step puts ``radius / steps`` units.
        candidates: Places tried in each step, at least 1; 1 trusts the gradient.
        stop: Leave an item alone once it is won; false goes on raising its margin.
    Returns:
        From a call: legal inputs ``(N, *shape)``, nowhere with a smaller margin than ``x``.
    Raises:
        SettingError: steps or candidates below 1; in a call, a threat whose radius is a length
            rather than a count.
    Cost:
        With ``s = min(steps, radius)``: ``s + 2`` forward and ``s`` backward passes per item, and
        with ``c = candidates > 1`` another ``s * c`` forward, c at most the number of places; with
        ``stop`` at most.
    Differs from the paper:
        JSMA multiplies the gradients of the class and of its rivals and moves pixels in pairs;
        this is the greedy rule itself, for the score of the goal, and it never tries a place that
        cannot move. Where the gradient is exactly zero, places are tried in random order.
    Example:
        >>> from spikeproof.base import seeds
        >>> from spikeproof.data import Domain
        >>> from spikeproof.threats import Misclassification, L0
        >>> model = torch.nn.Linear(3, 2, bias=False)
        >>> _ = model.weight.data.copy_(torch.tensor([[3.0, 1.0, 2.0], [0.0, 0.0, 0.0]]))
        >>> threat = Threat(L0(), 1, Domain(kind="audio", shape=(3,)))
        >>> with Oracle(model) as oracle:
        ...     x_adv = Saliency()(oracle, torch.full((1, 3), 0.5),
        ...     Misclassification(torch.tensor([0])),
        ...                        threat, seeds=seeds(0, n=1))
        >>> x_adv
        tensor([[0.0000, 0.5000, 0.5000]])

    References:
        papernot2016limitations
    """

    steps: int = 40
    candidates: int = 1
    stop: bool = False

    def __post_init__(self) -> None:
        check_count(self, "steps", "candidates")

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (cls(steps=2, candidates=2),)

    def passes(self, threat: Threat) -> tuple[int, int] | None:
        """Forward and backward passes per item, at most."""
        steps = min(self.steps, int(threat.radius))
        return steps + 2 + (steps * self.candidates if self.candidates > 1 else 0), steps

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
        """Run the attack; ``start`` is a point to go on from, instead of ``x``."""
        z = x if start is None else threat.project(start, x)
        best = Best(x, goal.margin(oracle.logits(x)))
        left = Survivors.all(x, goal, z=z, seeds=seeds)
        steps = min(self.steps, int(threat.radius))
        for k in range(steps):
            logits, left.grad = oracle.logits_and_grad(left.z, left.goal.score, left.idx)
            best.keep(left.z, left.goal.margin(logits), left.idx)
            if self.stop:
                left.drop_won(best)
            if not len(left):
                return best.x
            grad = left.grad
            if self.candidates > 1:
                grad = _filled(grad, left.seeds.child("zero", k))
            used, gain, _ = threat.marginal_gains(grad, left.z, left.x)
            if self.candidates > 1:
                gain = self._tried(oracle, left, threat, grad=grad, gain=gain)
            spare = math.ceil(threat.radius * (k + 1) / steps) - used.sum(1)
            put = first(gain, torch.minimum(spare.clamp(min=0), (gain > 0).sum(1)))
            left.z = threat.swap_units(left.z, left.x, grad, put=put, take=torch.zeros_like(put))
        best.keep(left.z, left.goal.margin(oracle.logits(left.z, left.idx)), left.idx)
        return best.x

    def _tried(
        self, oracle: Oracle, left: Survivors, threat: Threat, *, grad: Tensor, gain: Tensor
    ) -> Tensor:
        """The true gains of the most promising places, shifted to be positive; 0 elsewhere."""
        count = min(self.candidates, gain.shape[1])
        places = gain.sort(dim=1, descending=True, stable=True).indices[:, :count]
        nowhere = torch.zeros_like(gain, dtype=torch.bool)
        tried = []
        for place in places.T:
            put = nowhere.scatter(1, place[:, None], True)
            x_adv = threat.swap_units(left.z, left.x, grad, put=put, take=nowhere)
            tried.append(left.goal.margin(oracle.logits(x_adv, left.idx)))
        margins = torch.stack(tried, dim=1)
        margins = margins - margins.amin(1, keepdim=True) + 1
        margins = torch.where(gain.gather(1, places) > 0, margins, 0.0)
        return torch.zeros_like(gain).scatter(1, places, margins.to(gain))


def _filled(grad: Tensor, seeds: Seeds) -> Tensor:
    """The gradient with random entries, smaller than every other, in place of exact zeros."""
    flat = grad.abs().flatten(1)
    least = torch.where(flat > 0, flat, torch.inf).amin(1).clamp(max=1)
    noise = 2 * seeds.uniform(grad.shape[1:], grad.dtype, device=grad.device) - 1
    return torch.where(grad == 0, 1e-3 * noise * per_item(least, grad), grad)
