"""Running a plan where a person can watch it; ``demo`` and ``study run`` share it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spikeproof.cli.progress import watching
from spikeproof.cli.show import note

__all__ = ["run_plan"]


def run_plan(
    name: str,
    folder: Path | None,
    workers: int | None,
    seed: int,
    *,
    executor: str | None = None,
    asked: Mapping[str, Any] | None = None,
    shard: str | None = None,
    device: str | None = None,
    batch_size: int | None = None,
) -> Path:
    """Compute what is missing of a plan.

    Args:
        name: A TOML file, or a plan that comes with the package.
        folder: Run folder; ``runs/`` and the plan's name by default.
        workers: Processes; the plan's number by default.
        seed: Shifts every seed of the plan, and the default folder with it.
        executor: Name of what computes the cells; what ``workers`` says by default. The plan's
            settings of an executor of that name count.
        asked: Further settings of the executor.
        device: Where the networks live; the plan's by default.
        batch_size: Rows through a network at a time; the plan's by default.
        shard: Which part of the cells, ``"2/8"``; all by default.
    Returns:
        The run folder.
    """
    note(f"Preparing {name} ...")  # before the imports, which take their seconds
    from spikeproof.analysis import claims_of
    from spikeproof.study import Shard, chosen, load_plan, run

    part = None if shard is None else Shard.from_text(shard)
    plan = load_plan(name)
    claims_of(plan.record())  # a misspelt one is named before hours are spent
    plan = dataclasses.replace(plan, seeds=tuple(number + seed for number in plan.seeds))
    named = {"device": device, "batch_size": batch_size}
    given: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    plan = dataclasses.replace(plan, compute=dataclasses.replace(plan.compute, **given))
    ending = (f"-seed{seed}" if seed else "") + (
        f"-shard{part.number}of{part.count}" if part else ""
    )
    folder = folder or Path("runs") / f"{plan.name}{ending}"
    record = chosen(plan.compute.executor, executor, asked or {})
    with watching(folder) as progress:
        run(plan, folder, workers=workers, progress=progress, executor=record, shard=part)
    return folder
