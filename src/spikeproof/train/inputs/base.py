"""What every maker of training inputs looks like from outside."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from torch import Tensor, nn

from spikeproof.attacks import PGD, Attack
from spikeproof.base import Seeds, hints, plain_settings, settings_from
from spikeproof.data import Domain, Views
from spikeproof.threats import L2, Linf, Threat
from spikeproof.train.terms.forward import Forward

__all__ = ["Inputs", "Memory"]

Memory = dict[str, Tensor]
"""What inputs remember from step to step, by name; it is part of a run's checkpoint. It holds
counts, to which each batch adds, so that several processes can add up what each has counted."""


class Inputs(ABC):
    """Turn a batch of items into what the terms of an objective see.

    Subclasses are frozen dataclasses. ``wants`` names what a plan has to give them beside plain
    settings: an ``"attack"``, one ``"threat"``, or several ``"threats"``; the fields of these types
    hold them, and one of the type ``Domain | Views`` the domain of the data set.
    """

    kind: ClassVar[str]
    wants: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def __call__(self, model: nn.Module, x: Tensor, y: Tensor, *, seeds: Seeds) -> Tensor:
        """Make the inputs of one batch; the model is left as it was found.

        Args:
            model: Maps ``(N, *shape)`` to logits ``(N, K)``.
            x: Items, ``(N, *shape)``.
            y: Class numbers, int64 ``(N,)``.
            seeds: One key per item.
        Returns:
            ``(copies * N, *shape)``, detached: one block of the whole batch after the other.
        """

    @classmethod
    def planned(
        cls,
        threats: tuple[Threat, ...],
        attack: Attack | None,
        domain: Domain | Views,
        settings: Mapping[str, Any],
    ) -> Self:
        """Build from what a plan names; what is not in ``wants`` is None or empty."""
        parts: dict[Any, Any] = {
            Attack: attack,
            Threat: threats[0] if threats else None,
            tuple[Threat, ...]: threats,
        }
        wanted = {name: parts[hint] for name, hint in hints(cls).items() if hint in parts}
        return cls.checked({**settings, **wanted}, domain)

    @classmethod
    def examples(cls, domain: Domain | Views) -> tuple[Self, ...]:
        """Settings that the contracts try: what a plan gives, and otherwise the defaults."""
        threats = (Threat(Linf(), 0.1, domain), Threat(L2(), 0.5, domain))
        chosen = threats if "threats" in cls.wants else threats[:1]
        return (cls.planned(chosen, PGD(steps=2), domain, {}),)

    @classmethod
    def checked(cls, settings: Mapping[str, Any], domain: Domain | Views) -> Self:
        """Build from settings by name, on the domain of the data set."""
        where = f"inputs {cls.kind!r}"
        return settings_from(cls, settings, where, given=domain, of=Domain | Views)

    @classmethod
    def plain(cls) -> tuple[str, ...]:
        """Names of the settings that are plain data."""
        return plain_settings(cls, Domain | Views)

    def make(
        self, model: nn.Module, x: Tensor, y: Tensor, *, seeds: Seeds, memory: Memory
    ) -> Tensor:
        """Make the inputs as a call does, with what was remembered of earlier steps."""
        return self(model, x, y, seeds=seeds)

    def learn(self, forward: Forward, *, seeds: Seeds, memory: Memory) -> None:
        """Remember what the training pass over the inputs it made showed; nothing by default."""
        return

    @property
    def judged(self) -> Inputs:
        """The inputs under which validation items are judged."""
        return self

    @property
    def against(self) -> tuple[Threat, ...]:
        """Every threat that items are attacked under."""
        return ()

    @property
    def copies(self) -> int:
        """How many inputs are made of one item."""
        return 1

    @property
    def effort(self) -> float:
        """Gradient steps per item, about; only estimates of time use it."""
        return 0.0
