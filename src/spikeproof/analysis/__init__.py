"""What follows from the records of a run: the transfer matrix, intervals, verdicts on claims."""

from spikeproof.analysis.claims import CLAIMS, Part, Verdict, verdicts
from spikeproof.analysis.extract import extract, extracted
from spikeproof.analysis.results import Results, results
from spikeproof.analysis.rows import (
    Competing,
    Curve,
    LayerActivity,
    MatrixCell,
    TimingRow,
    Transfer,
)

__all__ = [
    "CLAIMS",
    "Competing",
    "Curve",
    "LayerActivity",
    "MatrixCell",
    "Part",
    "Results",
    "TimingRow",
    "Transfer",
    "Verdict",
    "extract",
    "extracted",
    "results",
    "verdicts",
]
