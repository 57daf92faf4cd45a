"""Where cells are computed."""

from spikeproof.study.engine.executor import Executor, Session
from spikeproof.study.engine.local import InProcess, ProcessPool
from spikeproof.study.engine.registry import EXECUTORS, executor_from

__all__ = ["EXECUTORS", "Executor", "InProcess", "ProcessPool", "Session", "executor_from"]
