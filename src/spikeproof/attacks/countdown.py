"""Count units: search with one, two, three; then with one less than what is known to win."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from spikeproof.attacks.fmn import FMN
from spikeproof.attacks.nearest import MinimumNorm, Nearest
from spikeproof.attacks.registry import ATTACKS
from spikeproof.attacks.swap import Swap
from spikeproof.base import Seeds, SettingError, check_count
from spikeproof.oracle import Oracle
from spikeproof.threats import Goal, Threat

__all__ = ["Countdown"]


@ATTACKS.register("countdown")
@dataclass(frozen=True, kw_only=True)
class Countdown(MinimumNorm):
    """Find the fewest pixels or events: FMN first, then Swap with every number that may do.

    Swap searches with 1 to ``low`` units, then, for the items that are not won by then, with one
    unit less than the fewest known to win, as long as it succeeds. At a fixed radius there is one
    search, at that radius.

    Args:
        steps: Steps of FMN, at least 1.
        proposals: Steps of Swap in each search, at least 1.
        share: Share of the units exchanged at first, in [0, 1].
        noise: Scale of the noise on Swap's ranking, 0 or more.
        doubt: Scale of the noise on its gradient, 0 or more.
        low: Up to how many units are searched one by one, at least 0.
        runs: Swaps per search, with fresh random numbers, at least 1.
    Returns:
        From a call: legal inputs ``(N, *shape)``, nowhere with a smaller margin than ``x``; from
        ``nearest`` the smallest distances.
    Raises:
        SettingError: steps or proposals below 1, share outside [0, 1], negative noise; in a call,
            a threat whose radius is a length rather than a count.
    Cost:
        At most ``steps + 3`` forward and ``steps`` backward passes per item; then ``proposals + 3``
        forward and ``proposals + 1`` backward passes per run of Swap.
    Example:
        >>> from spikeproof.base import seeds
        >>> from spikeproof.data import Domain
        >>> from spikeproof.threats import L0, Misclassification
        >>> threat = Threat(L0(), 1, Domain(kind="audio", shape=(3,)))
        >>> x, goal = torch.tensor([[0.75, 0.5, 0.0]]), Misclassification(torch.tensor([0]))
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
    low: int = 4
    runs: int = 2

    def __post_init__(self) -> None:
        check_count(self, "steps", "proposals", "runs")
        if self.low < 0:
            raise SettingError(f"Countdown.low must be at least 0; got {self.low!r}.")
        Swap(share=self.share, noise=self.noise, doubt=self.doubt)

    def passes(self, threat: Threat) -> tuple[int, int] | None:
        """None: how often Swap runs depends on what it finds."""
        return None

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (cls(steps=3, proposals=3),)

    def serves(self, threat: Threat) -> bool:
        """Whether the attack can work under this threat: its radius must be a count."""
        return threat.counted

    def _search(
        self, oracle: Oracle, goal: Goal, near: Nearest, start: Tensor | None, seeds: Seeds
    ) -> None:
        """FMN, then rounds of Swap."""
        self._refuse(near, start)
        FMN(steps=self.steps)._search(oracle, goal, near, start, seeds)
        if near.enough:
            self._round(oracle, goal, near, seeds, near.threat)
            return
        for units in range(1, min(self.low, near.threat.places().count) + 1):
            self._round(oracle, goal, near, seeds, near.threat.at(units))
        before = torch.full_like(near.distance, torch.inf)
        while (near.distance < before).any():
            fell, before = near.distance < before, near.distance.clone()
            fell &= (before > self.low + 1) & before.isfinite()
            for units in sorted(set((before[fell] - 1).cpu().tolist())):
                ball = near.threat.at(units)
                self._round(oracle, goal, near, seeds, ball, which=(before - 1 == units) & fell)

    def _round(
        self, oracle: Oracle, goal: Goal, near: Nearest, seeds: Seeds, threat: Threat,
        *,
        which: Tensor | None = None,
    ) -> None:  # fmt: skip
        """Swap, some times, on the items that are not known to be won within the radius."""
        swap = Swap(
            steps=self.proposals, share=self.share, noise=self.noise, stop=True, doubt=self.doubt
        )
        for run in range(self.runs if threat.radius >= 1 else 0):
            open_ = near.distance > threat.radius
            idx = (open_ if which is None else open_ & which).nonzero().flatten()
            if not len(idx):
                return
            run_keys = seeds[idx].child("units", int(threat.radius), run)
            part = oracle.subset(idx)
            x_adv = swap(part, near.x[idx], goal[idx], threat, seeds=run_keys)
            near.keep(x_adv, goal[idx].margin(part.logits(x_adv)), idx)
