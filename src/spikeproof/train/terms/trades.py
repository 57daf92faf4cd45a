"""TRADES: the answer under attack shall be the answer without."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from torch import Tensor

from spikeproof.base import SettingError, check_positive
from spikeproof.train.terms.divergence import divergence
from spikeproof.train.terms.forward import Forward
from spikeproof.train.terms.registry import TERMS

if TYPE_CHECKING:
    from spikeproof.train.inputs.base import Inputs

__all__ = ["Trades"]


@TERMS.register("trades")
@dataclass(frozen=True, kw_only=True)
class Trades:
    r"""Penalise the divergence of the attacked from the unattacked answer.

    .. math:: \frac{1}{s^2 N} \sum_i \mathrm{KL}\big(\operatorname{softmax}(s\,z(x_i)) \,\|\,
        \operatorname{softmax}(s\,z(x'_i))\big)

    TRADES is this term, weighted by :math:`\beta`, plus ``CleanCrossEntropy`` of weight 1. The
    inputs :math:`x'` are the objective's; the paper's attack maximises the divergence itself:
    ``Adversarial(..., loss="divergence")``.

    Args:
        sharpness: :math:`s`, one over the temperature, > 0; 1 as in the paper.
    Returns:
        A scalar; 0 where items are not attacked.
    Raises:
        SettingError: a sharpness that is not positive.
    Cost: 1 forward, of the unattacked items, shared with other terms that look at them.
    Differs from the paper:
        Both passes are in training mode, so each takes batch statistics of its own.
    Example:
        >>> import torch
        >>> model = torch.nn.Linear(1, 2, bias=False).double()
        >>> _ = model.weight.data.copy_(torch.tensor([[1.0], [0.0]]))
        >>> x = torch.zeros(1, 1, dtype=torch.float64)
        >>> round(Trades()(Forward(model, x + 1.0986123, torch.tensor([0]), origin=x)).item(), 4)
        0.1438

    References:
        zhang2019trades, wang2025assg
    """

    passes: ClassVar[tuple[int, int]] = (1, 0)

    sharpness: float = 1.0

    def __post_init__(self) -> None:
        check_positive(self, "sharpness")

    @classmethod
    def examples(cls) -> tuple[Trades, ...]:
        """Settings that the contracts try."""
        return (
            cls(),
            cls.assg(),
        )

    @classmethod
    def assg(cls) -> Trades:
        """The form of the ASSG repository: temperature 2, so a factor of 4; its weight is 5."""
        return cls(sharpness=0.5)

    def check(self, inputs: Inputs | None) -> None:
        """Raise SettingError unless items are attacked."""
        if inputs is None or not inputs.against:
            raise SettingError(
                "Trades compares items with their attacks; give the objective adversarial inputs."
            )

    def __call__(self, forward: Forward) -> Tensor:
        """The mean divergence."""
        before = forward.clean.logits.repeat(len(forward.y) // len(forward.clean.y), 1)
        return divergence(before, forward.logits, self.sharpness).mean() / self.sharpness**2
