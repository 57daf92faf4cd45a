"""Where cells are computed."""

from spikeproof.study.engine.executor import Executor
from spikeproof.study.engine.local import InProcess, ProcessPool

__all__ = ["Executor", "InProcess", "ProcessPool"]
