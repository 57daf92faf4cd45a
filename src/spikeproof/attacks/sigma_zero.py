"""σ-zero: few changed pixels by a smooth count, and a threshold that success moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from spikeproof.attacks.nearest import Descent, Look, State
from spikeproof.attacks.pieces.scale import Adam
from spikeproof.attacks.pieces.survivors import Survivors
from spikeproof.attacks.registry import ATTACKS
from spikeproof.base import check_count, check_fraction, check_positive
from spikeproof.threats import Threat

__all__ = ["SigmaZero"]


@ATTACKS.register("sigma_zero")
@dataclass(frozen=True, kw_only=True)
class SigmaZero(Descent):
    r"""Descend a smooth count of the changed pixels, and ascend the score until it is won.

    ``L(d) = relu(-margin) + mean_p s_p / (s_p + σ)`` with ``s_p = sum_c d_pc²`` over the channels
    of a pixel (single features for ``L0(pixels=False)``); the gradient is divided by its largest
    entry and goes through Adam with a step that falls along half a cosine. Pixels that changed by
    less than ``τ`` are put back; ``τ`` grows by ``pace`` times the step where the point asked was
    adversarial and falls where not. Changes are measured in ranges of their feature.

    Args:
        steps: Gradient steps, at least 1.
        step_size: First step of Adam, as a share of the range.
        last_step: Last step, as a fraction of the first.
        sigma: Smoothness of the count.
        threshold: First threshold ``τ``, in [0, 1].
        pace: Change of the threshold per step, as a fraction of the step.
    Returns:
        From a call: legal inputs ``(N, *shape)``, nowhere with a smaller margin than ``x``; from
        ``nearest`` the smallest distances.
    Raises:
        SettingError: steps below 1, a size that is not positive, a threshold outside [0, 1]; in a
            call, a threat other than l_0, or a domain of whole numbers.
    Cost:
        At most ``steps + 3`` forward and ``steps`` backward passes per item.
    Differs from the paper:
        Counts pixels where the threat does (the paper counts features), follows the goal's score,
        works for targets, and scales with the range of the domain.
    Example:
        >>> from spikeproof.base import seeds
        >>> from spikeproof.data import Domain
        >>> from spikeproof.oracle import Oracle
        >>> from spikeproof.threats import L0, Misclassification
        >>> threat = Threat(L0(), 1, Domain(kind="audio", shape=(3,)))
        >>> x, goal = torch.tensor([[0.75, 0.5, 0.0]]), Misclassification(torch.tensor([0]))
        >>> with Oracle(torch.nn.Identity()) as oracle:
        ...     near = SigmaZero(steps=50).nearest(oracle, x, goal, threat, seeds=seeds(0, n=1))
        >>> near.distance
        tensor([1.], dtype=torch.float64)

    References:
        cina2025sigma
    """

    steps: int = 1000
    step_size: float = 1.0
    last_step: float = 0.1
    sigma: float = 1e-3
    threshold: float = 0.3
    pace: float = 0.01

    def __post_init__(self) -> None:
        check_count(self, "steps")
        check_positive(self, "step_size", "last_step", "sigma", "pace")
        check_fraction(self, "threshold")

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (cls(steps=5),)

    def serves(self, threat: Threat) -> bool:
        """Whether the attack can work under this threat: l_0 off the grid."""
        return threat.order == 0 and not threat.domain.integer

    def _begin(self, x: Tensor, start: Tensor, threat: Threat) -> State:
        """The first threshold, no moments."""
        tau = torch.full((len(x), 1), self.threshold, dtype=x.dtype, device=x.device)
        return {"x": x, "x_adv": start, "tau": tau, **Adam.begin(x.flatten(1))}

    def _advance(self, left: Survivors, look: Look) -> None:
        """One step of Adam in the box, then put back what changed too little."""
        x, threat = left.x, look.threat
        unit, places = threat.feature_unit(x), threat.places()
        change = (left.x_adv - x).flatten(1) / unit
        grad = self._grad(change, unit, look)
        size = look.falling(self.step_size, self.step_size * self.last_step)
        direction, metric = Adam.update(left, grad, look.step)
        moved = x + ((change - size * direction / metric) * unit).view_as(x)
        moved = threat.domain.clip(moved)
        sign = torch.where(look.won, 1.0, -1.0).to(x)[:, None]
        left.tau = (left.tau + self.pace * size * sign).clamp(0, 1)
        gone = ((moved - x).flatten(1) / unit).abs()
        gone = (places.spread(places.largest(gone)) < left.tau).view_as(x)
        left.x_adv = torch.where(gone, x, moved)

    def _grad(self, change: Tensor, unit: Tensor, look: Look) -> Tensor:
        """Gradient of the loss in units of the range, its largest entry 1; ``(M, size)``."""
        places = look.threat.places()
        size = places.spread(places.sums(change.square()))
        sparse = 2 * self.sigma * change / (size + self.sigma).square() / places.count
        ascent = look.grad.flatten(1) * unit
        grad = sparse - torch.where(look.won[:, None], torch.zeros_like(ascent), ascent)
        largest = grad.abs().amax(1, keepdim=True)
        return grad / torch.where(largest > 0, largest, torch.ones_like(largest))
