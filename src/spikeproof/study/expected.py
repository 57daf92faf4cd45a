"""How long a study may take, before anything of it is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import nn

from spikeproof.base import device_of
from spikeproof.data import Dataset
from spikeproof.evaluate import seconds_per_pass
from spikeproof.study.assemble import network_of
from spikeproof.study.cells import Cell
from spikeproof.study.datasets import dataset_of, items_scale
from spikeproof.study.own import network_in
from spikeproof.study.plan import DataPlan, Plan

__all__ = ["expected_seconds"]


def expected_seconds(plan: Plan, cells: Sequence[Cell], *, workers: int = 1) -> float:
    """Return about how long some cells of a plan will take on this machine.

    A few passes of one network per data set tell the pace; cells say how many passes they are
    expected to take. Networks that break early take less than half of it, robust ones all.

    Args:
        plan: The study.
        cells: What is to be computed of it.
        workers: Cells computed at a time.
    Raises:
        SettingError: the device that the plan names is not there.
    Cost:
        A few passes of at most 64 items for each data set.
    """
    device = device_of(plan.compute.device)
    seconds = []
    for part in plan.data:
        own = [cell for cell in cells if cell.cell["data"] == part.name and cell.cost]
        if own:
            data = dataset_of(part)
            network = _network(plan, part, data).to(device)
            few = data.validation if len(data.validation) else data.train
            x = few.x[:64].to(device)
            paces = {n: seconds_per_pass(network, x, attacked=n) for n in set(map(_items, own))}
            seconds += [paces[_items(cell)] * _passes(cell, cells, data) for cell in own]
    return max(sum(seconds) / max(1, workers), *seconds, 0.0)


def _items(cell: Cell) -> int | None:
    """How many items a cell attacks; None for a training, whose batches are whole."""
    return None if cell.kind == "train" else int(cell.cell.get("items", 0)) or None


def _network(plan: Plan, part: DataPlan, data: Dataset) -> nn.Module:
    """A network that is as fast as those of a data set."""
    trainings = plan.trainings(part.name)
    if trainings:
        return network_of(part, trainings[0], data)
    return network_in(plan.networks(part.name)[0], data)


def _passes(cell: Cell, cells: Sequence[Cell], data: Dataset) -> float:
    """Passes of single items that the effort of a cell stands for."""
    holder: Mapping[str, object] = next(
        (one.cell for one in cells if one.id in (cell.parent, cell.id) and "model" in one.cell), {}
    )
    model = holder.get("model", {})
    steps = model.get("timesteps", 1) if isinstance(model, Mapping) else 1
    return cell.cost * 1000 / (int(steps) * items_scale(data))
