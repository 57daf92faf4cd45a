"""What a plan says of the inputs that a training sees: attacked, noisy, and under which threats."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spikeproof.base import SettingError, check_one_of, check_positive, settings_from
from spikeproof.train import INPUTS

__all__ = ["InputsPlan"]


@dataclass(frozen=True, kw_only=True)
class InputsPlan:
    """The ``inputs`` of a training: attacks under one threat or several, or noise.

    Args:
        kind: One of ``INPUTS``.
        attack: Record of the attack, ``{kind = "pgd", steps = 7}``.
        threat: Name of a threat that the data set supports.
        threats: Names of several, for the kinds that take a set.
        level: Which radius of a threat's ladder, 0 is the smallest; the middle one where no
            radius is given either.
        radius: The radius of ``threat`` itself, instead of ``level``.
        radii: The same for ``threats``, by name; those not named are at ``level``.
        scales: Threat name → what its radius at ``level`` is multiplied by, for recipes that
            serve several data sets.
        settings: What else the kind knows, e.g. ``steps`` of ``msd``; in a file these stand beside
            the others.
    """

    kind: str = "adversarial"
    attack: dict[str, Any] | None = None
    threat: str | None = None
    threats: tuple[str, ...] = ()
    level: int | None = None
    radius: float | None = None
    radii: dict[str, float] = field(default_factory=dict)
    scales: dict[str, float] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        wants = INPUTS[self.kind].wants
        for name in ("attack", "threat", "threats"):
            if bool(getattr(self, name)) != (name in wants):
                need = "needs" if name in wants else "has no use for"
                raise SettingError(f"inputs of kind {self.kind!r} {need} {name!r}.")
        for where in ("radii", "scales"):
            for name in getattr(self, where):
                check_one_of(name, self.names, f"threat in inputs.{where}")
        for name, scale in self.scales.items():
            fixed = name in self.radii or self.radius is not None
            if fixed or not 0 < scale < math.inf:
                raise SettingError(
                    f"inputs.scales multiplies the radius of a level by a number above 0; got "
                    f"{scale!r} for {name}{', whose radius is given' if fixed else ''}."
                )
        if self.radius is not None and self.threat is None:
            raise SettingError("inputs.radius belongs to one threat; for several give radii.")
        if self.level is not None and self.radius is not None:
            raise SettingError("inputs takes level or radius, not both.")
        if self.level is not None and self.level < 0:
            raise SettingError(f"inputs.level counts from 0; got {self.level}.")
        if self.radius is not None:
            check_positive(self, "radius")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the threats."""
        return self.threats if self.threat is None else (self.threat,)

    @classmethod
    def from_table(cls, table: Mapping[str, Any], where: str) -> InputsPlan:
        """Read a table, in which the settings of the kind stand beside the rest."""
        values, own = dict(table), {f.name for f in dataclasses.fields(cls)}
        kind = INPUTS[str(values.get("kind", cls.kind))]
        plain = {*kind.plain(), *(["loss"] if "attack" in kind.wants else [])}
        shorthand = {
            key: values.pop(key) for key in list(values) if key in plain and key not in own
        }
        if shorthand:
            values["settings"] = {**values.get("settings", {}), **shorthand}
        return settings_from(cls, values, where)
