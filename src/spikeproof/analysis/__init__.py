"""What follows from the records of a run: the transfer matrix, intervals, verdicts on claims."""

from spikeproof.analysis.claims import CLAIMS, Verdict, VerdictPart, verdicts
from spikeproof.analysis.extract import extract, extracted
from spikeproof.analysis.kinds import TrainingKind
from spikeproof.analysis.records import CellRecord
from spikeproof.analysis.results import Results, results
from spikeproof.analysis.rows import (
    Competing,
    Curve,
    LayerActivity,
    MatrixCell,
    TimingRow,
    TransferRow,
)
from spikeproof.analysis.tables import Table

__all__ = [
    "CLAIMS",
    "CellRecord",
    "Competing",
    "Curve",
    "LayerActivity",
    "MatrixCell",
    "Results",
    "Table",
    "TimingRow",
    "TrainingKind",
    "TransferRow",
    "Verdict",
    "VerdictPart",
    "extract",
    "extracted",
    "results",
    "verdicts",
]
