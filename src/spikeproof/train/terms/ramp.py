"""RAMP: the worst of several threats, and answers that agree between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import torch
import torch.nn.functional as F
from torch import Tensor

from spikeproof.base import InputError, SettingError, check_count, check_one_of
from spikeproof.threats import Misclassification
from spikeproof.train.terms.divergence import divergence
from spikeproof.train.terms.forward import Forward
from spikeproof.train.terms.registry import TERMS

if TYPE_CHECKING:
    from spikeproof.train.inputs.base import Inputs

__all__ = ["Ramp"]


@TERMS.register("ramp")
@dataclass(frozen=True, kw_only=True)
class Ramp:
    r"""The worst cross-entropy over threats, plus logit pairing between them (RAMP).

    With the attacks :math:`x_1, \ldots, x_P` of every item side by side, as the inputs ``AVG``
    lay them, and source :math:`q`:

    .. math:: \frac1N \sum_i \max_p \ell(x_{p}, y) + \frac{\lambda}{N} \sum_{i \in C} \frac1{P-1}
        \sum_{p \ne q} \mathrm{KL}\big(\operatorname{softmax}(z(x_q)) \,\|\,
        \operatorname{softmax}(z(x_p))\big)

    where :math:`C` are the items that are right under the source; ``over="right"`` divides the
    second part by their number in place of :math:`N`.

    Args:
        pairing: :math:`\lambda`, at least 0; published 1.5.
        source: Number of the threat whose right answers the others are pulled to, from 0.
        over: Divide the pairing by all ``"items"`` or by the ``"right"`` ones.
    Returns:
        A scalar; the plain cross-entropy where items are not attacked, or by one threat only.
    Raises:
        SettingError: a negative pairing or source, an unknown ``over``.
        InputError: a source beyond the number of threats.
    Cost: nothing beyond the shared forward.
    Differs from the paper:
        The pairing is divided by all items, so that the value is a mean over items; the published
        code divides by those in C (:meth:`code`), which at a robust accuracy of one half pulls
        twice as hard. More than two threats can be named. The worst loss is chosen in the pass
        that is trained on, without a pass of its own. The fusion with natural training is the
        hook ``EpochFusion``, or per step ``NaturalFusion``.
    Example:
        >>> model = torch.nn.Linear(1, 2, bias=False).double()
        >>> _ = model.weight.data.copy_(torch.tensor([[1.0], [0.0]]))
        >>> x = torch.tensor([[1.0986122886681098], [0.0]], dtype=torch.float64)  # two attacks
        >>> forward = Forward(model, x, torch.tensor([0, 0]), origin=x[:1], copies=2)
        >>> round(Ramp(pairing=0.0)(forward).exp().item(), 4)  # the worse answer is a coin's
        2.0

    References:
        jiang2024ramp
    """

    pairing: float = 1.5
    source: int = 0
    over: str = "items"

    def __post_init__(self) -> None:
        if not 0 <= self.pairing < float("inf"):
            raise SettingError(f"Ramp.pairing must be finite and >= 0; got {self.pairing!r}.")
        check_count(self, "source", least=0)
        check_one_of(self.over, ("items", "right"), "Ramp.over")

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (cls(),)

    @classmethod
    def code(cls) -> Ramp:
        """The form of the published code: 1.5, over the items that are right."""
        return cls(pairing=1.5, over="right")

    def check(self, inputs: Inputs | None) -> None:
        """Raise SettingError unless the inputs hold the threats that are paired."""
        copies, least = 1 if inputs is None else inputs.copies, max(2, self.source + 1)
        if copies < least:
            raise SettingError(
                f"Ramp with source {self.source} needs the inputs 'avg' over at least {least} "
                f"threats; these inputs hold {copies}."
            )

    def __call__(self, forward: Forward) -> Tensor:
        """Worst loss and pairing."""
        copies = forward.copies
        logits = forward.logits.view(copies, -1, forward.logits.shape[1])
        losses = F.cross_entropy(forward.logits, forward.y, reduction="none").view(copies, -1)
        worst = losses.amax(0).mean()
        if copies == 1:
            return worst
        if self.source >= copies:
            raise InputError(
                f"Ramp.source is {self.source}, but the inputs hold {copies} threats, counted "
                "from 0."
            )
        source, y = logits[self.source], forward.y[: logits.shape[1]]
        right = (Misclassification(y).margin(source.detach()) <= 0).to(source.dtype)
        others = [logits[p] for p in range(copies) if p != self.source]
        apart = torch.stack([divergence(source, other) for other in others]).mean(0)
        counted = right.sum().clamp_min(1) if self.over == "right" else len(right)
        return worst + self.pairing * (right * apart).sum() / counted
