"""Sparse dynamic attack: flips that truly help, and then as few of them as are enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor

from spikeproof.attacks.nearest import MinimumNorm, Nearest
from spikeproof.attacks.pieces.events import on_bits
from spikeproof.attacks.pieces.ranking import first
from spikeproof.attacks.registry import ATTACKS
from spikeproof.base import Seeds, check_count, per_item
from spikeproof.oracle import Oracle
from spikeproof.threats import Goal, Threat

__all__ = ["SDA"]


@ATTACKS.register("sda")
@dataclass(frozen=True, kw_only=True)
class SDA(MinimumNorm):
    r"""Generate flips that each raise the margin, then take back those that were not needed.

    Generation: in step n the ``growth * (n + 1)`` flips of largest gradient gain are tried one by
    one, and all that do not lower the margin are made, until the item is won. Exactly zero
    gradients are filled with random ones below all others. Reduction: the flips are sorted by how
    much each raised the margin, and bisection finds how many of the weakest can be taken back
    with the item still won.

    Args:
        steps: Steps of generation, at least 1; each begins with a gradient.
        growth: By how many flips a step tries more than the one before it, at least 1.
    Returns:
        From a call: legal inputs ``(N, *shape)``, nowhere with a smaller margin than ``x``.
    Raises:
        SettingError: steps or growth below 1; in a call, a threat that does not flip bits.
    Cost:
        With ``s = steps`` and ``g = growth``: at most ``g s (s + 1) / 2 + s + 3 + log2(D) + 1``
        forward and ``s`` backward passes per item of D cells; won items stop.
    Differs from the paper:
        The published code tries up to 500 steps, one item at a time, and reports an attack that
        failed as the clean input. Here all items are tried together, each with its own flips, and
        within a radius the strongest flips that it allows are asked about too.
    Example:
        >>> from spikeproof.base import seeds
        >>> from spikeproof.data import Domain
        >>> from spikeproof.threats import Flips, Misclassification
        >>> model = torch.nn.Linear(3, 2, bias=False)
        >>> _ = model.weight.data.copy_(torch.tensor([[3.0, 1.0, 2.0], [0.0, 0.0, 3.5]]))
        >>> domain = Domain(kind="events", shape=(3, 1), high=1.0, integer=True)
        >>> x, goal = torch.tensor([[[1.0], [1.0], [0.0]]]), Misclassification(torch.tensor([0]))
        >>> with Oracle(torch.nn.Sequential(torch.nn.Flatten(), model)) as oracle:
        ...     near = SDA(steps=3).nearest(oracle, x, goal, Threat(Flips(), 3, domain),
        ...                                 seeds=seeds(0, n=1))
        >>> near.distance.tolist(), near.x_adv.flatten().tolist()
        ([2.0], [0.0, 1.0, 1.0])

    References:
        lun2025pdsg
    """

    specialised: ClassVar[bool] = True

    steps: int = 20
    growth: int = 10

    def __post_init__(self) -> None:
        check_count(self, "steps", "growth")

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (cls(steps=2, growth=3),)

    def passes(self, threat: Threat) -> tuple[int, int] | None:
        """Forward and backward passes per item of a call, at most."""
        tried = self.growth * self.steps * (self.steps + 1) // 2
        return tried + self.steps + 4 + threat.domain.size.bit_length(), self.steps

    def serves(self, threat: Threat) -> bool:
        """Whether the attack can work under this threat: it must flip single bits."""
        return threat.counted and on_bits(threat)

    def _search(
        self, oracle: Oracle, goal: Goal, near: Nearest, start: Tensor | None, seeds: Seeds
    ) -> None:
        """Generate, then reduce."""
        self._refuse(near, start)
        idx = near.standing()
        x, goal, keys, threat = near.x[idx], goal[idx], seeds[idx], near.threat
        z = x.clone() if start is None else threat.project(start[idx].to(x), x)
        raised = torch.zeros_like(threat.marginal_gains(x, z, x)[0])
        open_ = torch.arange(len(idx), device=x.device)
        for n in range(self.steps + 1):
            if not len(open_):
                break
            here = z[open_]
            if n == self.steps:
                near.keep(here, goal[open_].margin(oracle.logits(here, idx[open_])), idx[open_])
                break
            logits, grad = oracle.logits_and_grad(here, goal[open_].score, idx[open_])
            margin = goal[open_].margin(logits)
            near.keep(here, margin, idx[open_])
            lost = (margin <= 0).nonzero().flatten()
            open_, grad, margin = (
                open_[lost],
                filled(grad[lost], keys[open_[lost]], n),
                margin[lost],
            )
            part = oracle.subset(idx[open_])
            put, rise = self._tried(
                part, goal[open_], threat, (z[open_], x[open_]), grad, margin, n
            )
            nowhere = torch.zeros_like(put)
            z[open_] = threat.swap_units(z[open_], x[open_], grad, put=put, take=nowhere)
            raised[open_] += torch.where(put, rise, torch.zeros_like(rise))
        _reduce(oracle, goal, near, idx, z, raised)

    def _tried(
        self,
        oracle: Oracle,
        goal: Goal,
        threat: Threat,
        points: tuple[Tensor, Tensor],
        grad: Tensor,
        margin: Tensor,
        step: int,
    ) -> tuple[Tensor, Tensor]:
        """Which flips do not lower the margin, and by how much each raises it, ``(M, P)``."""
        z, x = points
        gain = threat.marginal_gains(grad, z, x)[1]
        count = min(self.growth * (step + 1), gain.shape[1])
        places = gain.sort(dim=1, descending=True, stable=True).indices[:, :count]
        nowhere, rise = torch.zeros_like(gain, dtype=torch.bool), torch.zeros_like(gain)
        for place in places.T:
            put = nowhere.scatter(1, place[:, None], True)
            x_adv = threat.swap_units(z, x, grad, put=put, take=nowhere)
            more = goal.margin(oracle.logits(x_adv)) - margin
            rise = rise.scatter(1, place[:, None], more[:, None].to(rise))
        tried = nowhere.scatter(1, places, True) & (gain > 0)
        return tried & (rise >= 0), rise


def filled(grad: Tensor, seeds: Seeds, step: int) -> Tensor:
    """The gradient with random entries, smaller than every other, in place of exact zeros."""
    size = grad.abs().flatten(1)
    least = torch.where(size > 0, size, torch.inf).amin(1).clamp(max=1)
    keys = seeds.child("zero", step)
    noise = 2 * keys.uniform(grad.shape[1:], grad.dtype, device=grad.device) - 1
    return torch.where(grad == 0, 1e-3 * noise * per_item(least, grad), grad)


def _reduce(
    oracle: Oracle, goal: Goal, near: Nearest, idx: Tensor, z: Tensor, raised: Tensor
) -> None:
    """Ask about the strongest flips alone: as many as the radius allows, then by bisection."""
    threat, x = near.threat, near.x[idx]
    nothing = torch.zeros_like(x)
    flipped = threat.marginal_gains(nothing, z, x)[0] > 0
    count = flipped.sum(1)
    strength = torch.where(flipped, raised, -torch.inf)

    def ask(part: Tensor, kept: Tensor) -> Tensor:
        """Whether some items are won by so many of their flips, the strongest."""
        weak = flipped[part] & ~first(strength[part], kept)
        x_adv = threat.swap_units(
            z[part], x[part], nothing[part], put=torch.zeros_like(weak), take=weak
        )
        margin = goal[part].margin(oracle.logits(x_adv, idx[part]))
        near.keep(x_adv, margin, idx[part])
        return margin > 0

    most = int(threat.radius)
    if len(over := (count > most).nonzero().flatten()):
        ask(over, torch.full_like(over, most))
    low, high = torch.zeros_like(count), count.clone()
    won = near.distance[idx].isfinite() & (count > 0)
    while len(part := (won & (high - low > 1)).nonzero().flatten()):
        middle = (low + high)[part] // 2
        enough = ask(part, middle)
        high[part] = torch.where(enough, middle, high[part])
        low[part] = torch.where(enough, low[part], middle)
