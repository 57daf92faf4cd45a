"""Where cells are computed."""

from spikeproof.study.engine.arrays import read_table
from spikeproof.study.engine.executor import Executor, Session
from spikeproof.study.engine.local import InProcess, ProcessPool
from spikeproof.study.engine.orphans import refuse_orphans
from spikeproof.study.engine.ray import Ray
from spikeproof.study.engine.registry import EXECUTORS, chosen, executor_from
from spikeproof.study.engine.slurm import Slurm

__all__ = [
    "EXECUTORS",
    "Executor",
    "InProcess",
    "ProcessPool",
    "Ray",
    "Session",
    "Slurm",
    "chosen",
    "executor_from",
    "read_table",
    "refuse_orphans",
]
