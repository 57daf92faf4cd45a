"""Adversarial training: every term of the objective sees the attacked input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from torch import Tensor, nn

from spikeproof.attacks import Attack
from spikeproof.base import Seeds, check_one_of
from spikeproof.oracle import GradientRule, Oracle
from spikeproof.threats import LOSSES, Goal, Misclassification, Threat
from spikeproof.train.inputs.base import Inputs
from spikeproof.train.inputs.registry import INPUTS
from spikeproof.train.terms.divergence import Divergence

__all__ = ["Adversarial"]

_LOSSES = (*LOSSES, "divergence")


@INPUTS.register("adversarial")
@dataclass(frozen=True)
class Adversarial(Inputs):
    r"""Replace each batch by its adversarial inputs before any term looks at it.

    .. math:: x' = \operatorname{attack}(x, y) \in B(x, r), \qquad
        \min_w \sum_i \text{weight}_i\,\text{term}_i(x', y)

    With cross-entropy alone this is adversarial training (AT); with a sparse-gradient term it is
    SR+AT, which the literature writes SR*.

    Args:
        attack: What makes the inputs, e.g. ``PGD(steps=7)``.
        threat: What it may do.
        gradient: How the attacker's gradient crosses a spike, a surrogate or any of
            ``spikeproof.oracle.GRADIENTS``; None takes each neuron's own.
        loss: What the attack maximises: ``"cross_entropy"`` (as published), ``"margin"``,
            ``"dlr"``, ``"probability_margin"``, or ``"divergence"`` from the answer at ``x`` (as
            TRADES does; it needs a random start, since its gradient is zero at ``x``).
    Returns:
        Adversarial inputs, the shape of ``x``, detached.
    Raises:
        SettingError: an unknown ``loss``.
        InputError: ``x`` does not fit the threat's domain.
    Cost: the attack's own; ``PGD(steps=k)`` takes k+2 forwards and k backwards to the input,
        ``PGD(steps=k, keep="last")`` k and k; ``"divergence"`` 1 forward more.
    Differs from the paper:
        Made in eval mode (running statistics are neither used up nor moved), and the most
        harmful visited point is taken, not the last one, unless the attack keeps the last.
        Validation items always meet the most harmful one.
    Example:
        >>> import torch
        >>> from spikeproof.attacks import PGD
        >>> from spikeproof.base import seeds
        >>> from spikeproof.data import Domain
        >>> from spikeproof.threats import Linf, Threat
        >>> threat = Threat(Linf(), 0.1, Domain(kind="audio", shape=(3,)))
        >>> inputs = Adversarial(PGD(steps=3, step_size=0.5), threat)
        >>> x, y = torch.full((2, 3), 0.5), torch.tensor([0, 1])
        >>> x_adv = inputs(nn.Linear(3, 2), x, y, seeds=seeds(0, n=2))
        >>> round(float((x_adv - x).abs().max()), 4)
        0.1

    References:
        madry2018, liu2024sparse
    """

    kind: ClassVar[str] = "adversarial"
    wants: ClassVar[tuple[str, ...]] = ("attack", "threat")
    renamed: ClassVar[Mapping[str, str]] = {"path": "gradient"}

    attack: Attack
    threat: Threat
    gradient: GradientRule | None = None
    loss: str = "cross_entropy"

    def __post_init__(self) -> None:
        check_one_of(self.loss, _LOSSES, "Adversarial.loss")

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor, *, seeds: Seeds) -> Tensor:
        """Make adversarial inputs for one batch; the model is left as it was found."""
        self.threat.check(x)
        with Oracle(model, gradient=self.gradient, seeds=seeds) as oracle:
            goal: Goal
            if self.loss == "divergence":
                goal = Divergence(oracle.logits(x))
            else:
                goal = Misclassification(y, loss=self.loss)
            x_adv = self.attack(oracle, x, goal, self.threat, seeds=seeds)
        return x_adv.detach()

    @property
    def against(self) -> tuple[Threat, ...]:
        """The one threat."""
        return (self.threat,)

    @property
    def judged(self) -> Adversarial:
        """The same attack for a wrong answer, and at the most harmful point it visits."""
        # An attack that can return something less harmful says what it is without that choice.
        harmful = getattr(self.attack, "most_harmful", None)
        attack = self.attack if harmful is None else harmful()
        loss = "cross_entropy" if self.loss == "divergence" else self.loss
        return replace(self, attack=attack, loss=loss)

    @property
    def effort(self) -> float:
        """Gradient steps per item, about."""
        return float(getattr(self.attack, "steps", 1)) + 1
