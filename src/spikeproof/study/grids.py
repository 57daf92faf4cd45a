"""Grids of joint budgets as cells of a run: what a plan asks for, and how one is computed."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from spikeproof.data import Dataset, Views
from spikeproof.evaluate import FLAGS, grid_levels, grid_stealth, joint_grid, open_split
from spikeproof.models import model_digest
from spikeproof.study.objects import attack_of
from spikeproof.study.store import Arrays
from spikeproof.threats import Joint, Threat

if TYPE_CHECKING:
    from spikeproof.study.cells import Cell

__all__ = ["budget_grid", "grid_ladder"]

_KEPT = "budgets"


def grid_ladder(threats: Mapping[str, tuple[Threat, ...]], count: int) -> tuple[Threat, ...]:
    """Return the joint threat at every budget of a grid but 0; nothing where two views lack.

    The budgets of each view run from 0 to the largest radius of the joint ladder, in equal steps.

    Args:
        threats: The ladders of a data set, by name.
        count: Budgets of each view, 0 among them.
    Raises:
        SettingError: a counted radius that is the same for two of the budgets.
    """
    for ladder in threats.values():
        geometry, most = ladder[0].geometry, ladder[-1].radius
        if not isinstance(geometry, Joint) or geometry.division:
            continue
        if len(geometry.views) == 2 and all(radius for _, radius in geometry.views.values()):
            levels = grid_levels(geometry.views, [most * k / (count - 1) for k in range(count)])
            return tuple(ladder[0].at(level) for level in levels[1:])
    return ()


def budget_grid(
    model: nn.Module, data: Dataset, cell: Cell, folder: Path
) -> tuple[dict[str, Any], dict[str, Arrays], str]:
    """Attack a network at every pair of budgets of a cell.

    Args:
        model: The network of the cell, on the CPU.
        data: The data set.
        cell: What is asked for.
        folder: Of the cell; what is finished is kept in it until the end, for a killed run to go
            on from.
    Returns:
        What the record of the cell says, its arrays by file, and the hash of the weights. The
        inputs that broke items are not kept; how far they can be seen and heard is.
    """
    content = cell.cell
    ladder, attacks = attack_of(content, data.domain)
    geometry = ladder[0].geometry
    assert isinstance(geometry, Joint)
    found = joint_grid(
        model,
        data,
        geometry.views,
        factors=(0.0, *(threat.radius for threat in ladder)),
        suite=attacks,
        seed=content["seed"],
        split=content["split"],
        items=content["items"],
        skip=content["skip"],
        draws=content["draws"],
        folder=folder / _KEPT,
        despite=FLAGS,  # whoever reads the run withholds what its flags forbid
        device=cell.resources.device,
        batch_size=cell.resources.batch_size,
    )
    x = open_split(data, content["split"], content["items"], skip=content["skip"]).x.numpy()
    assert isinstance(data.domain, Views)
    seen = grid_stealth(found, x, data.domain)
    stealth = [{**one, "values": _plain(one["values"])} for one in seen]
    shutil.rmtree(folder / _KEPT, ignore_errors=True)
    result = {"n": len(found), **found.record(), "stealth": stealth}
    return result, {"items.npz": found.arrays(inputs=False)}, model_digest(model)


def _plain(values: Mapping[str, float]) -> dict[str, float]:
    """Those that JSON can say: the decibels of a change to silence are infinite."""
    return {name: value for name, value in values.items() if math.isfinite(value)}
