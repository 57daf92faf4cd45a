"""Decoupled direction and norm: the gradient turns the perturbation, success sets its length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from spikeproof.attacks.nearest import Descent, Look, State
from spikeproof.attacks.pieces.scale import largest_range, unit_l2
from spikeproof.attacks.pieces.survivors import Survivors
from spikeproof.attacks.registry import ATTACKS
from spikeproof.base import check_count, check_fraction, check_positive, per_item
from spikeproof.threats import Threat

__all__ = ["DDN"]

# A perturbation this much longer than its sphere is shortened by box and sphere alone.
FAR = 1e9


@ATTACKS.register("ddn")
@dataclass(frozen=True, kw_only=True)
class DDN(Descent):
    r"""Turn the perturbation by the gradient and set its l_2 length by success.

    ``d <- d + a_k * grad / ||grad||_2``, ``e <- (1 - c) e`` where the point asked was adversarial
    and ``(1 + c) e`` where not, then ``d <- e * d / ||d||_2``. The step ``a_k`` falls along half a
    cosine.

    Args:
        steps: Gradient steps, at least 1.
        step_size: First step, an l_2 length in units of the domain's largest range.
        last_step: Last step, as a fraction of the first.
        shrink: Change ``c`` of the length, a fraction in [0, 1].
        length: Largest first length, in units of the domain's largest range.
    Returns:
        From a call: legal inputs ``(N, *shape)``, nowhere with a smaller margin than ``x``; from
        ``nearest`` the smallest distances.
    Raises:
        SettingError: steps below 1, a size that is not positive, shrink outside [0, 1]; in a call,
            a threat other than l_2, or a domain of whole numbers.
    Cost:
        At most ``steps + 3`` forward and ``steps`` backward passes per item.
    Differs from the paper:
        The length holds also where the box cuts coordinates off: the others are made longer. It
        maximises the goal's score, by default the margin. Nothing is quantised. The first length is
        at most what the first gradient says is needed.
    Example:
        >>> from spikeproof.base import seeds
        >>> from spikeproof.data import Domain
        >>> from spikeproof.oracle import Oracle
        >>> from spikeproof.threats import Misclassification, L2
        >>> threat = Threat(L2(), 1.0, Domain(kind="audio", shape=(2,)))
        >>> with Oracle(torch.nn.Identity()) as oracle:
        ...     near = DDN(steps=100).nearest(oracle, torch.tensor([[0.75, 0.5]]),
        ...                                   Misclassification(torch.tensor([0])), threat,
        ...                                   seeds=seeds(0, n=1))
        >>> round(near.distance.item(), 2)  # sqrt(2) / 8
        0.18

    References:
        rony2019decoupling
    """

    steps: int = 100
    step_size: float = 1.0
    last_step: float = 0.01
    shrink: float = 0.05
    length: float = 1.0

    def __post_init__(self) -> None:
        check_count(self, "steps")
        check_positive(self, "step_size", "last_step", "length")
        check_fraction(self, "shrink")

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (cls(steps=5),)

    def serves(self, threat: Threat) -> bool:
        """Whether the attack can work under this threat: l_2 off the grid."""
        return threat.order == 2 and not threat.domain.integer

    def _begin(self, x: Tensor, start: Tensor, threat: Threat) -> State:
        """The first sphere."""
        length = self.length * largest_range(threat)
        ball = torch.full((len(x),), length, dtype=torch.float64, device=x.device)
        return {"x": x, "x_adv": start, "ball": ball}

    def _advance(self, left: Survivors, look: Look) -> None:
        """Turn, then set the length."""
        # δ <- δ + a g / ||g||₂;  ε <- (1 ∓ γ) ε;  δ <- ε δ / ||δ||₂, with γ the field ``shrink``.
        x, threat = left.x, look.threat
        size = look.falling(self.step_size, self.step_size * self.last_step)
        change = left.x_adv - x + size * largest_range(threat) * unit_l2(look.grad)
        ball = left.ball * torch.where(look.won, 1 - self.shrink, 1 + self.shrink)
        if look.step == 0:
            # Shortening the first sphere step by step would waste the steps of weak items.
            ball = torch.minimum(ball, look.distance + look.margin.double().abs() / look.slope(x))
        # No sphere is longer than the domain, or the way back would take many steps.
        ball = torch.minimum(ball, threat.reach(x))
        # The sphere by projection of a far point in the direction of δ, so that also where the box
        # cuts coordinates off the length is ε.
        way = FAR * per_item(ball, x) * unit_l2(change.double())
        left.x_adv, left.ball = threat.project(x + way, x, ball), ball
