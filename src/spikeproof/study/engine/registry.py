"""The names of the executors."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, cast

from spikeproof.base import Registry
from spikeproof.study.engine.executor import Executor
from spikeproof.study.engine.local import InProcess, ProcessPool

__all__ = ["EXECUTORS", "executor_from"]

EXECUTORS: Registry[Executor] = Registry(
    "executor",
    {"in-process": InProcess, "processes": ProcessPool},
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
