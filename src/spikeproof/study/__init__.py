"""Whole studies: a plan, cells that survive being killed, and what follows from their records."""

from spikeproof.study.analysis_rows import (
    Competing,
    Curve,
    LayerActivity,
    MatrixCell,
    TimingRow,
    Transfer,
)
from spikeproof.study.cells import Cell, cells_of
from spikeproof.study.code import code_sha256
from spikeproof.study.engine import Executor, InProcess, ProcessPool
from spikeproof.study.extract import extract, extracted
from spikeproof.study.folder import RunFolder
from spikeproof.study.inputs import InputsPlan
from spikeproof.study.load import load_plan, plans
from spikeproof.study.plan import DataPlan, Plan, TrainingPlan
from spikeproof.study.recipe import assignment_of, network_of, training_items
from spikeproof.study.record import CellFolder
from spikeproof.study.results import Results, results
from spikeproof.study.run import CellsFailed, Progress, run
from spikeproof.study.status import Failure, Status, status
from spikeproof.study.timing import TimingPlan
from spikeproof.study.verdicts import CLAIMS, Part, Verdict, verdicts
from spikeproof.study.work import Done

__all__ = [
    "CLAIMS",
    "Cell",
    "CellFolder",
    "CellsFailed",
    "Competing",
    "Curve",
    "DataPlan",
    "Done",
    "Executor",
    "Failure",
    "InProcess",
    "InputsPlan",
    "LayerActivity",
    "MatrixCell",
    "Part",
    "Plan",
    "ProcessPool",
    "Progress",
    "Results",
    "RunFolder",
    "Status",
    "TimingPlan",
    "TimingRow",
    "TrainingPlan",
    "Transfer",
    "Verdict",
    "assignment_of",
    "cells_of",
    "code_sha256",
    "extract",
    "extracted",
    "load_plan",
    "network_of",
    "plans",
    "results",
    "run",
    "status",
    "training_items",
    "verdicts",
]
