"""``spikeproof compare``: what runs, or audits, did differently and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spikeproof.cli.options import Json
from spikeproof.cli.show import print_json, print_table, say
from spikeproof.names import counted

if TYPE_CHECKING:
    from spikeproof.analysis import Comparison, RobustDifference, SettingDifference

__all__ = ["compare"]

_MOST_ROWS, _LONGEST = 3, 40
_OVER = {"items": "given these networks", "networks": "over items and networks"}


def compare(
    first: Annotated[Path, typer.Argument(help="Folder of a run or an audit.")],
    others: Annotated[list[Path], typer.Argument(help="Folders of the same kind.")],
    as_json: Json = False,
) -> None:
    """Set runs or audits side by side: settings, hashes of networks and data, robust accuracies.

    A difference is that to the first one, with its 95 % interval. It is paired where both sides
    attacked the same items, with as many networks. With fewer than three networks a side it allows
    for other items only, given these networks; the table says so.

    \b
    Example:
      spikeproof compare runs/demo runs/demo-seed2
    """
    import dataclasses

    from spikeproof import analysis

    folders = [first, *others]
    comparison = analysis.compare(*folders)
    if as_json:
        print_json({**dataclasses.asdict(comparison), "folders": [str(one) for one in folders]})
        return
    for folder, split in zip(folders, comparison.splits, strict=True):
        if split != "test":
            say(f"{folder} looks at {split} items: its numbers are no test results.")
    for folder, flags in zip(folders, comparison.flags, strict=True):
        for flag in flags:
            say(f"{folder}: {flag}")
    for folder, word in zip(folders, comparison.masking, strict=True):
        say(f"{folder}: gradient masking {word}.")
    _show_settings(comparison, folders)
    if not comparison.numbers:
        say("They have no data set, training, threat and radius in common.")
    elif len(folders) == 2:
        _show_two(comparison)
    else:
        _show_many(comparison, folders)


def _show_settings(comparison: Comparison, folders: Sequence[Path]) -> None:
    """What differs, or that nothing does and what that was seen of."""
    body = [[row.setting, *map(_short, row.values)] for row in _few(comparison.settings)]
    if body:
        print_table(["setting", *map(str, folders)], body)
    for kind, units in (("networks", "networks"), ("code", "cells")):
        rows = [row for row in comparison.settings if row.kind == kind]
        if len(rows) > _MOST_ROWS or (rows and kind == "code"):
            total = len(rows) + comparison.same[kind]
            what = "have other weights" if kind == "networks" else "were computed by other code"
            say(f"{len(rows)} of {total} {units} that all sides have {what}.")
    if not comparison.settings:
        words = (("networks", "network"), ("data", "data set"))
        seen = [counted(comparison.same[k], one) for k, one in words if comparison.same[k]]
        told = f" The hashes of {' and '.join(seen)} are the same." if seen else ""
        say(f"No setting differs.{told}")


def _few(rows: Sequence[SettingDifference]) -> list[SettingDifference]:
    """The rows without those of hashes that a sentence counts."""
    networks = sum(row.kind == "networks" for row in rows)
    return [
        row
        for row in rows
        if row.kind != "code" and (row.kind != "networks" or networks <= _MOST_ROWS)
    ]


def _short(value: Any) -> str:
    """A value that a table has room for."""
    if value is None:
        return "–"
    if isinstance(value, Mapping):
        return f"there ({len(value)} settings)"
    if isinstance(value, list | tuple) and any(isinstance(one, Mapping) for one in value):
        names = [str(one.get("name", "?")) for one in value if isinstance(one, Mapping)]
        return _short(", ".join(names))
    text = str(value)
    if len(text) == 64 and not set(text) - set("0123456789abcdef"):
        return f"{text[:12]}..."
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _show_two(comparison: Comparison) -> None:
    """Both numbers of every row and their difference."""
    heads = ("data", _what(comparison), "threat", "radius", "first %", "second %")
    body = [
        [*_place(row), *(f"{100 * value:.1f}" for value in (row.first, row.second)), *_gap(row)]
        for row in comparison.numbers
    ]
    print_table((*heads, "difference", "interval"), body)


def _show_many(comparison: Comparison, folders: Sequence[Path]) -> None:
    """The first number of every row, and the others with their difference to it."""
    rows: dict[tuple[str, ...], dict[int, RobustDifference]] = {}
    for row in comparison.numbers:
        training = "" if any(comparison.names) else row.training
        rows.setdefault((row.data, training, row.threat, _radius(row)), {})[row.side] = row
    heads = ["data", "training", "threat", "radius", *map(_head, folders, comparison.names)]
    body = []
    for place, found in rows.items():
        cells = [f"{100 * next(iter(found.values())).first:.1f}"]
        for side in range(1, len(folders)):
            one = found.get(side)
            cells.append("–" if one is None else f"{100 * one.second:.1f}, {_gap(one)[0]}")
        body.append([*place, *cells])
    print_table(heads, body)
    overs = {row.over for row in comparison.numbers}
    say(f"Differences to the first, {' or '.join(_OVER[over] for over in sorted(overs))}.")


def _what(comparison: Comparison) -> str:
    """Head of the column that names networks."""
    return "network" if any(comparison.names) else "training"


def _head(folder: Path, name: str) -> str:
    """Head of a side's column."""
    return f"{folder} ({name})" if name else str(folder)


def _place(row: RobustDifference) -> list[str]:
    """What a row is about."""
    return [row.data, row.training, row.threat, _radius(row)]


def _radius(row: RobustDifference) -> str:
    """A radius, and on a sound how loud it is."""
    return f"{row.radius} ({row.decibels})" if row.decibels else row.radius


def _gap(row: RobustDifference) -> list[str]:
    """A difference in points, and what its interval is over."""
    gap, low, high = (100 * value for value in (row.difference, row.low, row.high))
    text = f"{gap:+.1f} ({low:+.1f} to {high:+.1f}){'' if row.paired else ' unpaired'}"
    return [text, _OVER[row.over]]
