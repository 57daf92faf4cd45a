"""Which training keeps most, column by column, and what that costs in clean accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spikeproof.analysis.tables import Table, one_value
from spikeproof.metrics import Estimate

if TYPE_CHECKING:
    from spikeproof.analysis.results import Results

__all__ = ["BestTraining", "best_rows"]


@dataclass(frozen=True, kw_only=True)
class BestTraining:
    """The training that keeps most in one column of the matrix, at the standard radius.

    Args:
        data: Data set.
        threat: Column: ``"clean"``, a threat or ``"union"``.
        training: The training with the highest accuracy there.
        estimate: Its accuracy in the column.
        clean: Its clean accuracy.
        tied: Trainings that the intervals do not tell from it.
        base: The undefended training; None where the run has none.
        base_estimate: Accuracy of that training in the column.
        against: The training whose clean accuracy is compared: the undefended one, else the one
            that is right most often when clean.
        clean_change: Clean accuracy of the best minus that of ``against``, paired; None where that
            is the best itself.
    """

    data: str
    threat: str
    training: str
    estimate: Estimate
    clean: Estimate
    tied: tuple[str, ...] = ()
    base: str | None = None
    base_estimate: Estimate | None = None
    against: str | None = None
    clean_change: Estimate | None = None


def best_rows(results: Results, data: str) -> list[BestTraining]:
    """Return the best training of every column of a data set: clean, each threat, the union."""
    trainings = results.trainings(data)
    rows = []
    for column in ("clean", *results.threats(data), "union"):
        tables = {name: _column(results, data, name, column) for name in trainings}
        found = {name: table for name, table in tables.items() if table is not None}
        row = _best(results, data, column, found)
        if row is not None:
            rows.append(row)
    return rows


def _column(results: Results, data: str, training: str, column: str) -> Table | None:
    """What counts in a column, ``value`` per seed and item."""
    if column == "clean":
        return results.right_when_clean(data, training)
    if column != "union":
        return results.survival(data, training, column)
    found = results.union(data, training)
    return None if found is None else one_value(found[0], "alive")


def _best(
    results: Results, data: str, column: str, tables: dict[str, Table]
) -> BestTraining | None:
    """The best of one column; None where nothing of it was measured."""
    known = {name: results.right_when_clean(data, name) for name in tables}
    clean = {name: table for name, table in known.items() if table is not None}
    if not clean:
        return None
    name = _highest(tables)
    others = [other for other in tables if other != name]
    gaps = {other: results.difference(tables[name], tables[other]) for other in others}
    base = results.undefended(data)
    against = base if base in clean else _highest(clean)
    estimate, own = results.share(tables[name]), results.share(clean[name])
    assert estimate is not None
    assert own is not None
    return BestTraining(
        data=data,
        threat=column,
        training=name,
        estimate=estimate,
        clean=own,
        tied=tuple(other for other, gap in gaps.items() if gap is None or gap.low <= 0),
        base=base,
        base_estimate=results.share(tables.get(base)) if base else None,
        against=against,
        clean_change=results.difference(clean[name], clean[against]) if against != name else None,
    )


def _highest(tables: dict[str, Table]) -> str:
    """The training with the highest mean; the first of the plan where two are equal."""
    return max(tables, key=lambda name: float(tables[name].values["value"].mean()))
