"""The grids of joint budgets that a run holds, network by network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from spikeproof.analysis.joint import GridSummary, summarise_grid
from spikeproof.analysis.loudness import decibels_of
from spikeproof.analysis.records import CellRecord
from spikeproof.base import FileProblem

__all__ = ["GridRow", "grid_rows"]


@dataclass(frozen=True, kw_only=True)
class GridRow:
    """The grid of joint budgets of one network.

    Args:
        data: Data set.
        training: Name of the training.
        seed: Seed of the network.
        suite: Which suite attacked it.
        summary: What the grid says.
    """

    data: str
    training: str
    seed: int
    suite: str
    summary: GridSummary


def grid_rows(
    cells: Iterable[CellRecord], withheld: Iterable[tuple[str, str]] = ()
) -> tuple[GridRow, ...]:
    """Return every grid of a run whose numbers are to be stated, network by network.

    Args:
        cells: The completed cells.
        withheld: Data sets and trainings whose robust accuracy is withheld.
    Raises:
        FileProblem: a record that holds no whole grid.
    """
    cells, held = list(cells), set(withheld)
    return tuple(
        _row(cell, cells)
        for cell in cells
        if cell.kind == "grid" and (cell.data, cell.training) not in held
    )


def _row(cell: CellRecord, cells: list[CellRecord]) -> GridRow:
    """One grid."""
    from spikeproof.evaluate import JointGrid

    try:
        grid = JointGrid.rebuilt(cell.result, cell.items)
        loud = {
            view: decibels_of(cells, cell.data, grid.threats[view], grid.radii(view), view=view)
            for view in grid.views
        }
        found = summarise_grid(grid, decibels=loud, stealth=cell.result["stealth"])
    except (KeyError, TypeError, ValueError, IndexError) as problem:
        raise FileProblem(
            f"{cell.folder} holds no whole grid of joint budgets ({problem}); delete it and run "
            "again."
        ) from None
    return GridRow(
        data=cell.data,
        training=cell.training,
        seed=cell.seed,
        suite=str(cell.cell["suite"]["name"]),
        summary=found,
    )
