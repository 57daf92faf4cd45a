"""The verdicts on masking of one network of a run."""

from __future__ import annotations

from typing import Any

from torch import nn

from spikeproof.data import Dataset, Split
from spikeproof.evaluate import diagnose
from spikeproof.study.cells import Cell
from spikeproof.study.objects import threats_of

__all__ = ["masking_verdicts"]


def masking_verdicts(model: nn.Module, split: Split, cell: Cell, data: Dataset) -> dict[str, Any]:
    """Say of every threat of a cell whether robust accuracy of a network is to be believed.

    Args:
        model: The network, where it is to be computed.
        split: Items.
        cell: What is asked for.
        data: The data set.
    """
    found = diagnose(
        model,
        split.x,
        split.y,
        threats=threats_of(cell.cell, data.domain),
        seed=cell.cell["seed"],
        batch_size=cell.resources.batch_size,
        name=data.spec.name,
    )
    return {"n": len(split), "diagnosis": found.record()}
