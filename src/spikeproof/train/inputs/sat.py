"""SAT: every item is attacked under one threat of a set, drawn at random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from spikeproof.base import Seeds
from spikeproof.train.inputs.one_each import OneEach
from spikeproof.train.inputs.registry import INPUTS

__all__ = ["SAT"]


@INPUTS.register("sat")
@dataclass(frozen=True)
class SAT(OneEach):
    r"""Attack every item under one threat of a set, drawn anew in every epoch (SAT).

    .. math:: x' = \operatorname{attack}_p(x, y), \quad p \sim U\{1, \ldots, P\}

    Args:
        members: Attacks and threats.
    Returns:
        Inputs, the shape of ``x``, detached.
    Raises:
        SettingError: fewer than two members.
    Cost: on average the mean of the members' attacks; then one training pass.
    Differs from the paper:
        The threat is drawn per item and epoch, not per batch, so it does not depend on
        the batch an item comes in. Validation items are judged by their worst attack.
    Example:
        >>> import torch
        >>> from spikeproof.attacks import PGD
        >>> from spikeproof.base import seeds
        >>> from spikeproof.data import Domain
        >>> from spikeproof.threats import L2, Linf, Threat
        >>> from spikeproof.train import Adversarial
        >>> domain = Domain(kind="audio", shape=(3,))
        >>> threats = Threat(Linf(), 0.1, domain), Threat(L2(), 0.3, domain)
        >>> inputs = SAT(tuple(Adversarial(PGD(steps=1), threat) for threat in threats))
        >>> inputs.drawn(seeds(0, n=8)).tolist()
        [0, 1, 1, 1, 0, 1, 0, 0]

    References:
        madaan2021
    """

    kind: ClassVar[str] = "sat"

    def drawn(self, seeds: Seeds) -> Tensor:
        """Number of the member that attacks each item, int64 ``(N,)``."""
        uniform = seeds.child("member").uniform((1,))[:, 0]
        return (uniform * len(self.members)).long()

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor, *, seeds: Seeds) -> Tensor:
        """Attack every item under its threat."""
        return self.attack(self.drawn(seeds), model, x, y, seeds=seeds)
