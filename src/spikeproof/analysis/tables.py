"""Per-item results of several cells as tables over seeds and items, aligned for pairing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np

from spikeproof.analysis.records import CellRecord
from spikeproof.analysis.rows import UNDISTURBED, level_name
from spikeproof.base import FileProblem
from spikeproof.metrics import Floats

__all__ = [
    "Table",
    "align",
    "attack_table",
    "one_value",
    "probe_table",
    "timing_table",
    "union_table",
]


@dataclass(frozen=True)
class Table:
    """Per-item numbers of one training, seeds first.

    Args:
        seeds: Seed of each row, S.
        items: Number of each item, int64 ``(N,)``.
        radii: Ladder of the threat, R; empty for a probe.
        values: Name to float64 ``(S, N)`` or ``(S, R, N)``.
    """

    seeds: tuple[int, ...]
    items: np.ndarray[Any, Any]
    radii: tuple[float, ...]
    values: Mapping[str, Floats]

    @property
    def middle(self) -> int:
        """Level of the standard radius: the middle of the ladder."""
        return len(self.radii) // 2

    def only(self, seeds: Sequence[int], items: np.ndarray[Any, Any]) -> Table:
        """The table of the chosen seeds and items, in that order."""
        rows = [self.seeds.index(seed) for seed in seeds]
        columns = np.searchsorted(self.items, items)
        values = {name: value[rows][..., columns] for name, value in self.values.items()}
        return replace(self, seeds=tuple(seeds), items=items, values=values)


def align(*tables: Table) -> list[Table] | None:
    """Return the tables on the seeds and items they share; None where they share none."""
    seeds = sorted(set.intersection(*(set(table.seeds) for table in tables)))
    items = reduce(np.intersect1d, [table.items for table in tables])
    if not seeds or not len(items):
        return None
    return [table.only(seeds, items) for table in tables]


def one_value(table: Table | None, name: str) -> Table | None:
    """One number per seed and item, ``value``: of several radii the standard one.

    None where the table, or the name in it, is not there.
    """
    if table is None or name not in table.values:
        return None
    value = table.values[name]
    chosen = value[:, table.middle] if value.ndim == 3 else value
    return replace(table, radii=(), values={"value": chosen})


def union_table(aligned: Sequence[Table]) -> Table:
    """Survival of several threats at once, level by level, from tables of the same items."""
    levels = min(len(table.radii) for table in aligned)
    alive = np.minimum.reduce([table.values["alive"][:, :levels] for table in aligned])
    first = aligned[0]
    alive = alive * first.values["clean"][:, None]
    radii = tuple(float(level) for level in range(levels))
    return Table(first.seeds, first.items, radii, {"alive": alive})


def attack_table(cells: Sequence[CellRecord]) -> Table | None:
    """Return survival per seed, radius and item from the attack cells of one threat.

    Values: ``clean`` ``(S, N)``, and ``alive``, ``random``, ``length`` ``(S, R, N)``.
    """
    if not cells:
        return None
    radii = tuple(float(radius) for radius in cells[0].cell["threat"]["radii"])
    rows = []
    for cell in cells:
        count, n = len(radii), len(cell.array("items"))
        shapes = {"correct": (n,)} | dict.fromkeys(
            ("broken", "random_correct", "length"), (count, n)
        )
        for name, shape in shapes.items():
            _shaped(cell, name, shape)
        correct = cell.array("correct").astype(bool)
        rows.append(
            {
                "clean": correct.astype(np.float64),
                "alive": (correct & ~cell.array("broken").astype(bool)).astype(np.float64),
                "random": cell.array("random_correct").astype(np.float64),
                "length": cell.array("length").astype(np.float64),
            }
        )
    return _stacked(cells, radii, rows)


def probe_table(cells: Sequence[CellRecord]) -> Table | None:
    """Return every per-item array of the probe cells of one training, ``(S, N)`` each."""
    if not cells:
        return None
    names = set.intersection(*(set(cell.items) for cell in cells)) - {"items", "y"}
    rows = []
    for cell in cells:
        n = len(cell.array("items"))
        kept = sorted(name for name in names if cell.items[name].shape == (n,))
        rows.append({name: cell.items[name].astype(np.float64) for name in kept})
    return _stacked(cells, (), rows)


def timing_table(cells: Sequence[CellRecord]) -> Table | None:
    """Return, per level and without any change, the share of draws answered right, ``(S, N)``.

    Names are ``"undisturbed"`` and those of ``level_name``.
    """
    if not cells:
        return None
    rows = []
    for cell in cells:
        n, draws = len(cell.array("items")), int(cell.cell["draws"])
        row = {UNDISTURBED: _shaped(cell, "correct", (n,)).astype(np.float64)}
        for kind, levels in sorted(cell.cell["levels"].items()):
            shares = _shaped(cell, kind, (len(levels), n)) / draws
            row |= {level_name(kind, x): shares[i] for i, x in enumerate(levels)}
        rows.append(row)
    return _stacked(cells, (), rows)


def _shaped(cell: CellRecord, name: str, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """An array of a cell, if it has the shape it must have."""
    if cell.array(name).shape != shape:
        raise FileProblem(
            f"{cell.folder / 'items.npz'}: {name!r} must have shape {shape}; got "
            f"{cell.array(name).shape}. Delete the cell's folder and run again."
        )
    return cell.array(name)


def _stacked(
    cells: Sequence[CellRecord], radii: tuple[float, ...], rows: Sequence[Mapping[str, Floats]]
) -> Table | None:
    """One table from one set of arrays per seed, on the items all seeds share."""
    singles = []
    for cell, row in zip(cells, rows, strict=True):
        order = np.argsort(cell.array("items"), kind="stable")
        values = {name: value[None, ..., order] for name, value in row.items()}
        singles.append(Table((cell.seed,), cell.array("items")[order], radii, values))
    items = reduce(np.intersect1d, [table.items for table in singles])
    if not len(items):
        return None
    singles = sorted((one.only(one.seeds, items) for one in singles), key=lambda one: one.seeds)
    values = {name: np.concatenate([one.values[name] for one in singles]) for name in rows[0]}
    return Table(tuple(one.seeds[0] for one in singles), items, radii, values)
