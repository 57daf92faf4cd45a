"""Projected in the loop: learned chances for the shifts of events, asked at legal retimings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor

from spikeproof.attacks.pieces.best import Best
from spikeproof.attacks.pieces.events import retimes, widest_shift
from spikeproof.attacks.pieces.survivors import Survivors
from spikeproof.attacks.registry import ATTACKS
from spikeproof.base import Seeds, SettingError, check_count, check_positive
from spikeproof.oracle import Oracle
from spikeproof.threats import Goal, Threat

__all__ = ["PIL"]

# Logits of shifts stay within this, so that none becomes certain.
_LIMIT = 10.0


@ATTACKS.register("pil")
@dataclass(frozen=True, kw_only=True)
class PIL:
    r"""Learn a logit per event and shift; project the expected retiming, and ask there.

    With ``π = softmax(φ / temperature)`` over the shifts of an event, the relaxed retiming is
    ``z[t] = Σ_s x[s] π[s, t - s]``. The network is asked at the legal retiming nearest to z, and
    the gradient g of the score there goes straight through the projection:

        φ[s, d] <- φ[s, d] + step_size * sign(π[s, d] x[s] (g[s + d] - Σ_e π[s, e] g[s + e])),

    cut to [-10, 10]. The most harmful legal retiming is returned.

    Args:
        steps: Questions, at least 1.
        step_size: Change of a logit in a step.
        temperature: Of the softmax.
        reach: Steps that an event may learn to move, where the threat does not say how many.
        stop: Leave an item alone once it is won.
    Returns:
        From a call: legal inputs ``(N, *shape)``, nowhere with a smaller margin than ``x``.
    Raises:
        SettingError: steps or reach below 1, a step size or temperature of 0 or less; in a call, a
            threat that is no retiming.
    Cost:
        ``steps + 1`` forward and ``steps`` backward passes per item; with ``stop`` at most.
    Differs from the paper:
        The projection is the nearest legal point rather than a greedy placement, and every item
        has a budget of its own. It keeps capacity and budget exactly, so the two penalties of the
        published loss, which only steer the relaxed point, are left out.
    Example:
        >>> from spikeproof.base import seeds
        >>> from spikeproof.data import Domain
        >>> from spikeproof.threats import Misclassification, Retiming
        >>> model = torch.nn.Linear(3, 2, bias=False)
        >>> _ = model.weight.data.copy_(torch.tensor([[3.0, 0.0, 0.0], [0.0, 1.0, 2.0]]))
        >>> domain = Domain(kind="events", shape=(3, 1), high=1.0, integer=True)
        >>> x, goal = torch.tensor([[[1.0], [0.0], [0.0]]]), Misclassification(torch.tensor([0]))
        >>> with Oracle(torch.nn.Sequential(torch.nn.Flatten(), model)) as oracle:
        ...     x_adv = PIL(steps=5)(oracle, x, goal, Threat(Retiming("l1"), 2, domain),
        ...                          seeds=seeds(0, n=1))
        >>> x_adv.flatten().tolist()
        [0.0, 0.0, 1.0]

    References:
        yu2026retiming
    """

    specialised: ClassVar[bool] = True

    steps: int = 40
    step_size: float = 1.0
    temperature: float = 1.0
    reach: int = 4
    stop: bool = False

    def __post_init__(self) -> None:
        check_count(self, "steps", "reach")
        check_positive(self, "step_size", "temperature")

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (cls(steps=3), cls(steps=2, reach=1, temperature=0.5))

    def passes(self, threat: Threat) -> tuple[int, int] | None:
        """Forward and backward passes per item, at most."""
        return self.steps + 1, self.steps

    def serves(self, threat: Threat) -> bool:
        """Whether the attack can work under this threat: it must be a retiming."""
        return retimes(threat)

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
        """Run the attack; ``start`` is asked about first."""
        if not self.serves(threat):
            raise SettingError(
                f"PIL moves events in time; {threat.name} is no retiming. Use PGD, which serves "
                "every threat."
            )
        best = Best(x, goal.margin(oracle.logits(x)))
        reach = min(widest_shift(threat) or self.reach, x.shape[1] - 1)
        shifts = range(-reach, reach + 1)
        size = (len(x), len(shifts), *x.shape[1:])
        inside = torch.stack([_moved(torch.ones_like(x), -d) for d in shifts], 1) > 0
        logit = torch.where(inside, torch.zeros(size, device=x.device), -torch.inf)
        left = Survivors.all(x, goal, logit=logit)
        for k in range(self.steps):
            if self.stop:
                left.drop_won(best)
            if not len(left):
                break
            chance = (left.logit / self.temperature).softmax(1).to(x.dtype)
            z = sum(_moved(left.x * chance[:, i], d) for i, d in enumerate(shifts))
            z = start[left.idx].to(x) if k == 0 and start is not None else z
            x_adv = threat.project(z, left.x)
            logits, grad = oracle.logits_and_grad(x_adv, left.goal.score, left.idx)
            best.keep(x_adv, left.goal.margin(logits), left.idx)
            there = torch.stack([_moved(grad, -d) for d in shifts], 1)
            mean = (chance * there).sum(1, keepdim=True)
            rise = (chance * left.x[:, None] * (there - mean)).sign()
            moved = (left.logit + self.step_size * rise).clamp(-_LIMIT, _LIMIT)
            left.logit = torch.where(left.logit.isinf(), left.logit, moved)
        return best.x


def _moved(x: Tensor, shift: int) -> Tensor:
    """Values ``shift`` steps later; what leaves is lost, and zeros come in."""
    out = torch.zeros_like(x)
    steps = x.shape[1]
    if shift >= 0:
        out[:, shift:] = x[:, : steps - shift]
    else:
        out[:, :shift] = x[:, -shift:]
    return out
