"""The names of the executors."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, cast

from spikeproof.base import Registry, SettingError
from spikeproof.study.engine.executor import Executor
from spikeproof.study.engine.local import InProcess, ProcessPool
from spikeproof.study.engine.ray import Ray
from spikeproof.study.engine.slurm import Slurm

__all__ = ["EXECUTORS", "chosen", "executor_from"]

EXECUTORS: Registry[Executor] = Registry(
    "executor",
    {"in-process": InProcess, "processes": ProcessPool, "ray": Ray, "slurm": Slurm},
    group="spikeproof.executors",
)


def executor_from(record: Mapping[str, Any] | str | None, workers: int) -> Executor:
    """Return the executor of a name or record, or the usual one for a number of workers.

    Args:
        record: A name from ``EXECUTORS``, a record with settings of its own, or None: this
            process for one worker, otherwise a process each.
        workers: For an executor that has workers and a record that does not say how many.
    Raises:
        SettingError: a name or setting that does not exist.
    Example:
        >>> executor_from(None, 1), executor_from("processes", 3)
        (InProcess(), ProcessPool(workers=3))
    """
    if record is None:
        record = "in-process" if workers == 1 else "processes"
    values: dict[str, Any] = {"kind": record} if isinstance(record, str) else dict(record)
    cls = EXECUTORS[str(values.get("kind"))]
    if "workers" in {field.name for field in dataclasses.fields(cast(Any, cls))}:
        values.setdefault("workers", workers)
    return EXECUTORS.build(values)


def chosen(
    planned: Mapping[str, Any] | str | None, name: str | None, asked: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Return the record of the executor that a command line asks for, on top of a plan's.

    Args:
        planned: What the plan's ``[compute]`` says.
        name: Of an executor; the plan's where absent, whose settings count where it is the same.
        asked: Further settings.
    Returns:
        The record, or None where nobody names one.
    Raises:
        SettingError: further settings, and no executor.
    Example:
        >>> chosen({"kind": "slurm", "memory": "2G"}, "slurm", {"detach": True})
        {'kind': 'slurm', 'memory': '2G', 'detach': True}
    """
    own = {"kind": planned} if isinstance(planned, str) else dict(planned or {})
    if name is None and not own and asked:
        raise SettingError(f"{', '.join(asked)}: say which executor, --executor slurm or ray.")
    record = own if name in (None, own.get("kind")) else {"kind": name}
    return {**record, **asked} or None
