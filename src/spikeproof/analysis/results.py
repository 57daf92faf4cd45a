"""What a run folder says: accuracies, curves, transfer, probes, each with its interval."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from spikeproof.analysis.provenance import provenance
from spikeproof.analysis.records import Arrays, read_cells, read_plan
from spikeproof.analysis.rows import (
    Competing,
    Curve,
    LayerActivity,
    MatrixCell,
    TimingRow,
    Transfer,
    plain,
)
from spikeproof.analysis.run import Tables
from spikeproof.analysis.tables import Table, align
from spikeproof.analysis.transfer import competing_rows, transfer_rows
from spikeproof.metrics import (
    Estimate,
    curve_weights,
)

__all__ = ["Results", "results"]


def results(folder: Path | str, *, draws: int = 2000) -> Results:
    """Read the completed cells of a run folder.

    Args:
        folder: Where ``run`` wrote; it may still be incomplete.
        draws: Bootstrap resamples behind every interval.
    Returns:
        Everything that can be said so far.
    Raises:
        FileProblem: no run there, or a file in it that is not whole; the sentence names it.
    Example:
        >>> results("no-such-run")
        Traceback (most recent call last):
        spikeproof.base.errors.FileProblem: There is no run folder at no-such-run.
    """
    where = Path(folder)
    plan, cells = read_plan(where), read_cells(where)
    listed = plan.get("cells")
    if isinstance(listed, list):
        # What an earlier plan or earlier code left in the folder is not part of this study.
        wanted = {str(one["id"] if isinstance(one, dict) else one) for one in listed}
        cells = [cell for cell in cells if cell.id in wanted]
    return Results(where, plan, cells, draws=draws)


class Results(Tables):
    """The completed cells of a study, as the tables and curves of a report.

    Every interval is a 95 % percentile interval of a paired bootstrap over seeds and items; it is
    the same on every call. Accuracies are fractions. What no completed cell tells is None or left
    out, so that a run can be read while it is still at work.

    Args:
        folder: The run folder.
        plan: Content of its ``plan.json``.
        cells: Its completed cells.
        draws: Bootstrap resamples behind every interval.
    """

    def clean(self, data: str, training: str) -> Estimate | None:
        """Clean accuracy; None where no attack cell of the training is complete."""
        return self.mean(data, training, "clean")

    def mean(self, data: str, training: str, what: str | tuple[str, ...]) -> Estimate | None:
        """The mean of what ``per_item`` finds over seeds and items; None where it finds nothing."""
        table = self.per_item(data, training, what)
        return None if table is None else self.bootstrap(table).mean(table.values["value"])

    def difference(
        self,
        data: str,
        training: str,
        other: str,
        what: str | tuple[str, ...],
        *,
        of: Results | None = None,
    ) -> Estimate | None:
        """How much larger the mean is than another training's, paired by seed and item.

        The other training is one ``of`` another run where that is given; then the seeds and items
        count that both runs have.
        """
        tables = [
            self.per_item(data, training, what),
            (of or self).per_item(data, other, what),
        ]
        whole = [table for table in tables if table is not None]
        aligned = align(*whole) if len(whole) == len(tables) else None
        if aligned is None:
            return None
        one, two = aligned
        return self.bootstrap(one).difference(one.values["value"], two.values["value"])

    def matrix(self, data: str) -> list[MatrixCell]:
        """Robust accuracy of every training under every threat at every radius, and the unions.

        An item survives the union at a level if it is right when clean and under every l_p threat
        of the data set at that level.
        """
        rows = []
        for training in self.trainings(data):
            for threat in self.threats(data):
                table = self.table(data, training, threat)
                if table is not None:
                    rows += self._row(data, training, threat, table)
            rows += self._unions(data, training)
        return rows

    def _row(self, data: str, training: str, threat: str, table: Table) -> list[MatrixCell]:
        """The cells of one training and threat."""
        means = self.bootstrap(table).mean
        return [
            MatrixCell(
                data=data,
                training=training,
                threat=threat,
                radius=radius,
                level=level,
                estimate=means(table.values["alive"][:, level]),
            )
            for level, radius in enumerate(table.radii)
        ]

    def _unions(self, data: str, training: str) -> list[MatrixCell]:
        """The union cells of one training."""
        found = self.union(data, training)
        if found is None:
            return []
        table, members = found
        rows = self._row(data, training, "union", table)
        return [
            MatrixCell(
                data=data,
                training=training,
                threat="union",
                radius=None,
                level=row.level,
                estimate=row.estimate,
                members=members,
            )
            for row in rows
        ]

    def curve(self, data: str, training: str, threat: str) -> Curve | None:
        """Accuracy against the radius; None where no such cell is complete."""
        table = self.table(data, training, threat)
        if table is None:
            return None
        boot, clean = self.bootstrap(table), table.values["clean"][:, None]
        alive = np.concatenate([clean, table.values["alive"]], axis=1)
        randomly = np.concatenate([clean, table.values["random"]], axis=1)
        radii = (0.0, *table.radii)
        points = [boot.mean(alive[:, level]) for level in range(len(radii))]
        return Curve(
            data=data,
            training=training,
            threat=threat,
            radii=radii,
            accuracy=tuple(point.value for point in points),
            low=tuple(point.low for point in points),
            high=tuple(point.high for point in points),
            random_accuracy=tuple(float(mean) for mean in randomly.mean((0, 2))),
            area=boot.mean(np.einsum("r,srn->sn", curve_weights(radii), alive)),
        )

    def transfer(self, data: str) -> list[Transfer]:
        """Transfer ratio of every training to every threat, at the middle radius of each ladder."""
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
                means = self.bootstrap(table).mean
                for name, value in table.values.items():
                    kind, _, level = name.partition(" ")
                    where = {"data": data, "training": training, "kind": kind}
                    rows.append(TimingRow(**where, level=float(level or 0), estimate=means(value)))
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
        found = [cell.result["activity"] for cell in self._of("probe", data, training)]
        layers = list(dict.fromkeys(layer for one in found for layer in one))
        rows = []
        for layer in layers:
            here = [one[layer] for one in found if layer in one]
            mean = {k: sum(e[k] for e in here) / len(here) for k in ("rate", "dead", "saturated")}
            rows.append(LayerActivity(layer=layer, seeds=len(here), **mean))
        return rows

    def gallery(self, data: str) -> list[dict[str, Any]]:
        """Broken items of every attack cell that kept some, as arrays with their origin."""
        rows = []
        for cell in self._of("attack", data):
            arrays = cell.gallery()
            if arrays and len(arrays["y"]):
                origin = {"training": cell.training, "seed": cell.seed}
                rows.append({**origin, "threat": str(cell.cell["threat"]["name"]), **arrays})
        return rows

    def provenance(self) -> dict[str, Any]:
        """Where the numbers come from: plan, versions, hashes, seeds, time, and what is missing."""
        return provenance(self)

    def to_dict(self) -> dict[str, Any]:
        """Every row as plain JSON data, without the per-item arrays and the gallery."""
        out: dict[str, Any] = {"schema": 1, "split": self.split}
        out |= {"provenance": self.provenance(), "data": {}}
        for data in self.data():
            trainings = self.trainings(data)
            curves = [self.curve(data, n, t) for n in trainings for t in self.threats(data)]
            out["data"][data] = {
                "trainings": trainings,
                "threats": self.threats(data),
                "clean": {name: self.clean(data, name) for name in trainings},
                "matrix": self.matrix(data),
                "curves": [curve for curve in curves if curve is not None],
                "transfer": self.transfer(data),
                "competing": self.competing(data),
                "timing": self.timing(data),
                "activity": {name: self.activity(data, name) for name in trainings},
            }
        tidy: dict[str, Any] = plain(out)
        return tidy
