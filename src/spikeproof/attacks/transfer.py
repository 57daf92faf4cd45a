"""An attack made on another model, handed to the attacked one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from torch import Tensor, nn

from spikeproof.attacks.attack import Attack, serves
from spikeproof.attacks.pgd import PGD
from spikeproof.attacks.pieces.best import Best
from spikeproof.attacks.registry import ATTACKS
from spikeproof.base import InputError, Seeds
from spikeproof.models import load_model
from spikeproof.oracle import Oracle
from spikeproof.threats import Goal, Threat

__all__ = ["Transfer"]


@ATTACKS.register("transfer")
@dataclass(frozen=True, kw_only=True)
class Transfer:
    """Run an attack on another model and try the points it finds on the attacked one.

    The attacked model gives no gradient and is asked twice per item, so this cannot be fooled by
    a masked gradient. The gradient rule of the oracle is used on the other model.

    Args:
        source: File of the other model, written by ``save_model``; a relative path starts at the
            working directory. Records hold it as it is.
        attack: What is run on the other model; let it raise the margin on, without ``stop``.
    Returns:
        From a call: legal inputs ``(N, *shape)``, nowhere with a smaller margin than ``x``.
    Raises:
        FileProblem: in a call, a file that is missing or not a whole model.
        InputError: in a call, a model for inputs of another shape.
    Cost:
        2 forward passes per item on the attacked model. What the attack costs on the other model
        is not counted: it is no query.
    Example:
        >>> import torch
        >>> from spikeproof.base import seeds
        >>> from spikeproof.data import Domain
        >>> from spikeproof.threats import Misclassification, Linf
        >>> domain = Domain(kind="audio", shape=(2,))
        >>> other, model = torch.nn.Linear(2, 2, bias=False), torch.nn.Identity()
        >>> _ = other.weight.data.copy_(torch.tensor([[2.0, 0.0], [0.0, 1.0]]))
        >>> with Oracle(model) as oracle:
        ...     x_adv = Transfer(source="other.safetensors").using(
        ...         other, oracle, torch.tensor([[0.75, 0.5]]),
        ...         Misclassification(torch.tensor([0])),
        ...         Threat(Linf(), 0.25, domain), seeds=seeds(0, n=1))
        >>> x_adv, oracle.passes.forward
        (tensor([[0.5000, 0.7500]]), 2)

    References:
        papernot2016transferability
    """

    source: str
    attack: Attack = field(default_factory=PGD)

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (cls(source="image.safetensors", attack=PGD(steps=3)),)

    def passes(self, threat: Threat) -> tuple[int, int] | None:
        """Forward and backward passes per item, at most."""
        return 2, 0

    def serves(self, threat: Threat) -> bool:
        """Whether the attack that is run on the other model can work under this threat."""
        return serves(self.attack, threat)

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
        """Run the attack on the model in the file ``source``."""
        other = load_model(self.source)
        if tuple(other.spec.domain.shape) != tuple(x.shape[1:]):
            raise InputError(
                f"Transfer: the model in {self.source} takes items of shape "
                f"{tuple(other.spec.domain.shape)}; the attacked items have {tuple(x.shape[1:])}. "
                "Use a model of the same data set."
            )
        other = other.to(device=x.device, dtype=x.dtype)
        return self.using(other, oracle, x, goal, threat, seeds=seeds, start=start)

    def using(
        self,
        other: nn.Module,
        oracle: Oracle,
        x: Tensor,
        goal: Goal,
        threat: Threat,
        *,
        seeds: Seeds,
        start: Tensor | None = None,
    ) -> Tensor:
        """Run the attack on a model in memory instead of the file ``source``.

        Args:
            other: Maps ``(N, *shape)`` to logits of the same classes.
            oracle: The attacked model.
            x: Legal clean inputs, ``(N, *shape)``.
            goal: What the attacker wants of these items.
            threat: What it may do.
            seeds: One key per item.
            start: Legal points the attack begins from instead of its own choice.
        """
        best = Best(x, goal.margin(oracle.logits(x)))
        with Oracle(other, gradient=oracle.gradient) as other_oracle:
            x_adv = self.attack(other_oracle, x, goal, threat, seeds=seeds, start=start)
        best.keep(x_adv, goal.margin(oracle.logits(x_adv)))
        return best.x
