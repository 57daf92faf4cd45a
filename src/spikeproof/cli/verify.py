"""``spikeproof verify``: whether files are what their own records say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikeproof.cli.options import Json
from spikeproof.cli.show import print_json, say

__all__ = ["verify"]


def verify(
    path: Annotated[
        Path,
        typer.Argument(help="A run, an audit, a training's folder, a model file or an extract."),
    ],
    as_json: Json = False,
) -> None:
    """Compare every file with the hashes that its own records hold, and name those that changed.

    Leaves with 0 where nothing was changed, with 1 where anything was. A run that is not complete
    yet is what its records say as long as no byte of what is there differs.

    \b
    Example:
      spikeproof verify runs/demo
    """
    import dataclasses

    from spikeproof import analysis

    found = analysis.verify(path)
    if as_json:
        record = {**dataclasses.asdict(found), "path": str(path), "sound": found.sound}
        print_json(record)
    else:
        say(found.sentence)
        for sentence in found.changed:
            say(f"  {sentence}")
    if not found.sound:
        raise typer.Exit(1)
