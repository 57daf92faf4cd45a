"""One attack of a suite: an algorithm, a gradient path and a loss."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from spikeproof.attacks.attack import Attack
from spikeproof.attacks.pgd import PGD
from spikeproof.attacks.registry import ATTACKS
from spikeproof.base import check_one_of
from spikeproof.oracle import Expectation, Mean, Path, Replay, name_of, path_from, path_record
from spikeproof.threats import LOSSES

__all__ = ["Member"]


@dataclass(frozen=True, kw_only=True)
class Member:
    """One attack of a suite: an algorithm, a gradient path and a loss.

    Args:
        attack: The algorithm.
        path: How the gradient crosses a spike, a surrogate or any of ``PATHS``; None uses the
            model's own surrogates.
        loss: What is climbed, ``"margin"``, ``"cross_entropy"`` or ``"dlr"``.
    Raises:
        SettingError: unknown loss.
    Example:
        >>> from spikeproof.neurons import Surrogate
        >>> Member(attack=PGD(), path=Surrogate("arctan", sharpness=5.0)).name
        'pgd arctan-5 margin'
    """

    attack: Attack = field(default_factory=PGD)
    path: Path | None = None
    loss: str = "margin"

    def __post_init__(self) -> None:
        check_one_of(self.loss, LOSSES, "loss")

    @property
    def name(self) -> str:
        """Algorithm, path and loss in words, for tables."""
        return f"{ATTACKS.kind(self.attack)} {name_of(self.path)} {self.loss}"

    def record(self) -> dict[str, Any]:
        """The plain record of the member."""
        path = path_record(self.path)
        return {"attack": ATTACKS.record(self.attack), "path": path, "loss": self.loss}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Member:
        """The member of a record."""
        return cls(
            attack=ATTACKS.build(record["attack"]),
            path=path_from(record["path"]),
            loss=record["loss"],
        )

    @property
    def averages(self) -> bool:
        """Whether the path already says what to do about a network that draws."""
        return isinstance(self.path, Expectation | Mean | Replay)

    def averaged(self, samples: int) -> Member:
        """The same attack on the mean of ``samples`` draws (EOT)."""
        return (
            self
            if self.averages
            else replace(self, path=Expectation(samples=samples, path=self.path))
        )

    def calm(self) -> Member:
        """The same attack on the network in which every draw is its expectation."""
        return self if self.averages else replace(self, path=Mean(path=self.path))

    def longer(self, times: int) -> Member | None:
        """The same attack, ``times`` as long and going on from a given start; None if it cannot."""
        if not dataclasses.is_dataclass(self.attack) or not hasattr(self.attack, "steps"):
            return None
        fields = {field.name for field in dataclasses.fields(self.attack)}
        quiet = {"random_start": False} if "random_start" in fields else {}
        longer = replace(self.attack, steps=times * self.attack.steps, **quiet)
        return replace(self, attack=longer)
