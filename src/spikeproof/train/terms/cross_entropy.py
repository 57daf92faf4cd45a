"""The ordinary classification loss as a term."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch.nn.functional as F
from torch import Tensor

from spikeproof.train.terms.forward import Forward
from spikeproof.train.terms.registry import TERMS

__all__ = ["CrossEntropy"]


@TERMS.register("cross_entropy")
@dataclass(frozen=True, kw_only=True)
class CrossEntropy:
    r"""Minus the log-probability of the true class.

    .. math:: -\frac1N \sum_i \log \operatorname{softmax}(z_i)_{y_i}

    Returns:
        A scalar.
    Cost: nothing beyond the shared forward.
    Example:
        >>> import torch
        >>> flat = torch.nn.Linear(2, 4)
        >>> _ = flat.weight.data.zero_(), flat.bias.data.zero_()
        >>> forward = Forward(flat, torch.ones(3, 2), torch.tensor([0, 1, 2]))
        >>> round(CrossEntropy()(forward).exp().item(), 4)
        4.0
    """

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (cls(),)

    def __call__(self, forward: Forward) -> Tensor:
        """The mean cross-entropy of the shared pass."""
        return F.cross_entropy(forward.logits, forward.y)
