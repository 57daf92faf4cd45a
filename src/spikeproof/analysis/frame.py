"""Every number of a run as one tidy table: a row per data set, training, seed, threat, radius."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from spikeproof.analysis.loudness import loudness
from spikeproof.analysis.norms import by_order
from spikeproof.analysis.records import CellRecord
from spikeproof.analysis.tables import Table, align, attack_table, union_table
from spikeproof.metrics import Estimate, Floats, Intervals

if TYPE_CHECKING:
    from spikeproof.analysis.results import Results

__all__ = ["FRAME_COLUMNS", "frame"]

FRAME_COLUMNS = (
    "data",
    "split",
    "training",
    "seed",
    "threat",
    "radius",
    "level",
    "accuracy",
    "low",
    "high",
    "n",
    "random_accuracy",
    "suite",
    "unsettled",
    "withheld",
    "overridden",
    "flags",
    "model_sha256",
    "data_sha256",
    "cell",
    "decibels",
)
"""The columns of ``Results.frame``; ``docs/export.md`` says what each means."""


def frame(results: Results) -> dict[str, list[Any]]:
    """Return the accuracy of every network at every radius, column by column.

    Each row is about one network, that of a training and a seed: its interval is over items.
    The threat ``"clean"`` stands for no attack, ``"union"`` for all l_p threats at once at a level.
    Where robust accuracy is withheld the row is there, without its numbers and with the flags.

    Args:
        results: From :func:`spikeproof.analysis.results`.
    Returns:
        Column → values, one per row, None where there is none; ``pandas.DataFrame`` takes it.
    """
    rows = [row for data in results.data() for row in _rows(results, data)]
    return {name: [row.get(name) for row in rows] for name in FRAME_COLUMNS}


def _rows(results: Results, data: str) -> Iterator[dict[str, Any]]:
    """The rows of a data set, network by network."""
    order = {name: number for number, name in enumerate(results.threats(data))}
    for training in results.trainings(data):
        attacks = results.of_kind("attack", data, training)
        for seed in dict.fromkeys(cell.seed for cell in attacks):
            own = sorted(
                (cell for cell in attacks if cell.seed == seed),
                key=lambda cell: order[str(cell.cell["threat"]["name"])],
            )
            yield from _network(results, own, by_order(order))


def _network(
    results: Results, cells: list[CellRecord], norms: list[str]
) -> Iterator[dict[str, Any]]:
    """The rows of one network: clean, every threat, and the union of those in an l_p norm."""
    first = cells[0]
    base = _facts(results, first)
    loud = loudness(results, first.data)
    tables = {cell.id: table for cell in cells if (table := attack_table([cell])) is not None}
    held = base["withheld"] is not None
    start = tables[first.id]
    # What a network answers when nobody attacks is never withheld.
    yield {**base, **_clean(start), "cell": first.id}
    for cell in cells:
        table, threat = tables[cell.id], cell.cell["threat"]
        unsettled = (cell.result.get("budget") or {}).get("unsettled", ())
        for level, radius in enumerate(table.radii):
            yield {
                **base,
                "threat": str(threat["name"]),
                "radius": radius,
                "level": level,
                **({} if held else _share(table.values["alive"][:, level])),
                "n": len(table.items),
                "random_accuracy": _mean(table.values["random"][:, level]),
                "unsettled": unsettled[level] if level < len(unsettled) else None,
                "cell": cell.id,
                "decibels": loud.get((str(threat["name"]), radius)),
            }
    named = {str(cell.cell["threat"]["name"]): tables[cell.id] for cell in cells}
    yield from _unions(base, [named[name] for name in norms if name in named], len(norms), held)


def _unions(
    base: Mapping[str, Any], tables: list[Table], norms: int, held: bool
) -> Iterator[dict[str, Any]]:
    """The rows of the union; none where not every l_p norm of the data set was attacked in."""
    aligned = align(*tables) if tables and len(tables) == norms else None
    if aligned is None:
        return
    table = union_table(aligned)
    for level in range(len(table.radii)):
        share = {} if held else _share(table.values["alive"][:, level])
        yield {**base, "threat": "union", "level": level, **share, "n": len(table.items)}


def _clean(table: Table) -> dict[str, Any]:
    """What every threat begins with."""
    share = _share(table.values["clean"])
    return {"threat": "clean", "radius": 0.0, **share, "n": len(table.items)}


def _facts(results: Results, cell: CellRecord) -> dict[str, Any]:
    """What all rows of a network say."""
    own = [
        row
        for row in results.flags
        if (row.data, row.training, row.seed) == (cell.data, cell.training, cell.seed)
    ]
    stops = results.withheld.get((cell.data, cell.training))
    return {
        "data": cell.data,
        "split": results.split,
        "training": cell.training,
        "seed": cell.seed,
        "suite": (cell.cell.get("suite") or {}).get("name"),
        "withheld": " ".join(stops) if stops else None,
        "overridden": " ".join(dict.fromkeys(r.name for r in own if r.overridden)) or None,
        "flags": " ".join(dict.fromkeys(row.name for row in own)) or None,
        "model_sha256": cell.inputs.get("model_sha256"),
        "data_sha256": cell.inputs.get("data_sha256"),
    }


def _share(alive: Floats) -> dict[str, Any]:
    """A share of one network with its interval over items."""
    found: Estimate = Intervals(*alive.shape).share(alive)
    return {"accuracy": found.value, "low": found.low, "high": found.high}


def _mean(values: Floats) -> float | None:
    """The mean of what was drawn; None where nothing was."""
    drawn = values[~np.isnan(values)]
    return float(drawn.mean()) if drawn.size else None
