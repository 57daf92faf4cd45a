"""``spikeproof compare``: what two runs, or two audits, did differently and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spikeproof.cli.options import Json, Seed
from spikeproof.cli.show import print_json, print_table

if TYPE_CHECKING:
    from numpy import ndarray

__all__ = ["compare"]

Key = tuple[str, str, str, str]


@dataclass(frozen=True)
class _Side:
    """One run or audit: its settings, and who survived what, ``(seeds, items)`` per key."""

    settings: Mapping[str, Any]
    survival: Mapping[Key, tuple[tuple[int, ...], ndarray[Any, Any], ndarray[Any, Any]]]

    @property
    def split(self) -> str:
        """Which items its numbers are about; audits look at test items."""
        return str(self.settings.get("split", "test"))


def compare(
    first: Annotated[Path, typer.Argument(help="Folder of a run or an audit.")],
    second: Annotated[Path, typer.Argument(help="Folder of the same kind.")],
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Set two runs or audits side by side: settings, robust accuracies.

    The difference is second minus first, with its 95 % interval. It is paired where both sides
    attacked the same items, with as many networks.

    \b
    Example:
      spikeproof compare runs/demo runs/demo-seed2
    """
    sides = _read(first), _read(second)
    settings = list(_differences(sides[0].settings, sides[1].settings))
    numbers = [_row(key, *sides, seed) for key in sides[0].survival if key in sides[1].survival]
    if as_json:
        splits = [side.split for side in sides]
        print_json({"splits": splits, "settings": settings, "numbers": numbers})
        return
    for folder, side in zip((first, second), sides, strict=True):
        if side.split != "test":
            typer.echo(f"{folder} looks at {side.split} items: its numbers are no test results.")
    _tell(settings, numbers, first, second)


def _tell(
    settings: list[dict[str, Any]], numbers: list[dict[str, Any]], first: Path, second: Path
) -> None:
    """Both tables, or a sentence in the place of an empty one."""
    if settings:
        body = [[row["setting"], row["first"], row["second"]] for row in settings]
        print_table(["setting", str(first), str(second)], body)
    else:
        typer.echo("No setting differs.")
    if numbers:
        columns = ("data", "training", "threat", "radius", "first %", "second %", "difference")
        print_table(columns, [_cells(row) for row in numbers])
    else:
        typer.echo("They have no data set, training, threat and radius in common.")


def _read(folder: Path) -> _Side:
    """A run folder or an audit folder."""
    if (folder / "audit.json").is_file():
        return _read_audit(folder)
    if (folder / "plan.json").is_file():
        return _read_run(folder)
    from spikeproof.base import FileProblem

    raise FileProblem(f"{folder} is neither a run (plan.json) nor an audit (audit.json).")


def _read_run(folder: Path) -> _Side:
    """The completed attack cells of a run."""
    from spikeproof.analysis import results

    found, survival = results(folder), {}
    for data in found.data():
        for training in found.trainings(data):
            for threat in found.threats(data):
                table = found.table(data, training, threat)
                if table is None:
                    continue
                who = table.seeds, table.items
                survival[data, training, "clean", "0"] = (*who, table.values["clean"])
                for level, radius in enumerate(table.radii):
                    alive = table.values["alive"][:, level]
                    survival[data, training, threat, f"{radius:g}"] = (*who, alive)
    return _Side({**found.plan, "split": found.split}, survival)


def _read_audit(folder: Path) -> _Side:
    """The ladders of an audit."""
    from spikeproof.base import read_arrays, read_json

    content = read_json(folder / "audit.json", "audit")
    arrays, survival = read_arrays(folder / "items.npz"), {}
    settings = {key: content[key] for key in ("data", "suite", "seed", "n")}
    for threat in content["threats"]:
        name, data = threat["name"], content["data"]
        who = (0,), arrays[f"{name}.items"]
        correct = arrays[f"{name}.correct"]
        survival[data, "audited model", "clean", "0"] = (*who, correct[None].astype(float))
        for level, row in enumerate(threat["rows"]):
            alive = correct & ~arrays[f"{name}.broken"][level]
            key = data, "audited model", name, f"{row['radius']:g}"
            survival[key] = (*who, alive[None].astype(float))
        settings[f"threats.{name}"] = [row["radius"] for row in threat["rows"]]
    return _Side(settings, survival)


def _differences(first: Any, second: Any, where: str = "") -> Iterator[dict[str, Any]]:
    """Every setting that differs, under its dotted name."""
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        for key in [*first, *(key for key in second if key not in first)]:
            place = f"{where}.{key}" if where else str(key)
            yield from _differences(first.get(key), second.get(key), place)
    elif _named(first) and _named(second):
        yield from _differences(_named(first), _named(second), where)
    elif first != second:
        yield {"setting": where, "first": first, "second": second}


def _named(value: Any) -> dict[str, Any] | None:
    """A list of tables that each have a name, as a table of them."""
    if (
        isinstance(value, list | tuple)
        and value
        and all(isinstance(one, Mapping) and "name" in one for one in value)
    ):
        return {str(one["name"]): one for one in value}
    return None


def _row(key: Key, first: _Side, second: _Side, seed: int) -> dict[str, Any]:
    """Both numbers of a key and their difference."""
    from spikeproof.metrics import Bootstrap, percentile_interval

    (seeds, items, alive), (other_seeds, other_items, other) = (
        first.survival[key],
        second.survival[key],
    )
    paired = len(seeds) == len(other_seeds) and list(items) == list(other_items)
    boot = Bootstrap(*alive.shape, seed=seed)
    own = boot if paired else Bootstrap(*other.shape, seed=seed + 1)
    low, high = percentile_interval(own.means(other) - boot.means(alive))
    return {
        **dict(zip(("data", "training", "threat", "radius"), key, strict=True)),
        "first": float(alive.mean()),
        "second": float(other.mean()),
        "difference": float(other.mean() - alive.mean()),
        "low": low,
        "high": high,
        "paired": paired,
    }


def _cells(row: Mapping[str, Any]) -> list[str]:
    """A row in percent."""
    gap, low, high = (100 * row[key] for key in ("difference", "low", "high"))
    shares = [f"{100 * row[side]:.1f}" for side in ("first", "second")]
    said = f"{gap:+.1f} ({low:+.1f} to {high:+.1f}){'' if row['paired'] else ' unpaired'}"
    return [*(str(row[key]) for key in ("data", "training", "threat", "radius")), *shares, said]
