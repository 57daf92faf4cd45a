"""An untargeted attack as several runs, each towards one other class."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Self

import torch
from torch import Tensor

from spikeproof.attacks.apgd import APGD
from spikeproof.attacks.attack import Attack, passes, serves
from spikeproof.attacks.pieces.best import Best
from spikeproof.attacks.registry import ATTACKS
from spikeproof.base import InputError, Seeds, check_count
from spikeproof.oracle import Oracle
from spikeproof.threats import Goal, Misclassification, Threat

__all__ = ["Targeted"]


@ATTACKS.register("targeted")
@dataclass(frozen=True, kw_only=True)
class Targeted:
    r"""Run an attack once towards each of the classes closest to winning.

    Run ``k`` maximises the score towards the rival of the k-th largest clean logit among the wrong
    classes (``Misclassification.rival``); any other class than the true one wins as well. With loss
    ``"dlr"`` and :class:`APGD` inside this is APGD-T. A goal that is targeted already has its class
    and gets one run.

    Args:
        attack: Any attack that maximises the goal's score.
        rivals: How many classes to try, at least 1; all others where there are fewer.
    Returns:
        From a call: legal inputs ``(N, *shape)``, nowhere with a smaller margin than ``x``.
    Raises:
        SettingError: rivals below 1.
        InputError: in a call, a goal without a true class to leave.
    Cost:
        ``rivals`` runs of the attack, and ``rivals + 1`` forward passes per item; a run leaves
        out the items won by the runs before it where the attack has ``stop=True``.
    Example:
        >>> Targeted(rivals=3).rivals
        3

    References:
        croce2020reliable
    """

    attack: Attack = field(default_factory=APGD)
    rivals: int = 9

    def __post_init__(self) -> None:
        check_count(self, "rivals")

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (cls(attack=APGD(steps=3, wide=True), rivals=2),)

    def passes(self, threat: Threat) -> tuple[int, int] | None:
        """Those of the attack inside, time and again, and a look at every result."""
        inside = passes(self.attack, threat)
        if inside is None:
            return None
        return self.rivals * (inside[0] + 1) + 1, self.rivals * inside[1]

    def serves(self, threat: Threat) -> bool:
        """Whether the attack inside can work under this threat."""
        return serves(self.attack, threat)

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
        """Run the attack; every run begins at ``start`` where there is one."""
        if not isinstance(goal, Misclassification):
            raise InputError(
                f"Targeted needs a Misclassification, whose true class it tries to leave; got "
                f"{type(goal).__name__}. Run the attack inside without Targeted."
            )
        logits = oracle.logits(x)
        best = Best(x, goal.margin(logits))
        everyone = torch.arange(len(x), device=x.device)
        for run, aim in enumerate(self._rival_goals(goal, logits)):
            idx = best.standing() if getattr(self.attack, "stop", False) else everyone
            if not len(idx):
                break
            run_keys = seeds[idx].child("rival", run)
            begin = None if start is None else start[idx]
            part = oracle.subset(idx)
            x_adv = self.attack(part, x[idx], aim[idx], threat, seeds=run_keys, start=begin)
            best.keep(x_adv, aim[idx].margin(part.logits(x_adv)), idx)
        return best.x

    def _rival_goals(self, goal: Misclassification, logits: Tensor) -> list[Misclassification]:
        """The goal with each rival in turn, likeliest first."""
        if goal.targeted or goal.rival is not None:
            return [goal]
        others = logits.scatter(1, goal.y[:, None], -torch.inf)
        order = others.sort(dim=1, descending=True, stable=True).indices
        count = min(self.rivals, logits.shape[1] - 1)
        return [replace(goal, rival=order[:, k]) for k in range(count)]
