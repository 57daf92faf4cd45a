"""Runs, or audits, side by side: what was set differently, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spikeproof.analysis.compared_side import UNKNOWN, Side, SurvivalKey, read_side
from spikeproof.base import FileProblem
from spikeproof.metrics import FEWEST_NETWORKS, Floats, Intervals, Over, independent_difference

__all__ = ["Comparison", "RobustDifference", "SettingDifference", "compare"]


@dataclass(frozen=True, kw_only=True)
class SettingDifference:
    """A setting or a hash that differs, or of which nobody knows whether it does.

    Args:
        setting: Its dotted name; of a hash ``"sha256 of data digits"``.
        values: Its value on each side; None where it is not set.
        kind: ``"setting"``, ``"networks"``, ``"data"`` or ``"code"``: what the value is about.
    """

    setting: str
    values: tuple[Any, ...]
    kind: str = "setting"

    @property
    def first(self) -> Any:
        """Its value on the first side."""
        return self.values[0]

    @property
    def second(self) -> Any:
        """Its value on the second side."""
        return self.values[1]


@dataclass(frozen=True, kw_only=True)
class RobustDifference:
    """Accuracy under one threat at one radius on the first side and on another.

    Args:
        data: Data set.
        training: Name of the training; of two audits the name of the network, or both names.
        threat: Name of the threat, ``"clean"`` for none.
        radius: Its radius as text.
        first: Accuracy on the first side.
        second: Accuracy on the other side.
        difference: The other minus the first.
        low: Lower end of the 95 % interval of the difference.
        high: Upper end.
        paired: Whether both sides attacked the same items, with as many networks.
        over: What the interval allows for: other networks and items, or items alone.
        side: Which side the other one is, 1 for the second folder.
        decibels: The radius in decibels, as text, where the inputs of both sides are sounds.
    """

    data: str
    training: str
    threat: str
    radius: str
    first: float
    second: float
    difference: float
    low: float
    high: float
    paired: bool
    over: Over
    side: int = 1
    decibels: str = ""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Runs or audits side by side.

    Args:
        names: What the network of each side is called; empty for runs.
        splits: Which items the numbers of each side are about.
        settings: What was set differently, and which hashes differ.
        numbers: What the first and another both measured, and neither withholds.
        same: ``"networks"`` and ``"data"`` → how many hashes all sides hold and agree in.
        flags: What was seen of each side, one sentence each.
        masking: The gravest verdict on gradient masking of each side, or that there is none.
    """

    names: tuple[str, ...]
    splits: tuple[str, ...]
    settings: tuple[SettingDifference, ...]
    numbers: tuple[RobustDifference, ...]
    same: Mapping[str, int]
    flags: tuple[tuple[str, ...], ...] = ()
    masking: tuple[str, ...] = ()


def compare(first: Path | str, second: Path | str, *more: Path | str) -> Comparison:
    """Compare runs, or audits, with the first one.

    A difference is paired where both sides attacked the same items of the same data, with as many
    networks; otherwise the intervals of both sides are combined as those of independent shares.
    Networks, data and code are compared by their hashes.

    Args:
        first: Folder of a run or an audit.
        second: Folder of the same kind.
        more: Further folders of that kind.
    Returns:
        Settings and hashes that differ, and every accuracy that the first and another side
        measured.
    Raises:
        FileProblem: neither a run nor an audit, some of each, or a file that is not whole.
    Example:
        >>> compare("no-such-run", "no-such-run")
        Traceback (most recent call last):
        spikeproof.base.errors.FileProblem: no-such-run is neither a run (plan.json) nor an audit \
(audit.json).
    """
    folders = [Path(one) for one in (first, second, *more)]
    sides = [read_side(folder) for folder in folders]
    for folder, side in zip(folders, sides, strict=True):
        if side.kind != sides[0].kind:
            raise FileProblem(
                f"{first} is {sides[0].kind} and {folder} is {side.kind}; compare two of one kind."
            )
    hashes, same = _hash_differences(sides)
    return Comparison(
        names=tuple(side.name for side in sides),
        splits=tuple(side.split for side in sides),
        settings=(*_differences([side.settings for side in sides]), *hashes),
        numbers=tuple(
            _row(key, sides[0], other, number)
            for number, other in enumerate(sides[1:], start=1)
            for key in sides[0].survival
            if key in other.survival
        ),
        same=same,
        flags=tuple(side.flags for side in sides),
        masking=tuple(side.masking for side in sides),
    )


