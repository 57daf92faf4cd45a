"""``spikeproof demo``: the research question, answered on the embedded data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikeproof.cli.options import Json, Seed, Workers
from spikeproof.cli.show import note, print_json, say

__all__ = ["demo"]


def demo(
    quick: Annotated[
        bool, typer.Option("--quick", help="One data set, one seed: about a minute.")
    ] = False,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Run folder; runs/demo by default.")
    ] = None,
    workers: Workers = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Answer the question on the embedded data and write the report.

    Which training protects against which norm, on images, events, audio and both? Trains, attacks
    and probes every network of the built-in study, prints the matrix, and writes a report that
    opens offline. Stopped at any moment, it goes on from there when run again.

    \b
    Example:
      spikeproof demo --quick
    """
    import dataclasses
    import os

    from spikeproof.analysis import results, verdicts
    from spikeproof.cli.matrix import matrix_record, print_matrix
    from spikeproof.cli.running import run_plan
    from spikeproof.report import write_report

    name = "quick" if quick else "demo"
    folder = run_plan(name, folder, workers or os.cpu_count() or 1, seed)
    note("Reading the results and writing the report ...")
    outcome = results(folder)
    report = write_report(folder)
    if as_json:
        judged = [dataclasses.asdict(verdict) for verdict in verdicts(outcome)]
        print_json({"matrix": matrix_record(outcome), "verdicts": judged, "report": str(report)})
        return
    print_matrix(outcome)
    say(f"Report: {report}")
