"""SpikeFool: the fewest flips that cross the linearised boundary, again and again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor

from spikeproof.attacks.nearest import MinimumNorm, Nearest
from spikeproof.attacks.pieces.events import on_bits
from spikeproof.attacks.pieces.ranking import first
from spikeproof.attacks.registry import ATTACKS
from spikeproof.attacks.sda import filled
from spikeproof.base import Seeds, SettingError, check_count
from spikeproof.oracle import Oracle
from spikeproof.threats import Goal, Threat

__all__ = ["SpikeFool"]


@ATTACKS.register("spikefool")
@dataclass(frozen=True, kw_only=True)
class SpikeFool(MinimumNorm):
    r"""Flip the fewest cells whose gains, to first order, lift the margin above zero.

    At the present point with gradient g and margin ``-f < 0``, the flips of largest gain are made
    until their gains add up to ``overshoot * f``; the network is asked again there, and so on,
    until the item is won or ``most`` cells differ from ``x``.

    Args:
        steps: Linearisations, at least 1.
        overshoot: Factor on the way to the linearised boundary, at least 1.
        most: Cells that may be flipped in all, at least 1.
    Returns:
        From a call: legal inputs ``(N, *shape)``, nowhere with a smaller margin than ``x``.
    Raises:
        SettingError: steps or most below 1, overshoot below 1; in a call, a threat that does not
            flip bits.
    Cost:
        ``steps + 3`` forward and ``steps`` backward passes per item at most; won items stop.
    Differs from the paper:
        SparseFool looks for the normal of the boundary by DeepFool on real-valued frames, moves
        coordinate by coordinate towards it, and rounds at last. On bits one flip is one
        coordinate moved to its end, so the sparse step is taken on the grid, and every point asked
        about is legal. The gradient is that of the margin at the grid point.
    Example:
        >>> from spikeproof.base import seeds
        >>> from spikeproof.data import Domain
        >>> from spikeproof.threats import Flips, Misclassification
        >>> model = torch.nn.Linear(3, 2, bias=False)
        >>> _ = model.weight.data.copy_(torch.tensor([[3.0, 1.0, 2.0], [0.0, 0.0, 3.5]]))
        >>> domain = Domain(kind="events", shape=(3, 1), high=1.0, integer=True)
        >>> x, goal = torch.tensor([[[1.0], [1.0], [0.0]]]), Misclassification(torch.tensor([0]))
        >>> with Oracle(torch.nn.Sequential(torch.nn.Flatten(), model)) as oracle:
        ...     near = SpikeFool(overshoot=1.1).nearest(
        ...         oracle, x, goal, Threat(Flips(), 3, domain), seeds=seeds(0, n=1))
        >>> near.distance.tolist(), near.x_adv.flatten().tolist()
        ([2.0], [0.0, 1.0, 1.0])

    References:
        buchel2022spikefool
    """

    specialised: ClassVar[bool] = True

    steps: int = 40
    overshoot: float = 2.0
    most: int = 1000

    def __post_init__(self) -> None:
        check_count(self, "steps", "most")
        if not 1 <= self.overshoot < float("inf"):
            raise SettingError(
                f"SpikeFool.overshoot must be at least 1 and finite; got {self.overshoot!r}."
            )

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (cls(steps=4), cls(steps=3, overshoot=1.0, most=3))

    def serves(self, threat: Threat) -> bool:
        """Whether the attack can work under this threat: it must flip single bits."""
        return threat.counted and on_bits(threat)

    def _search(
        self, oracle: Oracle, goal: Goal, near: Nearest, start: Tensor | None, seeds: Seeds
    ) -> None:
        """Linearise, flip, ask."""
        self._refuse(near, start)
        idx = near.standing()
        x, goal, keys, threat = near.x[idx], goal[idx], seeds[idx], near.threat
        z = x.clone() if start is None else threat.project(start[idx].to(x), x)
        for k in range(self.steps + 1):
            if not len(idx):
                return
            if k == self.steps:
                near.keep(z, goal.margin(oracle.logits(z, idx)), idx)
                return
            logits, grad = oracle.logits_and_grad(z, goal.score, idx)
            margin = goal.margin(logits)
            near.keep(z, margin, idx)
            grad = filled(grad, keys, k)
            used, gain, _ = threat.marginal_gains(grad, z, x)
            put = first(gain, self._count(gain, margin, used))
            nowhere = torch.zeros_like(put)
            z = threat.swap_units(z, x, grad, put=put, take=nowhere)
            left = ((margin <= 0) & put.any(1)).nonzero().flatten()
            idx, x, z, goal, keys = idx[left], x[left], z[left], goal[left], keys[left]

    def _count(self, gain: Tensor, margin: Tensor, used: Tensor) -> Tensor:
        """How many flips of largest gain cross the linearised boundary, one at least."""
        gains = gain.sort(dim=1, descending=True).values.cumsum(1)
        wanted = self.overshoot * (-margin).clamp(min=0)[:, None]
        count = (gains < wanted).sum(1) + 1
        room = (self.most - used.sum(1)).clamp(min=0).long()
        return torch.minimum(torch.minimum(count, room), (gain > 0).sum(1))