def _differences(values: Sequence[Any], where: str = "") -> Iterator[SettingDifference]:
    """Every setting that differs, under its dotted name."""
    if all(isinstance(value, Mapping) for value in values):
        for key in dict.fromkeys(key for value in values for key in value):
            place = f"{where}.{key}" if where else str(key)
            yield from _differences([value.get(key) for value in values], place)
    elif all(map(_named, values)):
        yield from _differences([_named(value) for value in values], where)
    elif any(value != values[0] for value in values) or values[0] == UNKNOWN:
        yield SettingDifference(setting=where, values=tuple(values))


def _named(value: Any) -> dict[str, Any] | None:
    """A list of tables that each have a name, as a table of them."""
    if (
        isinstance(value, list | tuple)
        and value
        and all(isinstance(one, Mapping) and "name" in one for one in value)
    ):
        return {str(one["name"]): one for one in value}
    return None


def _hash_differences(sides: Sequence[Side]) -> tuple[list[SettingDifference], dict[str, int]]:
    """Hashes that differ of what all sides hold, and how many there are that do not."""
    rows, same = [], {}
    for kind in ("networks", "data", "code"):
        tables = [side.hashes.get(kind, {}) for side in sides]
        shared = [name for name in tables[0] if all(name in table for table in tables)]
        differ = [name for name in shared if len({table[name] for table in tables}) > 1]
        same[kind] = len(shared) - len(differ)
        # Of audits the settings say it already.
        if sides[0].kind == "a run":
            what = {"networks": "network", "data": "data", "code": "code of"}[kind]
            rows += [
                SettingDifference(
                    setting=f"sha256 of {what} {name}",
                    values=tuple(table[name] for table in tables),
                    kind=kind,
                )
                for name in differ
            ]
    return rows, same


def _row(key: SurvivalKey, first: Side, second: Side, number: int) -> RobustDifference:
    """Both numbers of a key and their difference."""
    seeds, items, alive = first.survival[key]
    other_seeds, other_items, other = second.survival[key]
    data, training, threat, radius = key
    hashes = {side.hashes.get("data", {}).get(data) for side in (first, second)} - {None}
    same_items = len(hashes) < 2 and list(items) == list(other_items)
    paired = same_items and len(seeds) == len(other_seeds)
    low, high, over = (_paired if paired else _unpaired)(alive, other)
    return RobustDifference(
        data=data,
        training=training or " / ".join(dict.fromkeys((first.name, second.name))),
        threat=threat,
        radius=radius,
        first=float(alive.mean()),
        second=float(other.mean()),
        difference=float(other.mean() - alive.mean()),
        low=low,
        high=high,
        paired=paired,
        over=over,
        side=number,
        decibels=_decibels(first.loud, second.loud, (data, threat, radius)),
    )


def _decibels(
    first: Mapping[tuple[str, str, str], str],
    second: Mapping[tuple[str, str, str], str],
    key: tuple[str, str, str],
) -> str:
    """A radius in decibels; nothing where the sides do not say the same of it."""
    text = first.get(key, "")
    return text if text == second.get(key, "") else ""


def _paired(alive: Floats, other: Floats) -> tuple[float, float, Over]:
    """The interval of a difference on the same items, and what it is over."""
    gap = Intervals(*alive.shape).difference(other, alive)
    return gap.low, gap.high, gap.over


def _unpaired(alive: Floats, other: Floats) -> tuple[float, float, Over]:
    """The same on other items: over networks where both sides have enough of them."""
    few = min(len(alive), len(other)) < FEWEST_NETWORKS
    over: Over = "items" if few else "networks"
    ends = (Intervals(*table.shape, over=over).share(table) for table in (alive, other))
    return *independent_difference(*ends), over
