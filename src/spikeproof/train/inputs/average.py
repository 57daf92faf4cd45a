"""AVG: every item is attacked under every threat, and the losses are averaged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from spikeproof.base import Seeds
from spikeproof.train.inputs.registry import INPUTS
from spikeproof.train.inputs.several import Several
from spikeproof.train.inputs.worst import MAX

__all__ = ["AVG"]


@INPUTS.register("avg")
@dataclass(frozen=True)
class AVG(Several):
    r"""Train every item on all attacks of a set at once (AVG).

    .. math:: \frac1P \sum_{p=1}^P \text{term}(x_p, y), \quad x_p = \operatorname{attack}_p(x, y)

    The batch that terms see holds one block per member. A term is a mean over items, so it becomes
    the mean over members; batch normalisation takes its statistics over all blocks together.

    Args:
        members: Attacks and threats.
    Returns:
        Inputs ``(P * N, *shape)``, member by member, detached.
    Raises:
        SettingError: fewer than two members.
    Cost: the attacks of all members; then a training pass over P inputs per item.
    Differs from the paper:
        Validation items are judged by their worst attack, the union accuracy.
    Example:
        >>> from spikeproof.attacks import PGD
        >>> from spikeproof.base import seeds
        >>> from spikeproof.data import Domain
        >>> from spikeproof.threats import L2, Linf, Threat
        >>> from spikeproof.train import Adversarial
        >>> domain = Domain(kind="audio", shape=(3,))
        >>> threats = Threat(Linf(), 0.1, domain), Threat(L2(), 0.3, domain)
        >>> inputs = AVG(tuple(Adversarial(PGD(steps=1), threat) for threat in threats))
        >>> x, y = torch.rand(4, 3), torch.tensor([0, 1, 0, 1])
        >>> inputs(nn.Linear(3, 2), x, y, seeds=seeds(0, n=4)).shape
        torch.Size([8, 3])

    References:
        tramer2019
    """

    kind: ClassVar[str] = "avg"

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor, *, seeds: Seeds) -> Tensor:
        """Attack under every threat; one block per member."""
        blocks = [
            member(model, x, y, seeds=seeds.child("member", number))
            for number, member in enumerate(self.members)
        ]
        return torch.cat(blocks)

    @property
    def copies(self) -> int:
        """One input per member."""
        return len(self.members)

    @property
    def judged(self) -> MAX:
        """The worst of the members."""
        return MAX(self.judges, by="margin")
