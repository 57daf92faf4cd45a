"""What follows from the records of a run: the transfer matrix, intervals, verdicts on claims."""

from typing import TYPE_CHECKING

from spikeproof.faces import lazy_face

if TYPE_CHECKING:
    from spikeproof.analysis.attacked import MemberUse, SuiteUse, breaks, suites_used
    from spikeproof.analysis.best import BestTraining, best_rows
    from spikeproof.analysis.claims import (
        CLAIMS,
        SEVEN,
        Claim,
        Verdict,
        VerdictPart,
        claims_of,
        verdicts,
    )
    from spikeproof.analysis.compare import Comparison, RobustDifference, SettingDifference, compare
    from spikeproof.analysis.data_summary import DataSummary, data_summary
    from spikeproof.analysis.diagnosed import (
        NOT_DIAGNOSED,
        MaskingRow,
        gravest_word,
        masking_rows,
        masking_word,
        rows_of_diagnosis,
    )
    from spikeproof.analysis.examples import Example, ExampleItem
    from spikeproof.analysis.extract import extract, extracted
    from spikeproof.analysis.frame import FRAME_COLUMNS, frame
    from spikeproof.analysis.grids import GridRow, grid_rows
    from spikeproof.analysis.inputs import recorded_domain
    from spikeproof.analysis.joint import GridSummary, Stealth, stealth_of, summarise_grid
    from spikeproof.analysis.kinds import TrainingKind
    from spikeproof.analysis.loudness import decibels_of, loudness
    from spikeproof.analysis.masking import (
        LARGEST_BLIND,
        LARGEST_LEFT,
        MaskingChecks,
        MaskingSigns,
        Standing,
        masking_checks,
        masking_signs,
    )
    from spikeproof.analysis.matrix import Matrix, share_text
    from spikeproof.analysis.plain_results import matrix_title, verdict_line, withheld_lines
    from spikeproof.analysis.question import QUESTIONS, SPARSE_GRADIENT, question_of
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
    from spikeproof.analysis.works import cited, works_of

__all__ = [
    "CLAIMS",
    "FRAME_COLUMNS",
    "LARGEST_BLIND",
    "LARGEST_LEFT",
    "NOT_DIAGNOSED",
    "QUESTIONS",
    "SEVEN",
    "SPARSE_GRADIENT",
    "BestTraining",
    "CellRecord",
    "Claim",
    "Comparison",
    "Competing",
    "Curve",
    "DataSummary",
    "Example",
    "ExampleItem",
    "FlagRow",
    "GridRow",
    "GridSummary",
    "LayerActivity",
    "MaskingChecks",
    "MaskingRow",
    "MaskingSigns",
    "Matrix",
    "MatrixCell",
    "MemberUse",
    "Results",
    "RobustDifference",
    "SettingDifference",
    "Standing",
    "Stealth",
    "SuiteUse",
    "Summary",
    "Table",
    "TimingRow",
    "TrainingKind",
    "TransferRow",
    "Verdict",
    "VerdictPart",
    "Verification",
    "best_rows",
    "breaks",
    "cited",
    "claims_of",
    "compare",
    "data_summary",
    "decibels_of",
    "extract",
    "extracted",
    "frame",
    "gravest_word",
    "grid_rows",
    "loudness",
    "masking_checks",
    "masking_rows",
    "masking_signs",
    "masking_word",
    "matrix_title",
    "question_of",
    "recorded_domain",
    "results",
    "rows_of_diagnosis",
    "share_text",
    "stealth_of",
    "suites_used",
    "summarise",
    "summarise_grid",
    "verdict_line",
    "verdicts",
    "verify",
    "withheld_lines",
    "works_of",
]

lazy_face(__name__)
