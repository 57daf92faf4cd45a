"""What evaluation is given, checked at the call."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from spikeproof.base import SettingError
from spikeproof.threats import Threat, as_threats

__all__ = ["ladder_of"]


def ladder_of(ladder: Threat | Sequence[Threat]) -> tuple[Threat, ...]:
    """Return threats as a ladder; raise SettingError where they are none."""
    ladder = as_threats(ladder, "evaluate_ladder: ladder")
    if not ladder:
        raise SettingError("A ladder needs at least one threat.")
    first = ladder[0]
    if any(t.geometry != first.geometry or t.domain != first.domain for t in ladder):
        names = ", ".join(t.name for t in ladder)
        raise SettingError(f"A ladder needs one geometry and one domain; got {names}.")
    radii = [t.radius for t in ladder]
    if any(b <= a for a, b in pairwise(radii)):
        raise SettingError(f"The radii of a ladder must ascend; got {radii}.")
    return ladder
