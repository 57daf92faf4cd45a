"""Several runs of one plan become one: shards that were computed on different machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from spikeproof.base import FileProblem, SettingError
from spikeproof.study.cells import Cell
from spikeproof.study.plan import Plan
from spikeproof.study.store import CellFolder, RunFolder

__all__ = ["Merged", "merge"]


@dataclass(frozen=True, kw_only=True)
class Merged:
    """What a merge did.

    Args:
        total: Cells of the plan.
        there: Cells that the target held before.
        copied: Cells that came from the runs.
        missing: Titles of the cells that no run holds, in the order of the plan.
    """

    total: int
    there: int
    copied: int
    missing: tuple[str, ...]


def merge(runs: Sequence[Path | str], to: Path | str) -> Merged:
    """Bring the complete cells of several runs of one plan together in one run folder.

    Every file of every cell is checked against its hash before any is copied, and what two runs
    both hold must be the same. Cells are copied like new ones, record last, so that a merge
    that is killed goes on when it is called again, and one that is repeated changes nothing. The
    runs themselves are only read.

    Args:
        runs: Run folders of the same plan, such as its shards; some may still be running.
        to: The run folder that takes the cells; made if need be.
    Returns:
        How many cells came, and what is still missing.
    Raises:
        SettingError: no run, or runs of different plans, code or versions, the target among them
            where it is a run already; two of them are named.
        FileProblem: a file that is missing, truncated or changed, a cell of which two runs hold
            different bytes (both are named), or a target that cannot be written.
    Cost:
        Reads every file three times (checked, copied, listed in the manifest) and writes it once.
    """
    if not runs:
        raise SettingError("There is nothing to merge; name one run folder at least.")
    target = RunFolder(to)
    with target.lock():
        begun = [to] if (target.path / "plan.json").exists() else []
        plan, cells = _same_plan([*begun, *runs])
        target.prepare(plan, cells)
        holding = [target, *map(RunFolder, runs)]
        found = {cell.id: _holders(cell, holding) for cell in cells}
        there = copied = 0
        for cell in cells:
            if target.cell(cell).complete:
                there += 1
            elif found[cell.id]:
                target.begin()
                target.cell(cell).take(found[cell.id][0])
                copied += 1
        target.end()
    missing = tuple(cell.title for cell in cells if not found[cell.id])
    return Merged(total=len(cells), there=there, copied=copied, missing=missing)


def _same_plan(runs: Sequence[Path | str]) -> tuple[Plan, list[Cell]]:
    """The plan and cells of the runs; raise where they are not the same."""
    plan, cells = RunFolder(runs[0]).planned()
    for run in runs[1:]:
        other, theirs = RunFolder(run).planned()
        if other.sha256 != plan.sha256:
            raise SettingError(
                f"{runs[0]} and {run} are runs of different plans ({plan.name!r} and "
                f"{other.name!r}, or other settings); merge runs of one plan."
            )
        if [cell.id for cell in theirs] != [cell.id for cell in cells]:
            raise SettingError(
                f"{runs[0]} and {run} were computed with different code or versions, so their "
                "cells are not those of one study; run one of them again with the other's."
            )
    return plan, cells


def _holders(cell: Cell, runs: Sequence[RunFolder]) -> list[CellFolder]:
    """The complete folders of a cell, the same bytes in each; raise where they are not."""
    folders = [folder for run in runs if (folder := run.cell(cell)).complete]
    records = [folder.read() for folder in folders]  # checks every file against its hash
    for folder, record in zip(folders[1:], records[1:], strict=True):
        if record != records[0]:
            raise FileProblem(
                f"{folders[0].path} and {folder.path} hold different results of one cell, "
                f"{cell.title}. Find out which is right, delete the other and merge again."
            )
    return folders
