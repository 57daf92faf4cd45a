"""E-AT: the threat under which the model errs most is trained most often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from spikeproof.base import Seeds
from spikeproof.threats import Misclassification
from spikeproof.train.inputs.base import Memory
from spikeproof.train.inputs.one_each import OneEach
from spikeproof.train.inputs.registry import INPUTS
from spikeproof.train.terms.forward import Forward

__all__ = ["EAT"]

# Names under which the running counts are remembered.
_WRONG, _SEEN = "eat.wrong", "eat.seen"


@INPUTS.register("eat")
@dataclass(frozen=True)
class EAT(OneEach):
    r"""Attack every item under one threat, drawn by the running robust error of each (E-AT).

    .. math:: P(p) = \frac{e_p}{\sum_q e_q}, \qquad
        e_p = \frac{\text{training items wrong under } p \text{ so far}}
                   {\text{training items attacked under } p \text{ so far}}

    Until every threat has been seen, and where no error is left, threats are equally likely. The
    counts are kept in the run's checkpoint.

    Args:
        members: Attacks and threats; the paper takes l_inf and l_1 only.
    Returns:
        Inputs, the shape of ``x``, detached.
    Raises:
        SettingError: fewer than two members.
    Cost: on average the mean of the members' attacks, weighted by P; then one training pass, from
        which the errors are counted.
    Differs from the paper:
        The threat is drawn per item, not per batch; any set of threats can be named. Attacks are
        the members' own, the paper's is APGD with 10 steps. Validation items are judged by their
        worst attack.
    Example:
        >>> from spikeproof.attacks import PGD
        >>> from spikeproof.data import Domain
        >>> from spikeproof.threats import L1, Linf, Threat
        >>> from spikeproof.train import Adversarial
        >>> domain = Domain(kind="audio", shape=(3,))
        >>> threats = Threat(Linf(), 0.1, domain), Threat(L1(), 0.3, domain)
        >>> inputs = EAT(tuple(Adversarial(PGD(steps=1), threat) for threat in threats))
        >>> counts = {"eat.wrong": torch.tensor([3, 1]), "eat.seen": torch.tensor([10, 10])}
        >>> [round(chance, 4) for chance in inputs.chances(counts).tolist()]
        [0.75, 0.25]

    References:
        croce2022eat
    """

    kind: ClassVar[str] = "eat"

    def chances(self, memory: Memory) -> Tensor:
        """How likely each member is, float64 ``(P,)``."""
        even = torch.full((len(self.members),), 1 / len(self.members), dtype=torch.float64)
        if _SEEN not in memory or not memory[_SEEN].all() or not memory[_WRONG].any():
            return even
        error = memory[_WRONG].double() / memory[_SEEN].double()
        return error / error.sum()

    def drawn(self, seeds: Seeds, memory: Memory) -> Tensor:
        """Number of the member that attacks each item, int64 ``(N,)``."""
        uniform = seeds.child("member").uniform((1,), torch.float64)[:, 0]
        ends = self.chances(memory).cumsum(0)[:-1]
        return torch.searchsorted(ends, uniform, right=True)

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor, *, seeds: Seeds) -> Tensor:
        """Attack every item under a threat, all equally likely."""
        return self.make(model, x, y, seeds=seeds, memory={})

    def make(
        self, model: nn.Module, x: Tensor, y: Tensor, *, seeds: Seeds, memory: Memory
    ) -> Tensor:
        """Attack every item under a threat drawn by the running errors."""
        return self.attack(self.drawn(seeds, memory), model, x, y, seeds=seeds)

    def learn(self, forward: Forward, *, seeds: Seeds, memory: Memory) -> None:
        """Count which items the training pass got wrong, by member."""
        count = len(self.members)
        which = self.drawn(seeds, memory)
        logits = forward.logits.detach().nan_to_num()  # a run that breaks down says so elsewhere
        wrong = (Misclassification(forward.y).margin(logits) > 0).cpu()
        now = {
            _WRONG: which[wrong].bincount(minlength=count),
            _SEEN: which.bincount(minlength=count),
        }
        for name, counts in now.items():
            memory[name] = memory[name] + counts if name in memory else counts
