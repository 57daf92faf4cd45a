"""Count down: win with some units, then search again with one less, until that fails."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from spikeproof.attacks.fmn import FMN
from spikeproof.attacks.nearest import MinimumNorm, Nearest
from spikeproof.attacks.swap import Swap
from spikeproof.base import Seeds, SettingError
from spikeproof.oracle import Oracle
from spikeproof.threats import Aim, Threat

__all__ = ["Countdown"]


@dataclass(frozen=True, kw_only=True)
class Countdown(MinimumNorm):
    """Find the fewest pixels or events: FMN first, then Swap with one unit less as long as it wins.

    Each round searches, for every item still counting, a point of ``distance - 1`` units; items
    whose round fails are done. At a fixed radius there is one round, at that radius.

    Args:
        steps: Steps of FMN, at least 1.
        proposals: Steps of Swap in each round, at least 1.
        share: Share of the units exchanged at first, in [0, 1].
        noise: Scale of the noise on Swap's ranking, 0 or more.
        doubt: Scale of the noise on its gradient, 0 or more.
    Returns:
        From a call: legal inputs ``(N, *shape)``, nowhere with a smaller margin than ``x``; from
        ``nearest`` the smallest distances.
    Raises:
        SettingError: steps or proposals below 1, share outside [0, 1], negative noise; in a call,
            a threat whose radius is a length rather than a count.
    Cost:
        At most ``steps + 3`` forward and ``steps`` backward passes per item; then ``proposals + 3``
        forward and ``proposals + 1`` backward passes per round, at most one round more than rounds
        that were won.
    Example:
        >>> from spikeproof.base import seeds
        >>> from spikeproof.data import Domain
        >>> from spikeproof.threats import L0, Goal
        >>> threat = Threat(L0(), 1, Domain(kind="audio", shape=(3,)))
        >>> x, goal = torch.tensor([[0.75, 0.5, 0.0]]), Goal(torch.tensor([0]))
        >>> with Oracle(torch.nn.Identity()) as oracle:
        ...     near = Countdown(steps=5).nearest(oracle, x, goal, threat, seeds=seeds(0, n=1))
        >>> near.distance
        tensor([1.], dtype=torch.float64)

    References:
        pintor2021fast, croce2022sparse
    """

    steps: int = 60
    proposals: int = 40
    share: float = 0.5
    noise: float = 0.5
    doubt: float = 1.0

    def __post_init__(self) -> None:
        if self.steps < 1 or self.proposals < 1:
            raise SettingError(
                f"Countdown.steps and .proposals must be at least 1; got {self.steps!r} and "
                f"{self.proposals!r}."
            )
        self._swap()

    def serves(self, threat: Threat) -> bool:
        """Whether the attack can work under this threat: its radius must be a count."""
        return threat.counted

    def _swap(self) -> Swap:
        """The search of a round."""
        return Swap(
            steps=self.proposals, share=self.share, noise=self.noise, stop=True, doubt=self.doubt
        )

    def _search(
        self, oracle: Oracle, goal: Aim, near: Nearest, start: Tensor | None, seeds: Seeds
    ) -> None:
        """FMN, then rounds of Swap."""
        self._refuse(near, start)
        FMN(steps=self.steps)._search(oracle, goal, near, start, seeds)
        rows, number = near.standing(), 0
        while len(rows):
            before = near.distance[rows].clone()
            radius = torch.full_like(before, near.enough) if near.enough else before - 1
            for units in sorted(set(radius[radius.isfinite() & (radius >= 1)].tolist())):
                left = rows[radius == units]
                own = seeds[left].child("round", number)
                threat, x = near.threat.at(units), near.x[left]
                x_adv = self._swap()(oracle, x, goal[left], threat, seeds=own)
                near.keep(x_adv, goal[left].margin(oracle.logits(x_adv)), left)
            won = near.distance[rows] < before
            rows, number = rows[won & (near.distance[rows] > near.enough)], number + 1
