"""Robust accuracy as rows: the matrix of trainings and threats, its unions, and curves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from spikeproof.analysis.loudness import loudness
from spikeproof.analysis.rows import MatrixCell
from spikeproof.analysis.tables import Table
from spikeproof.metrics import Intervals, curve_weights

if TYPE_CHECKING:
    from spikeproof.analysis.results import Results

__all__ = ["curve_of", "matrix_rows"]


def matrix_rows(results: Results, data: str) -> list[MatrixCell]:
    """Robust accuracy of every training under every threat at every radius, and the unions."""
    rows: list[MatrixCell] = []
    loud = loudness(results, data)
    for training in results.trainings(data):
        origin: dict[str, Any] = {"data": data, "training": training}
        for threat in results.threats(data):
            table = results.table(data, training, threat)
            if table is not None:
                shares = results.intervals(table).share
                rows += [
                    MatrixCell(
                        **origin,
                        threat=threat,
                        radius=radius,
                        level=level,
                        estimate=shares(table.values["alive"][:, level]),
                        decibels=loud.get((threat, radius), ""),
                    )
                    for level, radius in enumerate(table.radii)
                ]
        rows += _unions(results, data, training)
    return rows


def _unions(results: Results, data: str, training: str) -> list[MatrixCell]:
    """The union cells of one training."""
    found = results.union(data, training)
    if found is None:
        return []
    table, members = found
    shares = results.intervals(table).share
    return [
        MatrixCell(
            data=data,
            training=training,
            threat="union",
            radius=None,
            level=level,
            estimate=shares(table.values["alive"][:, level]),
            members=members,
        )
        for level in range(len(table.radii))
    ]


def curve_of(table: Table, intervals: Intervals) -> dict[str, Any]:
    """Accuracy against the radius, the fields of ``Curve`` that say what was measured."""
    clean = table.values["clean"][:, None]
    alive = np.concatenate([clean, table.values["alive"]], axis=1)
    randomly = np.concatenate([clean, table.values["random"]], axis=1)
    radii = (0.0, *table.radii)
    points = [intervals.share(alive[:, level]) for level in range(len(radii))]
    return {
        "radii": radii,
        "accuracy": tuple(point.value for point in points),
        "low": tuple(point.low for point in points),
        "high": tuple(point.high for point in points),
        "random_accuracy": tuple(float(mean) for mean in randomly.mean((0, 2))),
        "area": intervals.share(np.einsum("r,srn->sn", curve_weights(radii), alive)),
    }
