"""Adversarial training: every term of the objective sees the attacked input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from torch import Tensor, nn

from spikeproof.attacks import ATTACKS, PGD, Attack
from spikeproof.base import Seeds, SettingError, check_one_of, suggestion
from spikeproof.data import Domain, Views
from spikeproof.oracle import GradientRule, Oracle, gradient_from, gradient_record
from spikeproof.threats import LOSSES, Goal, Misclassification, Threat
from spikeproof.train.inputs.base import Inputs, known_settings
from spikeproof.train.terms.divergence import Divergence

__all__ = ["Adversarial"]

_LOSSES = (*LOSSES, "divergence")


@dataclass(frozen=True)
class Adversarial(Inputs):
    r"""Replace each batch by its adversarial inputs before any term looks at it.

    .. math:: x' = \operatorname{attack}(x, y) \in B(x, r), \qquad
        \min_w \sum_i \text{weight}_i\,\text{term}_i(x', y)

    With cross-entropy alone this is adversarial training (AT); with a sparse-gradient term it is
    SR+AT, which the literature writes SR*.

    Args:
        attack: What crafts the inputs, e.g. ``PGD(steps=7)``.
        threat: What it may do.
        gradient: How the attacker's gradient crosses a spike, a surrogate or any of
            ``spikeproof.oracle.GRADIENTS``; None takes each neuron's own.
        loss: What the attack climbs: ``"cross_entropy"`` (as published), ``"margin"``, ``"dlr"``,
            or ``"divergence"`` from the answer at ``x`` (as TRADES does; it needs a random start,
            since its gradient is zero at ``x``).
    Returns:
        Adversarial inputs, the shape of ``x``, detached.
    Raises:
        SettingError: an unknown ``loss``.
        InputError: ``x`` does not fit the threat's domain.
    Cost: the attack's own; ``PGD(steps=k)`` takes k+2 forwards and k backwards to the input,
        ``PGD(steps=k, keep="last")`` k and k; ``"divergence"`` 1 forward more.
    Differs from the paper:
        Crafted in eval mode (running statistics are neither used up nor moved), and the most
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
    built: ClassVar[tuple[str, ...]] = ("attack", "threat", "gradient")

    attack: Attack
    threat: Threat
    gradient: GradientRule | None = None
    loss: str = "cross_entropy"

    def __post_init__(self) -> None:
        check_one_of(self.loss, _LOSSES, "Adversarial.loss")

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor, *, seeds: Seeds) -> Tensor:
        """Craft adversarial inputs for one batch; the model is left as it was found."""
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
        attack = self.attack
        if isinstance(attack, PGD) and attack.keep == "last":
            attack = replace(attack, keep="best")
        loss = "cross_entropy" if self.loss == "divergence" else self.loss
        return replace(self, attack=attack, loss=loss)

    @property
    def effort(self) -> float:
        """Gradient steps per item, about."""
        return float(getattr(self.attack, "steps", 1)) + 1

    def record(self) -> dict[str, Any]:
        """Plain data that :meth:`from_record` rebuilds, given the threat."""
        return {
            "kind": self.kind,
            "attack": ATTACKS.record(self.attack),
            "threat": self.threat.record(),
            "gradient": gradient_record(self.gradient),
            "loss": self.loss,
        }

    @classmethod
    def planned(
        cls,
        threats: tuple[Threat, ...],
        attack: Attack | None,
        domain: Domain | Views,
        settings: Mapping[str, Any],
    ) -> Self:
        """Build from the attack and the threat that a plan names."""
        assert attack is not None
        return cls(attack, threats[0], **known_settings(cls, settings))

    @classmethod
    def from_record(cls, record: Mapping[str, Any], domain: Domain | Views | Threat | None) -> Self:
        """Build from plain data, on a domain or with the very threat of the record."""
        known = ("attack", "kind", "loss", "gradient", "threat")
        for key in record:
            if key not in known:
                raise SettingError(f"inputs: unknown key {key!r}. {suggestion(key, known)}")
        if "attack" not in record:
            raise SettingError("inputs: needs an 'attack', e.g. {'kind': 'pgd', 'steps': 7}.")
        return cls(
            attack=ATTACKS.build(record["attack"]),
            threat=_threat(record, domain),
            gradient=gradient_from(record.get("gradient"), "inputs: gradient"),
            loss=record.get("loss", "cross_entropy"),
        )


def _threat(record: Mapping[str, Any], given: Domain | Views | Threat | None) -> Threat:
    """The threat of a record: built on a domain, or the given one if it is the recorded one."""
    recorded = record.get("threat")
    if isinstance(given, Domain | Views) and recorded is not None:
        return Threat.from_record(recorded, given)
    if not isinstance(given, Threat):
        raise SettingError(
            "Adversarial inputs need a threat; pass Objective.from_record(record, threat=...), or "
            "domain=data.domain for a record that names its threats."
        )
    if recorded is not None and recorded != given.record():
        raise SettingError(
            f"inputs: the record was made with threat {recorded}, but {given.record()} was given; "
            "pass the recorded one."
        )
    return given
