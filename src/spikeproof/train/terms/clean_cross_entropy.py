"""The classification loss of the items before they were attacked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import torch.nn.functional as F
from torch import Tensor

from spikeproof.train.terms.forward import Forward
from spikeproof.train.terms.registry import TERMS

__all__ = ["CleanCrossEntropy"]


@TERMS.register("clean_cross_entropy")
@dataclass(frozen=True, kw_only=True)
class CleanCrossEntropy:
    r"""Minus the log-probability of the true class at the unattacked items.

    .. math:: -\frac1N \sum_i \log \operatorname{softmax}(z(x_i))_{y_i}

    Beside :class:`CrossEntropy` it trains on both inputs; beside ``Trades`` it is the first half
    of TRADES. Without adversarial inputs it is the same as ``CrossEntropy``.

    Returns:
        A scalar.
    Cost: 1 forward where the objective has adversarial inputs, shared with other terms that look
        at the unattacked items; nothing else.
    Example:
        >>> import torch
        >>> flat = torch.nn.Linear(2, 4)
        >>> _ = flat.weight.data.zero_(), flat.bias.data.zero_()
        >>> x = torch.ones(3, 2)
        >>> forward = Forward(flat, x + 0.1, torch.tensor([0, 1, 2]), origin=x)
        >>> round(CleanCrossEntropy()(forward).exp().item(), 4)
        4.0

    References:
        zhang2019trades
    """

    passes: ClassVar[tuple[int, int]] = (1, 0)

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (cls(),)

    def __call__(self, forward: Forward) -> Tensor:
        """The mean cross-entropy of the clean pass."""
        return F.cross_entropy(forward.clean.logits, forward.clean.y)
