"""Learned chances to flip, through the Gumbel-softmax: relaxed backward, legal forward."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor

from spikeproof.attacks.pieces.best import Best
from spikeproof.attacks.pieces.events import on_bits
from spikeproof.attacks.pieces.survivors import Survivors
from spikeproof.attacks.registry import ATTACKS
from spikeproof.base import Seeds, SettingError, check_count, check_positive
from spikeproof.oracle import Oracle
from spikeproof.threats import Goal, Threat

__all__ = ["GumbelFlips"]


@ATTACKS.register("gumbel")
@dataclass(frozen=True, kw_only=True)
class GumbelFlips:
    r"""Learn a logit per cell for the chance that it flips; ask at legal samples.

    A sample is the relaxed bit ``s = sigmoid(sharpness (φ + L))`` with logistic noise L, the
    difference of two Gumbel draws; ``x + (1 - 2 x) s`` is projected onto the legal set and the
    network is asked there. The gradient g of the score goes straight through the projection,

        φ <- φ + step_size * u / max abs(u),    u = (a - sparsity * max abs(a)) s (1 - s)

    with ``a = (1 - 2 x) g``,

    averaged over the samples of a step; the second term makes flips cost something where the
    budget does not bind. The best legal sample is returned.

    Args:
        steps: Steps, at least 1.
        samples: Samples per step, at least 1.
        step_size: Largest change of a logit in a step.
        sharpness: Of the relaxed bits; larger is closer to bits.
        prior: Logit of every cell at first; low, so that few flip.
        sparsity: What a flip costs, as a share of the largest gain.
        stop: Leave an item alone once it is won.
    Returns:
        From a call: legal inputs ``(N, *shape)``, nowhere with a smaller margin than ``x``.
    Raises:
        SettingError: steps or samples below 1, a step size or sharpness of 0 or less, a negative
            sparsity; in a call, a threat that does not flip bits.
    Cost:
        ``steps * samples + 1`` forward and ``steps * samples`` backward passes per item; with
        ``stop`` at most.
    Differs from the paper:
        Attacks on raw events that use this trick give each event three states among candidates
        from the item and the target class, and report success on relaxed samples. Here every cell
        that may flip is a candidate, a flip is two states, and only legal samples within the radius
        count.
    Example:
        >>> from spikeproof.base import seeds
        >>> from spikeproof.data import Domain
        >>> from spikeproof.threats import Flips, Misclassification
        >>> model = torch.nn.Linear(3, 2, bias=False)
        >>> _ = model.weight.data.copy_(torch.tensor([[3.0, 1.0, 2.0], [0.0, 0.0, 3.5]]))
        >>> domain = Domain(kind="events", shape=(3, 1), high=1.0, integer=True)
        >>> x, goal = torch.tensor([[[1.0], [1.0], [0.0]]]), Misclassification(torch.tensor([0]))
        >>> with Oracle(torch.nn.Sequential(torch.nn.Flatten(), model)) as oracle:
        ...     x_adv = GumbelFlips()(oracle, x, goal, Threat(Flips(), 2, domain),
        ...                           seeds=seeds(0, n=1))
        >>> x_adv.flatten().tolist()
        [0.0, 1.0, 1.0]

    References:
        jang2017gumbel
    """

    specialised: ClassVar[bool] = True

    steps: int = 40
    samples: int = 1
    step_size: float = 0.5
    sharpness: float = 1.0
    prior: float = -3.0
    sparsity: float = 0.0
    stop: bool = False

    def __post_init__(self) -> None:
        check_count(self, "steps", "samples")
        check_positive(self, "step_size", "sharpness")
        if not 0 <= self.sparsity < float("inf"):
            raise SettingError(f"GumbelFlips.sparsity must be 0 or more; got {self.sparsity!r}.")

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (cls(steps=3), cls(steps=2, samples=2, sparsity=0.1))

    def passes(self, threat: Threat) -> tuple[int, int] | None:
        """Forward and backward passes per item, at most."""
        return self.steps * self.samples + 1, self.steps * self.samples

    def serves(self, threat: Threat) -> bool:
        """Whether the attack can work under this threat: it must flip single bits."""
        return on_bits(threat)

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
        """Run the attack; cells that ``start`` has flipped begin as likely flips."""
        if not self.serves(threat):
            raise SettingError(
                f"GumbelFlips flips single bits of a grid; {threat.name} on this domain does not. "
                "Use PGD, which serves every threat."
            )
        best = Best(x, goal.margin(oracle.logits(x)))
        logit = torch.full_like(x, self.prior)
        if start is not None:
            logit = torch.where(threat.project(start, x) != x, -logit, logit)
        left = Survivors.all(x, goal, logit=logit, seeds=seeds)
        for k in range(self.steps):
            if self.stop:
                left.drop_won(best)
            if not len(left):
                break
            rise = torch.zeros_like(left.logit)
            for sample in range(self.samples):
                rise = rise + self._rise(oracle, best, left, threat, left.seeds.child(k, sample))
            largest = rise.abs().flatten(1).amax(1).view(-1, *[1] * (x.dim() - 1))
            left.logit = left.logit + self.step_size * rise / largest.clamp(min=_LEAST)
        return best.x

    def _rise(
        self, oracle: Oracle, best: Best, left: Survivors, threat: Threat, seeds: Seeds
    ) -> Tensor:
        """What raises the score, to first order, of one sample."""
        x = left.x
        u = seeds.uniform(x.shape[1:], torch.float64, device=x.device)
        noise = (u.log() - (1 - u).log()).to(x.dtype)
        relaxed = ((left.logit + noise) * self.sharpness).sigmoid()
        way = 1 - 2 * x
        x_adv = threat.project(x + way * relaxed, x)
        logits, grad = oracle.logits_and_grad(x_adv, left.goal.score, left.idx)
        best.keep(x_adv, left.goal.margin(logits), left.idx)
        gain = way * grad
        price = self.sparsity * gain.abs().flatten(1).amax(1).view(-1, *[1] * (x.dim() - 1))
        return (gain - price) * relaxed * (1 - relaxed)


# Below this a rise is none.
_LEAST = 1e-38
