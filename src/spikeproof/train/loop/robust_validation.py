"""How robust a model in training is, on validation items, against several threats at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from spikeproof.attacks import PGD, Attack
from spikeproof.base import Seeds, SettingError, check_count, record_of
from spikeproof.oracle import GradientRule, Oracle
from spikeproof.threats import Misclassification, Threat, as_threats

__all__ = ["RobustValidation"]

_CHEAP = PGD(steps=5, step_size=0.5, last=0.2, stop=True)


@dataclass(frozen=True, kw_only=True)
class RobustValidation:
    r"""Attack validation items under every threat; count who stands under each, and under all.

    .. math:: \text{union} = \frac1N \#\{i : \forall\,\text{threats } k:\;
        \operatorname{margin}(\operatorname{attack}_k(x_i)) \le 0\}

    A cheap attack is enough to tell epochs of one run apart; the numbers are upper bounds of the
    robust accuracy, and no substitute for ``audit``.

    Args:
        threats: What the attacker may do, at least one.
        attack: What is run under each of them.
        gradient: How the attacker's gradient crosses a spike, a surrogate or any of
            ``spikeproof.oracle.GRADIENTS``; None takes each neuron's own.
        items: How many validation items are attacked, the first of the split; all where None.
    Returns:
        Which items stand, bool ``(N,)``, by threat, named as in ``names``.
    Raises:
        SettingError: no threat, one of them twice, or ``items`` below 1.
    Cost: the attack's, for every threat and every item that is right when clean.
    Example:
        >>> import torch
        >>> from spikeproof.base import seeds
        >>> from spikeproof.data import Domain
        >>> from spikeproof.threats import Linf
        >>> near = Threat(Linf(), 0.25, Domain(kind="audio", shape=(2,)))
        >>> validation = RobustValidation(threats=(near,))
        >>> model = nn.Linear(2, 2, bias=False)
        >>> _ = model.weight.data.copy_(torch.eye(2))
        >>> x, y = torch.tensor([[0.9, 0.1], [0.6, 0.4]]), torch.tensor([0, 0])
        >>> validation(model, x, y, seeds=seeds(0, n=2))
        {'linf 0.25': tensor([ True, False])}
    """

    renamed: ClassVar[Mapping[str, str]] = {"path": "gradient"}

    threats: tuple[Threat, ...]
    attack: Attack = _CHEAP
    gradient: GradientRule | None = None
    items: int | None = None

    def __post_init__(self) -> None:
        threats = as_threats(self.threats, "RobustValidation.threats")
        object.__setattr__(self, "threats", threats)
        if not self.threats or len(set(self.names)) < len(self.threats):
            raise SettingError(
                "RobustValidation.threats must name at least one threat, each once; got "
                f"{self.names}."
            )
        if self.items is not None:
            check_count(self, "items")

    @property
    def names(self) -> list[str]:
        """Norm and radius of each threat."""
        return [f"{threat.name} {threat.radius:g}" for threat in self.threats]

    def __call__(
        self, model: nn.Module, x: Tensor, y: Tensor, *, seeds: Seeds
    ) -> dict[str, Tensor]:
        """Attack one batch; the model is left as it was found."""
        stands = {}
        with Oracle(model, gradient=self.gradient, seeds=seeds) as oracle:
            right = Misclassification(y).margin(oracle.logits(x)) <= 0
            idx = right.nonzero().flatten()
            for name, threat in zip(self.names, self.threats, strict=True):
                stands[name] = right.clone()
                if not len(idx):
                    continue
                goal, keys = Misclassification(y[idx]), seeds[idx.cpu()].child(name)
                part = oracle.subset(idx)
                x_adv = self.attack(part, threat.check(x[idx]), goal, threat, seeds=keys)
                stands[name][idx] = goal.margin(part.logits(x_adv)) <= 0
        return stands

    def record(self) -> dict[str, Any]:
        """Plain data, for the identity of a run and for its card."""
        return record_of(self)
