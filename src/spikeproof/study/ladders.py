"""What a ``[[data]]`` table asks to be attacked and disturbed, and on which items."""

from __future__ import annotations

from typing import Any

from spikeproof.base import InputError, SettingError
from spikeproof.data import Dataset
from spikeproof.evaluate import check_timing, open_split
from spikeproof.study.plan import DataPlan, Plan
from spikeproof.threats import Threat, standard_threats

__all__ = ["ladders_of", "timed_of"]


def ladders_of(part: DataPlan, data: Dataset) -> dict[str, tuple[Threat, ...]]:
    """The ladders that a ``[[data]]`` table asks for, by name of the threat.

    Raises:
        SettingError: levels that a ladder does not have.
    """
    known = standard_threats(data, part.radii)
    names = list(known) if part.threats == "all" else list(part.threats)
    return {name: _chosen(part, name, known[name]) for name in names}


def _chosen(part: DataPlan, name: str, ladder: tuple[Threat, ...]) -> tuple[Threat, ...]:
    """The rungs of a ladder that a ``[[data]]`` table asks for."""
    if part.levels is None:
        return ladder
    if not 0 <= part.levels[0] <= part.levels[-1] < len(ladder):
        raise SettingError(
            f"[[data]] {part.name!r}: levels {list(part.levels)} do not exist; {name} has "
            f"{len(ladder)} radii, counted from 0."
        )
    return tuple(ladder[level] for level in part.levels)


def timed_of(plan: Plan, part: DataPlan, data: Dataset, items: int) -> list[dict[str, Any]]:
    """What the timing cells of a data set measure, where it asks for them.

    Raises:
        SettingError: a data set without events.
    """
    if part.timing is None:
        return []
    asked = part.timing
    try:
        check_timing(data, hidden=asked.hidden)
    except InputError as problem:
        raise SettingError(f"[[data]] {part.name!r}: timing: {problem}") from None
    some = len(open_split(data, plan.split, asked.items or items, skip=part.skip))
    levels = {kind: list(levels) for kind, levels in asked.levels.items()}
    return [{"levels": levels, "hidden": asked.hidden, "draws": asked.draws, "items": some}]
