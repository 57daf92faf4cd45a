"""What a run folder says: accuracies, curves, transfer, probes, each with its interval."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spikeproof.analysis.accuracy import curve_of, matrix_rows
from spikeproof.analysis.examples import ExampleItem, examples
from spikeproof.analysis.frame import frame
from spikeproof.analysis.matrix import Matrix
from spikeproof.analysis.norms import by_order
from spikeproof.analysis.plain_results import plain_results, shown_results
from spikeproof.analysis.provenance import provenance
from spikeproof.analysis.records import Arrays, CellRecord, cell_record
from spikeproof.analysis.rows import (
    Competing,
    Curve,
    LayerActivity,
    TimingRow,
    TransferRow,
)
from spikeproof.analysis.run import RunRecords
from spikeproof.analysis.tables import (
    Table,
    align,
    attack_table,
    one_value,
    probe_table,
    timing_table,
    union_table,
)
from spikeproof.analysis.transfer import competing_rows, transfer_rows
from spikeproof.base import is_there
from spikeproof.metrics import Estimate, Intervals
from spikeproof.runs import read_run

__all__ = ["Results", "results"]


def results(folder: Path | str, *, draws: int = 2000) -> Results:
    """Read the completed cells of a run folder, or an audit that ``Audit.save`` wrote.

    Args:
        folder: Where ``run`` wrote; it may still be incomplete. Or the folder of an audit.
        draws: Resamples behind the intervals of medians and rank correlations.
    Returns:
        Everything that can be said so far.
    Raises:
        FileProblem: no run there, or a file in it that is not whole or was changed; the sentence
            names it.
        UnreadableFile: a file is there, and the system does not let us read it.
    Example:
        >>> results("no-such-run")
        Traceback (most recent call last):
        spikeproof.base.errors.FileProblem: There is no run folder at no-such-run.
    """
    if is_there(Path(folder) / "audit.json"):
        from spikeproof.analysis.saved_audit import audit_results  # it stands on this module

        return audit_results(Path(folder), draws=draws)
    found = read_run(folder)
    cells = [
        cell_record(found.folder / "cells" / name, record)
        for name, record in sorted(found.records.items())
    ]
    return Results(found.folder, found.plan, cells, draws=draws)


class Results(RunRecords):
    """The completed cells of a study, as the tables and curves of a report.

    Every estimate has a 95 % interval, over networks and items from three networks on and else
    given these networks (``Estimate.over``); it is the same on every call. Accuracies are
    fractions. What no completed cell tells is None or left out, so that a run can be read while it
    is still at work.

    Args:
        folder: The run folder.
        plan: Content of its ``plan.json``.
        cells: Its completed cells.
        draws: Resamples behind the intervals of medians and rank correlations.
    """

    def __init__(
        self,
        folder: Path,
        plan: Mapping[str, Any],
        cells: Sequence[CellRecord],
        *,
        draws: int = 2000,
    ) -> None:
        super().__init__(folder, plan, cells)
        self.draws = draws
        self._intervals: dict[tuple[int, int], Intervals] = {}
        self._tables: dict[tuple[str, ...], Table | None] = {}

    def _kept(self, key: tuple[str, ...], make: Callable[[], Table | None]) -> Table | None:
        """A table, made at the first call."""
        if key not in self._tables:
            self._tables[key] = make()
        return self._tables[key]

    def intervals(self, table: Table) -> Intervals:
        """The intervals for tables of this size."""
        size = (len(table.seeds), len(table.items))
        if size not in self._intervals:
            self._intervals[size] = Intervals(*size, draws=self.draws)
        return self._intervals[size]

    def table(self, data: str, training: str, threat: str) -> Table | None:
        """Survival per seed, radius and item; None where no such cell is complete, or withheld."""
        held = (data, training) in self.withheld
        return None if held else self._attacked(data, training, threat)

    def _attacked(self, data: str, training: str, threat: str) -> Table | None:
        """The same, whether it is to be stated or not."""
        cells = self.of_kind("attack", data, training)
        cells = [cell for cell in cells if cell.cell["threat"]["name"] == threat]
        return self._kept(("attack", data, training, threat), lambda: attack_table(cells))

    def probe(self, data: str, training: str) -> Table | None:
        """Probe numbers per seed and item; None where no such cell is complete."""
        cells = self.of_kind("probe", data, training)
        return self._kept(("probe", data, training), lambda: probe_table(cells))

    def timed(self, data: str, training: str) -> Table | None:
        """Right answers per seed and item, by level; None where no such cell is complete."""
        cells = self.of_kind("timing", data, training)
        return self._kept(("timing", data, training), lambda: timing_table(cells))

    def union(
        self, data: str, training: str, among: Sequence[str] | None = None
    ) -> tuple[Table, tuple[str, ...]] | None:
        """Survival of several threats at once, ``alive`` per level, and the threats in it.

        All that measure in an l_p norm, where none are named.
        """
        there = self.threats(data)
        members = tuple(by_order(there) if among is None else (t for t in there if t in among))
        tables = [self.table(data, training, threat) for threat in members]
        present = [table for table in tables if table is not None]
        aligned = align(*present) if members and len(present) == len(members) else None
        return None if aligned is None else (union_table(aligned), members)

    def right_when_clean(self, data: str, training: str) -> Table | None:
        """Whether each item is right without an attack, ``value`` per seed and item."""
        tables = (self._attacked(data, training, threat) for threat in self.threats(data))
        return one_value(next((one for one in tables if one is not None), None), "clean")

    def survival(self, data: str, training: str, *threats: str) -> Table | None:
        """Whether each item survives the standard radius of a threat, or of several at once.

        None where a single threat was not attacked; of several, those count that were.
        """
        if len(threats) == 1:
            return one_value(self.table(data, training, threats[0]), "alive")
        found = self.union(data, training, threats)
        return None if found is None else one_value(found[0], "alive")

    def right_under_timing(self, data: str, training: str, level: str) -> Table | None:
        """The share of draws answered right at a level, as ``TimingRow.what`` names it."""
        return one_value(self.timed(data, training), level)

    def probed(self, data: str, training: str, name: str) -> Table | None:
        """One array of the probe, such as ``"g_l1"``."""
        return one_value(self.probe(data, training), name)

    def share(self, table: Table | None) -> Estimate | None:
        """The mean of a share in [0, 1] per seed and item; None where there is none."""
        return None if table is None else self.intervals(table).share(table.values["value"])

    def mean(self, table: Table | None) -> Estimate | None:
        """The mean of any other value per seed and item; None where there is none."""
        return None if table is None else self.intervals(table).mean(table.values["value"])

    def difference(
        self, table: Table | None, other: Table | None, *, shares: bool = True
    ) -> Estimate | None:
        """How much larger the mean of one table is, paired by the seeds and items both have.

        The other table may come from another run. Both hold shares, or any other numbers.
        """
        aligned = align(table, other) if table is not None and other is not None else None
        if aligned is None:
            return None
        one, two = aligned
        intervals, values = self.intervals(one), (one.values["value"], two.values["value"])
        return intervals.difference(*values) if shares else intervals.mean(values[0] - values[1])

    def clean(self, data: str, training: str) -> Estimate | None:
        """Clean accuracy; None where no attack cell of the training is complete."""
        return self.share(self.right_when_clean(data, training))

    def matrix(self, data: str) -> Matrix:
        """Robust accuracy of every training under every threat at every radius, and the unions.

        An item survives the union at a level if it is right when clean and under every l_p threat
        of the data set at that level.
        """
        return Matrix(matrix_rows(self, data))

    def curve(self, data: str, training: str, threat: str) -> Curve | None:
        """Accuracy against the radius; None where no such cell is complete."""
        table = self.table(data, training, threat)
        origin: dict[str, Any] = {"data": data, "training": training, "threat": threat}
        return None if table is None else Curve(**origin, **curve_of(table, self.intervals(table)))

    def transfer(self, data: str) -> list[TransferRow]:
        """Gain and transfer ratio of every training under every threat, at its middle radius."""
        return transfer_rows(self, data)

    def competing(self, data: str) -> list[Competing]:
        """Competitiveness of every training over the threats that have a dedicated training."""
        return competing_rows(self, data)

    def timing(self, data: str) -> list[TimingRow]:
        """Accuracy under random timing noise, every training at every level; empty if not asked."""
        rows = []
        for training in self.trainings(data):
            table = self.timed(data, training)
            if table is not None:
                shares = self.intervals(table).share
                for name, value in table.values.items():
                    kind, _, level = name.partition(" ")
                    where = {"data": data, "training": training, "kind": kind}
                    rows.append(TimingRow(**where, level=float(level or 0), estimate=shares(value)))
        return rows

    def probes(self, data: str, training: str) -> Arrays:
        """Every per-item array of the probe, the seeds one after the other; empty if absent.

        ``seed`` and ``item`` say where each entry comes from.
        """
        table = self.probe(data, training)
        if table is None:
            return {}
        arrays: Arrays = {name: value.ravel() for name, value in table.values.items()}
        arrays["seed"] = np.repeat(np.asarray(table.seeds), len(table.items))
        arrays["item"] = np.tile(table.items, len(table.seeds))
        return arrays

    def activity(self, data: str, training: str) -> list[LayerActivity]:
        """Firing of every spiking layer on the probe's items, the mean over seeds."""
        found = [cell.result["activity"] for cell in self.of_kind("probe", data, training)]
        layers = list(dict.fromkeys(layer for one in found for layer in one))
        rows = []
        for layer in layers:
            seeds = [one[layer] for one in found if layer in one]
            mean = {k: sum(e[k] for e in seeds) / len(seeds) for k in ("rate", "dead", "saturated")}
            rows.append(LayerActivity(layer=layer, seeds=len(seeds), **mean))
        return rows

    def gallery(self, data: str) -> list[ExampleItem]:
        """A few items that attacks broke, and what became of them under every attack."""
        return examples(self.of_kind("attack", data))

    def frame(self) -> dict[str, list[Any]]:
        """Every network at every radius as columns, one row each; see ``docs/export.md``.

        A plain dictionary, whether pandas is there or not: ``pandas.DataFrame(results.frame())``.
        """
        return frame(self)

    def provenance(self) -> dict[str, Any]:
        """Where the numbers come from: plan, versions, hashes, seeds, time, and what is missing."""
        return provenance(self, self.draws)

    def to_dict(self) -> dict[str, Any]:
        """Every row as plain JSON data, without the per-item arrays and the gallery."""
        return plain_results(self)

    def _repr_html_(self) -> str:
        """What a notebook shows: the matrix of every data set at the standard radii."""
        return shown_results(self)
