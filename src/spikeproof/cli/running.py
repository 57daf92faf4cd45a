"""Running a plan where a person can watch it; ``demo`` and ``study run`` share it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikeproof.cli.progress import span, watching
from spikeproof.cli.show import note

if TYPE_CHECKING:
    from spikeproof.study import Plan, Shard

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
    data: Sequence[str] | None = None,
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
        data: Which data sets of the plan; all by default. Trainings that are for others go too.
    Returns:
        The run folder.
    """
    note(f"Preparing {name} ...")  # before the imports, which take their seconds
    from spikeproof.analysis import claims_of
    from spikeproof.base import check_folder
    from spikeproof.study import Shard, chosen, load_plan, run

    part = None if shard is None else Shard.from_text(shard)
    plan = load_plan(name)
    plan = plan if data is None else plan.on(data)
    claims_of(plan.record())  # a misspelt one is named before hours are spent
    plan = dataclasses.replace(plan, seeds=tuple(number + seed for number in plan.seeds))
    named = {"device": device, "batch_size": batch_size}
    given: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    plan = dataclasses.replace(plan, compute=dataclasses.replace(plan.compute, **given))
    ending = (f"-seed{seed}" if seed else "") + (
        f"-shard{part.number}of{part.count}" if part else ""
    )
    folder = folder or Path("runs") / f"{plan.name}{ending}"
    check_folder(folder)  # said alone, before what is about to be computed
    record = chosen(plan.compute.executor, executor, asked or {})
    _expect(plan, folder, workers, record, part)
    with watching(folder) as progress:
        run(plan, folder, workers=workers, progress=progress, executor=record, shard=part)
    return folder


def _expect(
    plan: Plan,
    folder: Path,
    workers: int | None,
    executor: Mapping[str, Any] | None,
    part: Shard | None,
) -> None:
    """Say what is about to be computed and about how long that takes on this machine.

    Nothing where some of it is there already, whose times tell more, or where other machines work.
    """
    from spikeproof.study import RunFolder, cells_of, expected_seconds

    here = executor is None or executor["kind"] in ("in-process", "processes")
    cells = cells_of(plan) if here else []
    cells = cells if part is None else part.of(cells)
    run = RunFolder(folder)
    if not cells or any(run.cell(cell).complete for cell in cells):
        return
    many = workers or plan.workers
    beside = f" with {many} workers" if many > 1 else ""
    seconds = expected_seconds(plan, cells, workers=many)
    note(f"{_counted([cell.kind for cell in cells])}: about {span(max(1, seconds))}{beside}.")


# What a kind of cell is called, one and many.
_KINDS = {
    "train": ("training", "trainings"),
    "network": ("network", "networks"),
    "diagnosis": ("check before attacks", "checks before attacks"),
    "doctor": ("verdict on masking", "verdicts on masking"),
    "grid": ("grid of joint budgets", "grids of joint budgets"),
    "attack": ("ladder of attacks", "ladders of attacks"),
    "probe": ("probe", "probes"),
    "timing": ("measurement of spike timing", "measurements of spike timing"),
}


def _counted(kinds: list[str]) -> str:
    """How many cells of each kind, in words."""
    counts = {kind: kinds.count(kind) for kind in _KINDS if kind in kinds}
    return ", ".join(f"{count} {_KINDS[kind][count > 1]}" for kind, count in counts.items())
