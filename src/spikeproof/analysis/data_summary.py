"""Everything a run says of one data set, computed once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spikeproof.analysis.best import BestTraining, best_rows
from spikeproof.analysis.masking import MaskingSigns, masking_signs
from spikeproof.analysis.records import Arrays
from spikeproof.analysis.rows import (
    Competing,
    Curve,
    LayerActivity,
    MatrixCell,
    TimingRow,
    TransferRow,
)
from spikeproof.metrics import Estimate

if TYPE_CHECKING:
    from spikeproof.analysis.results import Results

__all__ = ["DataSummary", "data_summary"]


@dataclass(frozen=True, kw_only=True)
class DataSummary:
    """What the completed cells of one data set say; what none tells is left out.

    Args:
        data: Data set.
        trainings: Names of its trainings, in the order of the plan.
        threats: Threats it was attacked with, l_p from large to small p, then the others.
        sparse: The trainings that only add a sparse-gradient term, on clean inputs.
        undefended: The training with cross-entropy on clean inputs alone; None where there is none.
        clean: TrainingSettings → clean accuracy.
        matrix: Robust accuracy of every training under every threat at every radius, and the
            unions.
        curves: Accuracy against the radius, training by training.
        best: The training that keeps most, column by column.
        transfer: Gain and transfer ratio of every training under every threat.
        competing: Competitiveness over the threats that have a dedicated training.
        timing: Accuracy under random changes of spike timing.
        probes: TrainingSettings → per-item arrays of its probe, empty where it was not probed.
        masking: Signs of gradient masking, one entry per training.
        activity: TrainingSettings → firing of its layers.
    """

    data: str
    trainings: tuple[str, ...]
    threats: tuple[str, ...]
    sparse: tuple[str, ...]
    undefended: str | None
    clean: Mapping[str, Estimate]
    matrix: tuple[MatrixCell, ...]
    curves: tuple[Curve, ...]
    best: tuple[BestTraining, ...]
    transfer: tuple[TransferRow, ...]
    competing: tuple[Competing, ...]
    timing: tuple[TimingRow, ...]
    probes: Mapping[str, Arrays]
    masking: tuple[MaskingSigns, ...]
    activity: Mapping[str, tuple[LayerActivity, ...]]


def data_summary(results: Results, data: str) -> DataSummary:
    """Compute everything of one data set.

    Args:
        results: From :func:`spikeproof.analysis.results`.
        data: Data set of the run.
    """
    trainings, threats = results.trainings(data), results.threats(data)
    clean = {training: results.clean(data, training) for training in trainings}
    curves = [results.curve(data, training, t) for training in trainings for t in threats]
    matrix = results.matrix(data)
    probes = {training: results.probes(data, training) for training in trainings}
    return DataSummary(
        data=data,
        trainings=tuple(trainings),
        threats=tuple(threats),
        sparse=tuple(results.sparse(data)),
        undefended=results.undefended(data),
        clean={name: estimate for name, estimate in clean.items() if estimate is not None},
        matrix=tuple(matrix),
        curves=tuple(curve for curve in curves if curve is not None),
        best=tuple(best_rows(results, data)),
        transfer=tuple(results.transfer(data)),
        competing=tuple(results.competing(data)),
        timing=tuple(results.timing(data)),
        probes=probes,
        masking=tuple(masking_signs(data, probes, matrix)),
        activity={name: tuple(results.activity(data, name)) for name in trainings},
    )
