"""One attack of a suite: an algorithm, a gradient rule and a loss."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from spikeproof.attacks.attack import Attack, serves
from spikeproof.attacks.pgd import PGD
from spikeproof.attacks.registry import ATTACKS
from spikeproof.attacks.suite.progress import STATES
from spikeproof.base import SettingError, check_one_of, record_of, settings_from
from spikeproof.oracle import (
    Expectation,
    ExpectedNetwork,
    GradientRule,
    averages,
    name_of,
    without_rules,
)
from spikeproof.threats import LOSSES, Threat

__all__ = ["Member"]


@dataclass(frozen=True, kw_only=True)
class Member:
    """One attack of a suite: an algorithm, a gradient rule and a loss.

    Args:
        attack: The algorithm.
        gradient: How the gradient crosses a spike, a surrogate or any of ``GRADIENTS``; None uses
            the model's own surrogates.
        loss: What is maximised, a key of ``LOSSES``.
        on: Which items it attacks, by what earlier members saw of them: any of ``"close"``,
            ``"near"``, ``"blind"``, ``"far"`` and ``"misled"`` (see :class:`ItemProgress`).
        continues: Begin at the best point that any member has found, instead of the attack's own
            start.
        radius: ``"length"`` leaves threats alone whose radius counts units, ``"count"`` the others;
            ``"any"`` attacks under every threat that the attack can serve.
        inputs: ``"sounds"`` attacks inputs alone that are sounds, or have one among their views;
            ``"any"`` every kind of input.
    Raises:
        SettingError: unknown loss, radius or kind of input; no state, or an unknown one.
    Example:
        >>> from spikeproof.neurons import Surrogate
        >>> Member(attack=PGD(), gradient=Surrogate("arctan", sharpness=5.0)).name
        'pgd arctan-5 margin'
    """

    renamed: ClassVar[Mapping[str, str]] = {"path": "gradient"}
    added: ClassVar[tuple[str, ...]] = ("on", "continues", "radius", "inputs")

    attack: Attack = field(default_factory=PGD)
    gradient: GradientRule | None = None
    loss: str = "margin"
    on: tuple[str, ...] = STATES
    continues: bool = False
    radius: str = "any"
    inputs: str = "any"

    def __post_init__(self) -> None:
        check_one_of(self.loss, LOSSES, "loss")
        check_one_of(self.radius, ("any", "length", "count"), "Member.radius")
        check_one_of(self.inputs, ("any", "sounds"), "Member.inputs")
        if not self.on:
            raise SettingError(f"Member.on names no state; choose from {', '.join(STATES)}.")
        for state in self.on:
            check_one_of(state, STATES, "Member.on")
        # In the order of STATES, so that two ways to write one member are equal.
        object.__setattr__(self, "on", tuple(state for state in STATES if state in self.on))

    @property
    def name(self) -> str:
        """Algorithm, gradient and loss in words, for tables."""
        return f"{ATTACKS.kind(self.attack)} {name_of(self.gradient)} {self.loss}"

    def record(self) -> dict[str, Any]:
        """The plain record of the member."""
        return record_of(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Member:
        """The member of a record; the name that a suite writes beside it is not read."""
        values = {key: value for key, value in record.items() if key != "name"}
        return settings_from(cls, values, "member of a suite")

    def serves(self, threat: Threat) -> bool:
        """Whether the member attacks under this threat."""
        meant = self.radius in ("any", "count" if threat.counted else "length")
        kind = self.inputs == "any" or threat.domain.sounds
        return meant and kind and serves(self.attack, threat)

    @property
    def specialised(self) -> bool:
        """Whether it is made for one kind of threat or input, and serves no other."""
        return self.inputs != "any" or bool(getattr(self.attack, "specialised", False))

    @property
    def averages(self) -> bool:
        """Whether the gradient rule already says what to do about a stochastic network."""
        return averages(self.gradient)

    def averaged(self, samples: int) -> Member:
        """The same attack on the mean of ``samples`` draws (EOT)."""
        return (
            self
            if self.averages
            else replace(self, gradient=Expectation(samples=samples, gradient=self.gradient))
        )

    def without_rules(self) -> Member:
        """The attack that this one amounts to on a network in which no layer obeys its rule."""
        return replace(self, gradient=without_rules(self.gradient))

    def deterministic(self) -> Member:
        """The same attack on the network in which every draw is its expectation."""
        return (
            self
            if self.averages
            else replace(self, gradient=ExpectedNetwork(gradient=self.gradient))
        )

    def longer(self, times: int) -> Member | None:
        """The same attack, ``times`` as long and going on from a given start; None if it cannot."""
        if not dataclasses.is_dataclass(self.attack) or not hasattr(self.attack, "steps"):
            return None
        fields = {field.name for field in dataclasses.fields(self.attack)}
        quiet = {"random_start": False} if "random_start" in fields else {}
        longer = replace(self.attack, steps=times * self.attack.steps, **quiet)
        return replace(self, attack=longer)
