"""Random search over which pixels or events to change, without a gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from spikeproof.attacks.pieces.best import Best
from spikeproof.attacks.pieces.ranking import first
from spikeproof.attacks.pieces.schedule import share_at
from spikeproof.attacks.pieces.search import random_search
from spikeproof.attacks.pieces.survivors import Survivors
from spikeproof.attacks.registry import ATTACKS
from spikeproof.base import Seeds, SettingError, check_count
from spikeproof.oracle import Oracle
from spikeproof.threats import Goal, Threat

__all__ = ["SparseRS"]

# After so many queries of 10 000 the share of units exchanged is the first one divided by so much.
MARKS = (
    (0, 2.0),
    (50, 4.0),
    (200, 5.0),
    (500, 6.0),
    (1000, 8.0),
    (2000, 10.0),
    (4000, 12.0),
    (6000, 15.0),
    (8000, 20.0),
)


@ATTACKS.register("sparse_rs")
@dataclass(frozen=True, kw_only=True)
class SparseRS:
    r"""Move some changed pixels (l_0) or events (counts) elsewhere, at random; keep what helps.

    It begins with ``radius`` random pixels at random corners of their range (events in random
    cells). Each step takes ``max(1, round(share_k * radius))`` of them back, puts as many on
    random places, and keeps the result where its margin is not smaller. ``share_k`` falls from
    ``share`` to a twentieth of it by the published table, stretched to ``steps``.

    Args:
        steps: Queries after the first two, at least 1.
        share: Share of the units exchanged at first, in (0, 1].
        stop: Leave an item alone once it is won; false goes on raising its margin.
    Returns:
        From a call: legal inputs ``(N, *shape)``, nowhere with a smaller margin than ``x``.
    Raises:
        SettingError: steps below 1, share outside (0, 1]; in a call, a threat whose radius is a
            length rather than a count.
    Cost:
        ``steps + 2`` forward passes per item; with ``stop`` at most.
    Differs from the paper:
        Also counts features and events. A pixel taken back may be chosen again at once, at
        another corner. Ties are taken, because a spike count stands still more often than it
        moves.
    Example:
        >>> from spikeproof.base import seeds
        >>> from spikeproof.data import Domain
        >>> from spikeproof.threats import Misclassification, L0
        >>> model = torch.nn.Linear(3, 2, bias=False)
        >>> _ = model.weight.data.copy_(torch.tensor([[3.0, 1.0, 2.0], [0.0, 0.0, 0.0]]))
        >>> threat = Threat(L0(), 1, Domain(kind="audio", shape=(3,)))
        >>> with Oracle(model) as oracle:
        ...     x_adv = SparseRS(steps=50, stop=False)(
        ...         oracle, torch.full((1, 3), 0.5), Misclassification(torch.tensor([0])), threat,
        ...         seeds=seeds(0, n=1))
        >>> x_adv
        tensor([[0.0000, 0.5000, 0.5000]])

    References:
        croce2022sparse
    """

    steps: int = 5000
    share: float = 0.8
    stop: bool = True

    def __post_init__(self) -> None:
        check_count(self, "steps")
        if not 0 < self.share <= 1:
            raise SettingError(f"SparseRS.share must lie in (0, 1]; got {self.share!r}.")

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (cls(steps=6, stop=False),)

    def passes(self, threat: Threat) -> tuple[int, int] | None:
        """Forward and backward passes per item, at most."""
        return self.steps + 2, 0

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
        """Run the attack; ``start`` replaces the random first point."""
        best = Best(x, goal.margin(oracle.logits(x)))
        if start is None:
            z = _moved(threat, x, x, 0, seeds=seeds.child("first"))
        else:
            z = threat.project(start, x)

        def propose(left: Survivors, k: int) -> Tensor:
            count = max(1, round(share_at(k, self.steps, self.share, MARKS) * threat.radius))
            return _moved(threat, left.z, left.x, count, seeds=left.seeds.child("step", k))

        left = Survivors.all(x, goal, z=z, seeds=seeds)
        return random_search(oracle, best, left, propose, steps=self.steps, stop=self.stop)


def _moved(threat: Threat, z: Tensor, x: Tensor, count: int, *, seeds: Seeds) -> Tensor:
    """Take ``count`` random units back; put these and what is not spent yet on random places."""
    # A random direction takes the place of the gradient: new units go to random corners.
    size = threat.domain.size
    u = seeds.uniform((3 * size,), x.dtype, device=x.device)
    way = (u[:, :size] - 0.5).sign().view_as(x)
    used = threat.marginal_gains(way, z, x)[0]
    nowhere = torch.zeros_like(used, dtype=torch.bool)
    rank = torch.where(used > 0, u[:, size : size + used.shape[1]], -1.0)
    take = first(rank, (used > 0).sum(1).clamp(max=count))
    bare = threat.swap_units(z, x, way, put=nowhere, take=take)
    used, gain, _ = threat.marginal_gains(way, bare, x)
    rank = torch.where(gain > 0, u[:, 2 * size : 2 * size + used.shape[1]], -1.0)
    spare = (threat.radius - used.sum(1)).clamp(min=0)
    put = first(rank, torch.minimum(spare, (gain > 0).sum(1)))
    return threat.swap_units(bare, x, way, put=put, take=nowhere)
