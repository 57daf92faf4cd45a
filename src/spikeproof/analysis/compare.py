"""Two runs, or two audits, side by side: what was set differently, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikeproof.analysis.results import results
from spikeproof.analysis.rows import FlagRow
from spikeproof.base import FileProblem, digest
from spikeproof.evaluate import Audit
from spikeproof.metrics import FEWEST_NETWORKS, Floats, Intervals, Over, independent_difference

__all__ = ["Comparison", "RobustDifference", "SettingDifference", "compare"]

# Data set, training, threat, radius.
Key = tuple[str, str, str, str]
# What an audit from before hashes were kept says of its network; shown, as nobody can compare it.
_UNKNOWN = "not recorded"


@dataclass(frozen=True, kw_only=True)
class SettingDifference:
    """A setting that differs, or of which nobody knows whether it does.

    Args:
        setting: Its dotted name.
        first: Its value on the first side; None where it is not set.
        second: The same of the second side.
    """

    setting: str
    first: Any
    second: Any


@dataclass(frozen=True, kw_only=True)
class RobustDifference:
    """Accuracy under one threat at one radius on both sides.

    Args:
        data: Data set.
        training: Name of the training, ``"audited model"`` for an audit.
        threat: Name of the threat, ``"clean"`` for none.
        radius: Its radius as text.
        first: Accuracy on the first side.
        second: Accuracy on the second side.
        difference: Second minus first.
        low: Lower end of the 95 % interval of the difference.
        high: Upper end.
        paired: Whether both sides attacked the same items, with as many networks.
        over: What the interval allows for: other networks and items, or items alone.
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


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two runs or audits side by side.

    Args:
        splits: Which items the numbers of each side are about.
        settings: What was set differently.
        numbers: What both measured, and neither withholds.
        flags: What was seen of each side, one sentence each.
    """

    splits: tuple[str, str]
    settings: tuple[SettingDifference, ...]
    numbers: tuple[RobustDifference, ...]
    flags: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())


@dataclass(frozen=True)
class _Side:
    """One run or audit: its settings, and who survived what, ``(seeds, items)`` per key, and
    what it is in words."""

    settings: Mapping[str, Any]
    survival: Mapping[Key, tuple[tuple[int, ...], np.ndarray[Any, Any], np.ndarray[Any, Any]]]
    kind: str
    flags: tuple[str, ...] = ()

    @property
    def split(self) -> str:
        """Which items its numbers are about; audits look at test items."""
        return str(self.settings.get("split", "test"))


def compare(first: Path | str, second: Path | str) -> Comparison:
    """Compare two runs, or two audits.

    A difference is paired where both sides attacked the same items, with as many networks;
    otherwise the intervals of both sides are combined as those of independent shares.

    Args:
        first: Folder of a run or an audit.
        second: Folder of the same kind.
    Returns:
        Settings that differ, and every accuracy that both sides measured.
    Raises:
        FileProblem: neither a run nor an audit, one of each, or a file in it that is not whole.
    Example:
        >>> compare("no-such-run", "no-such-run")
        Traceback (most recent call last):
        spikeproof.base.errors.FileProblem: no-such-run is neither a run (plan.json) nor an audit \
