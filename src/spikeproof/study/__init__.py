"""Whole studies: a plan, and cells that survive being killed."""

from spikeproof.study.assemble import job_of, network_of, training_items
from spikeproof.study.cells import Cell, cells_of
from spikeproof.study.compute import Done
from spikeproof.study.engine import Executor, InProcess, ProcessPool
from spikeproof.study.fingerprint import code_sha256
from spikeproof.study.inputs import InputsPlan
from spikeproof.study.load import load_plan, plans
from spikeproof.study.plan import DataPlan, Plan, TrainingPlan
from spikeproof.study.run import CellsFailed, Progress, run
from spikeproof.study.status import Failure, Status, status
from spikeproof.study.store import CellFolder, RunFolder
from spikeproof.study.timing import TimingPlan

__all__ = [
    "Cell",
    "CellFolder",
    "CellsFailed",
    "DataPlan",
    "Done",
    "Executor",
    "Failure",
    "InProcess",
    "InputsPlan",
    "Plan",
    "ProcessPool",
    "Progress",
    "RunFolder",
    "Status",
    "TimingPlan",
    "TrainingPlan",
    "cells_of",
    "code_sha256",
    "job_of",
    "load_plan",
    "network_of",
    "plans",
    "run",
    "status",
    "training_items",
]
