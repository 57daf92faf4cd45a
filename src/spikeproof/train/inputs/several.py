"""What the recipes against several threats share: a set of attacks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from spikeproof.attacks import Attack
from spikeproof.base import SettingError
from spikeproof.data import Domain, Views
from spikeproof.threats import Threat
from spikeproof.train.inputs.adversarial import Adversarial
from spikeproof.train.inputs.base import Inputs

__all__ = ["Several"]


@dataclass(frozen=True)
class Several(Inputs):
    """A set of attacks, each under a threat of its own; what is done with them is the subclass's.

    Args:
        members: Attacks and threats, in the order in which ties are decided.
    Raises:
        SettingError: fewer than two members, or one that is no :class:`Adversarial`.
    """

    wants: ClassVar[tuple[str, ...]] = ("attack", "threats")

    members: tuple[Adversarial, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "members", tuple(self.members))
        wrong = [member for member in self.members if not isinstance(member, Adversarial)]
        if len(self.members) < 2 or wrong:
            raise SettingError(
                f"{type(self).__name__} needs at least two members, each Adversarial(attack, "
                f"threat); got {self.members!r}. For one threat use Adversarial alone."
            )

    @property
    def against(self) -> tuple[Threat, ...]:
        """Every threat, in the order of the members."""
        return tuple(member.threat for member in self.members)

    @property
    def judges(self) -> tuple[Adversarial, ...]:
        """The members as validation items meet them."""
        return tuple(member.judged for member in self.members)

    @property
    def effort(self) -> float:
        """Gradient steps of all members together."""
        return sum(member.effort for member in self.members)

    @classmethod
    def planned(
        cls,
        threats: tuple[Threat, ...],
        attack: Attack | None,
        domain: Domain | Views,
        settings: Mapping[str, Any],
    ) -> Self:
        """The same attack and loss under every threat."""
        assert attack is not None
        rest = dict(settings)
        loss = rest.pop("loss", "cross_entropy")
        members = tuple(Adversarial(attack, threat, loss=loss) for threat in threats)
        return cls.checked({**rest, "members": members}, domain)