(audit.json).
    """
    sides = _read(Path(first)), _read(Path(second))
    if sides[0].kind != sides[1].kind:
        raise FileProblem(
            f"{first} is {sides[0].kind} and {second} is {sides[1].kind}; compare two of one kind."
        )
    return Comparison(
        splits=(sides[0].split, sides[1].split),
        settings=tuple(_differences(sides[0].settings, sides[1].settings)),
        numbers=tuple(_row(key, *sides) for key in sides[0].survival if key in sides[1].survival),
        flags=(sides[0].flags, sides[1].flags),
    )


def _read(folder: Path) -> _Side:
    """A run folder or an audit folder."""
    if (folder / "audit.json").is_file():
        return _read_audit(folder)
    if (folder / "plan.json").is_file():
        return _read_run(folder)
    raise FileProblem(f"{folder} is neither a run (plan.json) nor an audit (audit.json).")


def _read_run(folder: Path) -> _Side:
    """The completed attack cells of a run."""
    run, survival = results(folder), {}
    alone = [len(run.plan.get(key, ())) for key in ("training", "network", "data")] == [0, 1, 1]
    if alone:
        return _read_audit(folder)
    for data in run.data():
        for training in run.trainings(data):
            for threat in run.threats(data):
                table = run.table(data, training, threat)
                if table is None:
                    continue
                who = table.seeds, table.items
                survival[data, training, "clean", "0"] = (*who, table.values["clean"])
                for level, radius in enumerate(table.radii):
                    alive = table.values["alive"][:, level]
                    survival[data, training, threat, f"{radius:g}"] = (*who, alive)
    weights = {
        f"{cell.data}.{cell.training}": cell.inputs.get("model_sha256")
        for cell in run.cells
        if cell.kind == "network"
    }
    taken = {"network_sha256": weights} if weights else {}
    told = tuple(f"{r.data} · {r.training} · seed {r.seed}: {_said(r)}" for r in run.flags)
    return _Side({**run.plan, "split": run.split, **taken}, survival, "a run", told)


def _said(row: FlagRow) -> str:
    """A flag of a run in one sentence."""
    return _told(row.name, row.seen, stop=row.stop, overridden=row.overridden)


def _told(name: str, seen: str, *, stop: bool, overridden: bool) -> str:
    """A flag in one sentence."""
    how = "flag"
    if stop:
        how = "overridden stop" if overridden else "robust accuracy withheld for"
    return f"{how} {name}: {seen}"


def _read_audit(folder: Path) -> _Side:
    """The ladders of an audit."""
    audit, survival = Audit.load(folder), {}
    settings: dict[str, Any] = {
        "data": audit.data,
        "suite": audit.title,
        "seed": audit.seed,
        "n": len(audit.outcomes[0]),
        **_source(audit),
        **({"despite": list(audit.despite)} if audit.despite else {}),
    }
    for outcome in audit.outcomes:
        start, who = (audit.data, "audited model"), ((0,), outcome.items)
        correct = outcome.correct
        survival[*start, "clean", "0"] = (*who, correct[None].astype(float))
        stated = () if audit.withheld else outcome.radii
        for radius, broken in zip(stated, outcome.broken, strict=False):
            alive = (correct & ~broken)[None].astype(float)
            survival[*start, outcome.name, f"{radius:g}"] = (*who, alive)
        settings[f"threats.{outcome.name}"] = list(outcome.radii)
    told = [
        _told(f.name, f.seen, stop=f.stop, overridden=f.name in audit.despite)
        for f in audit.flags or ()
    ]
    return _Side(settings, survival, "an audit", tuple(told))


def _source(audit: Audit) -> dict[str, Any]:
    """What the numbers of an audit depend on, or that nobody knows."""
    source = audit.source
    if source is None:
        return {"network_sha256": _UNKNOWN}
    suite = {key: value for key, value in source.suite.items() if key != "name"}
    return {
        "network_sha256": source.network_sha256,
        "data_sha256": source.data_sha256,
        "attacks_sha256": digest(suite),
        "draws": source.draws,
        "samples": source.samples,
        "versions": dict(source.versions),
    }


def _differences(first: Any, second: Any, where: str = "") -> Iterator[SettingDifference]:
    """Every setting that differs, under its dotted name."""
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        for key in [*first, *(key for key in second if key not in first)]:
            place = f"{where}.{key}" if where else str(key)
            yield from _differences(first.get(key), second.get(key), place)
    elif _named(first) and _named(second):
        yield from _differences(_named(first), _named(second), where)
    elif first != second or first == _UNKNOWN:
        yield SettingDifference(setting=where, first=first, second=second)


def _named(value: Any) -> dict[str, Any] | None:
    """A list of tables that each have a name, as a table of them."""
    if (
        isinstance(value, list | tuple)
        and value
        and all(isinstance(one, Mapping) and "name" in one for one in value)
    ):
        return {str(one["name"]): one for one in value}
    return None


def _row(key: Key, first: _Side, second: _Side) -> RobustDifference:
    """Both numbers of a key and their difference."""
    seeds, items, alive = first.survival[key]
    other_seeds, other_items, other = second.survival[key]
    paired = len(seeds) == len(other_seeds) and list(items) == list(other_items)
    low, high, over = (_paired if paired else _unpaired)(alive, other)
    data, training, threat, radius = key
    return RobustDifference(
        data=data,
        training=training,
        threat=threat,
        radius=radius,
        first=float(alive.mean()),
        second=float(other.mean()),
        difference=float(other.mean() - alive.mean()),
        low=low,
        high=high,
        paired=paired,
        over=over,
    )


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
