"""What follows from the records of a run: the transfer matrix, intervals, verdicts on claims."""

from spikeproof.analysis.claims import CLAIMS, Claim, Verdict, VerdictPart, claims_of, verdicts
from spikeproof.analysis.compare import Comparison, RobustDifference, SettingDifference, compare
from spikeproof.analysis.data_summary import DataSummary, data_summary
from spikeproof.analysis.extract import extract, extracted
from spikeproof.analysis.inputs import recorded_domain
from spikeproof.analysis.kinds import TrainingKind
from spikeproof.analysis.masking import LARGEST_BLIND, MaskingSigns, masking_signs
from spikeproof.analysis.records import CellRecord
from spikeproof.analysis.results import Results, results
from spikeproof.analysis.rows import (
    Competing,
    Curve,
    FlagRow,
    LayerActivity,
    MatrixCell,
    TimingRow,
    TransferRow,
)
from spikeproof.analysis.summary import Summary, summarise
from spikeproof.analysis.tables import Table
from spikeproof.analysis.verification import Verification, verify

__all__ = [
    "CLAIMS",
    "LARGEST_BLIND",
    "CellRecord",
    "Claim",
    "Comparison",
    "Competing",
    "Curve",
    "DataSummary",
    "FlagRow",
    "LayerActivity",
    "MaskingSigns",
    "MatrixCell",
    "Results",
    "RobustDifference",
    "SettingDifference",
    "Summary",
    "Table",
    "TimingRow",
    "TrainingKind",
    "TransferRow",
    "Verdict",
    "VerdictPart",
    "Verification",
    "claims_of",
    "compare",
    "data_summary",
    "extract",
    "extracted",
    "masking_signs",
    "recorded_domain",
    "results",
    "summarise",
    "verdicts",
    "verify",
]
