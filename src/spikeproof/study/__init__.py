"""Whole studies: a plan, and cells that survive being killed."""

from typing import TYPE_CHECKING

from spikeproof.faces import lazy_face

if TYPE_CHECKING:
    from spikeproof.study.assemble import job_of, network_of, training_items
    from spikeproof.study.audits import audit_folder, audit_plan, refuse_other_audit
    from spikeproof.study.beat import CellStep, under_way
    from spikeproof.study.cells import Cell, cells_of, expected_passes
    from spikeproof.study.compute import Done, attempt
    from spikeproof.study.engine import (
        EXECUTORS,
        Executor,
        InProcess,
        ProcessPool,
        Ray,
        Session,
        Slurm,
        chosen,
    )
    from spikeproof.study.expected import expected_seconds
    from spikeproof.study.fingerprint import code_sha256
    from spikeproof.study.inputs import InputsPlan
    from spikeproof.study.load import load_plan, plans
    from spikeproof.study.merge import Merged, merge
    from spikeproof.study.network import NetworkPlan
    from spikeproof.study.own import network_in
    from spikeproof.study.plan import ComputePlan, DataPlan, Plan, TrainingPlan
    from spikeproof.study.resources import Resources
    from spikeproof.study.run import CellsFailed, Progress, RunInterrupted, run
    from spikeproof.study.shards import Shard
    from spikeproof.study.status import CellFailure, Status, status
    from spikeproof.study.store import CellFolder, RunFolder
    from spikeproof.study.timing import TimingPlan
    from spikeproof.study.work import work

__all__ = [
    "EXECUTORS",
    "Cell",
    "CellFailure",
    "CellFolder",
    "CellStep",
    "CellsFailed",
    "ComputePlan",
    "DataPlan",
    "Done",
    "Executor",
    "InProcess",
    "InputsPlan",
    "Merged",
    "NetworkPlan",
    "Plan",
    "ProcessPool",
    "Progress",
    "Ray",
    "Resources",
    "RunFolder",
    "RunInterrupted",
    "Session",
    "Shard",
    "Slurm",
    "Status",
    "TimingPlan",
    "TrainingPlan",
    "attempt",
    "audit_folder",
    "audit_plan",
    "cells_of",
    "chosen",
    "code_sha256",
    "expected_passes",
    "expected_seconds",
    "job_of",
    "load_plan",
    "merge",
    "network_in",
    "network_of",
    "plans",
    "refuse_other_audit",
    "run",
    "status",
    "training_items",
    "under_way",
    "work",
]

lazy_face(__name__)
