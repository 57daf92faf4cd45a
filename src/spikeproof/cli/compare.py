"""``spikeproof compare``: what two runs, or two audits, did differently and what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spikeproof.cli.options import Json
from spikeproof.cli.show import print_json, print_table, say

if TYPE_CHECKING:
    from spikeproof.analysis import Comparison, RobustDifference

__all__ = ["compare"]


def compare(
    first: Annotated[Path, typer.Argument(help="Folder of a run or an audit.")],
    second: Annotated[Path, typer.Argument(help="Folder of the same kind.")],
    as_json: Json = False,
) -> None:
    """Set two runs or audits side by side: settings, robust accuracies.

    The difference is second minus first, with its 95 % interval. It is paired where both sides
    attacked the same items, with as many networks. With fewer than three networks a side it allows
    for other items only, given these networks; the last column says so.

    \b
    Example:
      spikeproof compare runs/demo runs/demo-seed2
    """
    import dataclasses

    from spikeproof import analysis

    comparison = analysis.compare(first, second)
    if as_json:
        print_json(dataclasses.asdict(comparison))
        return
    for folder, split in zip((first, second), comparison.splits, strict=True):
        if split != "test":
            say(f"{folder} looks at {split} items: its numbers are no test results.")
    for folder, flags in zip((first, second), comparison.flags, strict=True):
        for flag in flags:
            say(f"{folder}: {flag}")
    _show(comparison, first, second)


def _show(comparison: Comparison, first: Path, second: Path) -> None:
    """Both tables, or a sentence in the place of an empty one."""
    if comparison.settings:
        body = [[row.setting, row.first, row.second] for row in comparison.settings]
        print_table(["setting", str(first), str(second)], body)
    else:
        say("No setting differs.")
    if comparison.numbers:
        columns = (
            "data",
            "training",
            "threat",
            "radius",
            "first %",
            "second %",
            "difference",
            "interval",
        )
        print_table(columns, [_cells(row) for row in comparison.numbers])
    else:
        say("They have no data set, training, threat and radius in common.")


def _cells(row: RobustDifference) -> list[str]:
    """A row in percent."""
    gap, low, high = (100 * value for value in (row.difference, row.low, row.high))
    shares = [f"{100 * value:.1f}" for value in (row.first, row.second)]
    text = f"{gap:+.1f} ({low:+.1f} to {high:+.1f}){'' if row.paired else ' unpaired'}"
    words = {"items": "given these networks", "networks": "over items and networks"}
    return [row.data, row.training, row.threat, row.radius, *shares, text, words[row.over]]
