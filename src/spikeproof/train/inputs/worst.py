"""MAX: every item is attacked under every threat, and the worst result is trained on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from torch import Tensor, nn

from spikeproof.attacks import Best
from spikeproof.base import Seeds, check_one_of
from spikeproof.oracle import Oracle
from spikeproof.threats import Misclassification
from spikeproof.train.inputs.registry import INPUTS
from spikeproof.train.inputs.several import Several

__all__ = ["MAX"]


@INPUTS.register("max")
@dataclass(frozen=True)
class MAX(Several):
    r"""Train every item on the attack of a set that hurts it most (MAX).

    .. math:: x' = x_{p^*}, \quad p^* = \arg\max_p \ell(x_p, y), \quad
        x_p = \operatorname{attack}_p(x, y)

    Args:
        members: Attacks and threats; of equal losses the earlier member counts.
        by: What "hurts most" compares: the ``"cross_entropy"`` or the ``"margin"``. Validation
            items are judged by the margin, so that their accuracy is the union accuracy.
    Returns:
        Inputs, the shape of ``x``, detached.
    Raises:
        SettingError: fewer than two members, or an unknown ``by``.
    Cost: the attacks of all members and 1 forward per member; then one training pass.
    Differs from the paper:
        Inputs are compared in evaluation mode, as the attacks saw them.
    Example:
        >>> import torch
        >>> from spikeproof.attacks import PGD
        >>> from spikeproof.base import seeds
        >>> from spikeproof.data import Domain
        >>> from spikeproof.threats import L1, Linf, Threat
        >>> from spikeproof.train import Adversarial
        >>> domain = Domain(kind="audio", shape=(2,))
        >>> model = nn.Linear(2, 2, bias=False)
        >>> _ = model.weight.data.copy_(torch.tensor([[1.0, 0.0], [0.0, 0.0]]))
        >>> pgd = PGD(steps=5, step_size=0.5)
        >>> inputs = MAX((Adversarial(pgd, Threat(Linf(), 0.1, domain)),
        ...                 Adversarial(pgd, Threat(L1(), 0.3, domain))))
        >>> x, y = torch.full((1, 2), 0.5), torch.tensor([0])
        >>> x_adv = inputs(model, x, y, seeds=seeds(0, n=1))
        >>> round(x_adv[0, 0].item(), 1)  # l_1 moves the one feature that counts by .3
        0.2

    References:
        tramer2019
    """

    kind: ClassVar[str] = "max"

    by: str = "cross_entropy"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_one_of(self.by, ("cross_entropy", "margin"), "MAX.by")

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor, *, seeds: Seeds) -> Tensor:
        """Attack under every threat and keep each item's worst."""
        goal, best = Misclassification(y, loss=self.by), None
        for number, member in enumerate(self.members):
            x_adv = member(model, x, y, seeds=seeds.child("member", number))
            with Oracle(model, seeds=seeds) as oracle:
                harm = goal.score(oracle.logits(x_adv))
            if best is None:
                best = Best(x_adv, harm)
            else:
                best.keep(x_adv, harm)
        assert best is not None
        return best.x

    @property
    def judged(self) -> MAX:
        """The same attacks, compared by the margin: what survives is the union accuracy."""
        return replace(self, members=self.judges, by="margin")
