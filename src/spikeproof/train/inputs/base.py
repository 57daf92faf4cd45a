"""What every maker of training inputs looks like from outside."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, ClassVar, Self, cast

from torch import Tensor, nn

from spikeproof.attacks import Attack
from spikeproof.base import Seeds, SettingError, suggestion
from spikeproof.data import Domain, Views
from spikeproof.threats import Threat
from spikeproof.train.terms.forward import Pass

__all__ = ["Inputs", "Memory", "known_settings"]

Memory = dict[str, Tensor]
"""What inputs remember from step to step, by name; it is part of a run's checkpoint. It holds
counts, to which each batch adds, so that several processes can add up what each has counted."""


class Inputs(ABC):
    """Turn a batch of items into what the terms of an objective see.

    Subclasses are frozen dataclasses. ``wants`` names what a plan has to give them beside plain
    settings: an ``"attack"``, one ``"threat"``, or several ``"threats"``. ``built`` names the
    fields that are made of those or of the domain.
    """

    kind: ClassVar[str]
    wants: ClassVar[tuple[str, ...]] = ()
    built: ClassVar[tuple[str, ...]] = ("domain",)

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

    def record(self) -> dict[str, Any]:
        """Plain data that :meth:`from_record` rebuilds, given the domain."""
        return {"kind": self.kind, **{name: getattr(self, name) for name in self.plain()}}

    @classmethod
    def planned(
        cls,
        threats: tuple[Threat, ...],
        attack: Attack | None,
        domain: Domain | Views,
        settings: Mapping[str, Any],
    ) -> Self:
        """Build from what a plan names; what is not in ``wants`` is None or empty."""
        made: Self = cast(Any, cls)(domain, **known_settings(cls, settings))
        return made

    @classmethod
    def from_record(cls, record: Mapping[str, Any], domain: Domain | Views) -> Self:
        """Build from plain data, on the domain of the data set."""
        rest = {key: value for key, value in record.items() if key != "kind"}
        return cls.planned((), None, domain, rest)

    @classmethod
    def plain(cls) -> tuple[str, ...]:
        """Names of the settings that are plain data."""
        names = [field.name for field in fields(cast(Any, cls))]
        return tuple(name for name in names if name not in cls.built)

    def craft(
        self, model: nn.Module, x: Tensor, y: Tensor, *, seeds: Seeds, memory: Memory
    ) -> Tensor:
        """Make the inputs as a call does, with what was remembered of earlier steps."""
        return self(model, x, y, seeds=seeds)

    def learn(self, clean: Pass, *, seeds: Seeds, memory: Memory) -> None:
        """Remember what the training pass over the crafted inputs showed; nothing by default."""
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


def known_settings(cls: type[Inputs], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings, if they are plain ones that the class knows; otherwise raise."""
    own = cls.plain()
    for key in settings:
        if key not in own:
            hint = suggestion(key, own) if own else "It has none."
            raise SettingError(f"inputs {cls.kind!r}: unknown setting {key!r}. {hint}")
    return dict(settings)
