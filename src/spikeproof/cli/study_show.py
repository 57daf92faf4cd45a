"""``spikeproof study show``: the matrix of a run, and the index of its cells."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from spikeproof.cli.options import Json
from spikeproof.cli.show import note, print_json, say

__all__ = ["show", "show_matrix"]


def show(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, or an audit's.")],
    as_json: Json = False,
) -> None:
    """Print the robust accuracies of a run at the standard radii, with suite and intervals.

    Also writes RUN/index.csv, which says for every cell which data set, training, seed and threat
    it is about.

    \b
    Example:
      spikeproof study show runs/demo
    """
    record = show_matrix(folder, as_json)
    if as_json:
        print_json(record)
    elif record["index"] is not None:
        note(f"Which cell is which: {record['index']}")


def show_matrix(folder: Path, as_json: bool) -> dict[str, Any]:
    """Print the matrix of a run unless plain data are asked for, and write its index.

    Args:
        folder: The run folder.
        as_json: Whether nothing is to be printed.
    Returns:
        The matrix as plain data, and where the index lies.
    """
    from spikeproof.analysis import results
    from spikeproof.base import FileProblem
    from spikeproof.cli.matrix import matrix_record, print_matrix
    from spikeproof.runs import read_run, write_index

    found = results(folder)
    index = None
    if (folder / "plan.json").is_file():
        with suppress(FileProblem):  # a run may lie where nobody may write
            content = read_run(folder)
            index = write_index(folder, content.plan, content.records)
    if not as_json:
        print_matrix(found)
        if not found.data():
            say(f"No cell of {folder} is complete yet.")
    return {"matrix": matrix_record(found), "index": None if index is None else str(index)}
