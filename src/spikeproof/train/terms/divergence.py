"""What an attack maximises when it wants another answer rather than a wrong one."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from spikeproof.base import check_finite

__all__ = ["Divergence", "divergence"]


def divergence(before: Tensor, after: Tensor, sharpness: float = 1.0) -> Tensor:
    r"""How far softmax answers are apart, item by item.

    .. math:: \mathrm{KL}(p \,\|\, q) = \sum_k p_k \log\frac{p_k}{q_k}, \quad
        p = \operatorname{softmax}(s z), \; q = \operatorname{softmax}(s z')

    Args:
        before: Logits :math:`z`, ``(N, K)``.
        after: Logits :math:`z'`, ``(N, K)``.
        sharpness: :math:`s`, one over the temperature.
    Returns:
        ``(N,)``, at least 0 up to rounding, differentiable in both.
    Example:
        >>> import torch
        >>> z = torch.tensor([[0.0, 0.0]])
        >>> round(divergence(z, torch.tensor([[0.0, 1.0986122886681098]])).item(), 4)  # ln(2/√3)
        0.1438
    """
    p, q = (sharpness * before).log_softmax(1), (sharpness * after).log_softmax(1)
    return (p.exp() * (p - q)).sum(1)


@dataclass(frozen=True, eq=False)
class Divergence:
    """Move the softmax answer as far as possible from where it was.

    ``margin = score = KL(before || now)``: there is nothing to win, only more or less of it.

    Args:
        before: Logits of the unattacked items, ``(N, K)``.
    """

    before: Tensor

    def __getitem__(self, which: Tensor | slice) -> Divergence:
        """The goal of the chosen items."""
        return Divergence(self.before[which])

    def margin(self, logits: Tensor) -> Tensor:
        """The divergence, ``(N,)``."""
        check_finite(logits, "The logits")
        return divergence(self.before, logits)

    def score(self, logits: Tensor) -> Tensor:
        """The same as ``margin``."""
        return self.margin(logits)
