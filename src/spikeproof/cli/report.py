"""``spikeproof report``: one offline HTML file about a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikeproof.cli.options import Json
from spikeproof.cli.show import print_json, say

__all__ = ["report"]


def report(
    run: Annotated[Path, typer.Argument(help="A run folder, such as runs/demo.")],
    to: Annotated[
        Path | None, typer.Option("--to", help="File to write; RUN/report.html by default.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the report of a run as one HTML file that opens offline.

    The run may still be at work: the report names what is missing.

    \b
    Example:
      spikeproof report runs/demo --to demo.html
    """
    from spikeproof.report import write_report

    path = write_report(run, to)
    if as_json:
        print_json({"report": str(path), "bytes": path.stat().st_size})
    else:
        say(f"Report: {path}")
