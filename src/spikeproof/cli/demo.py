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
    real: Annotated[
        Path | None,
        typer.Option(
            "--real",
            help="Folder of data sets: the same study on the real ones found in it.",
        ),
    ] = None,
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

    With --real FOLDER the same trainings are studied on the real sets that it holds, of
    fashion-mnist, n-mnist, fsdd and nmnist-fsdd. That takes hours and not minutes.

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

    if quick and real is not None:
        raise typer.BadParameter("--quick and --real are two studies; choose one.")
    name = "demo-real" if real is not None else "quick" if quick else "demo"
    chosen = None if real is None else _found(real)
    folder = run_plan(name, folder, workers or os.cpu_count() or 1, seed, data=chosen)
    note("Reading the results and writing the report ...")
    outcome = results(folder)
    report = write_report(folder)
    if as_json:
        judged = [dataclasses.asdict(verdict) for verdict in verdicts(outcome)]
        print_json({"matrix": matrix_record(outcome), "verdicts": judged, "report": str(report)})
        return
    print_matrix(outcome)
    say(f"Report: {report}")


def _found(folder: Path) -> list[str]:
    """The data sets of the plan that a folder holds; says which it lacks."""
    import os

    from spikeproof.base import FileProblem
    from spikeproof.data import DATA_FOLDER, load
    from spikeproof.study import load_plan

    os.environ[DATA_FOLDER] = str(folder)  # to this process and its workers
    found, lacking = [], []
    for part in load_plan("demo-real").data:
        try:
            load(part.name, folder=folder)
        except FileProblem as problem:
            lacking.append(f"{part.name} is left out: {problem}")
        else:
            found.append(part.name)
    if not found:
        raise FileProblem(
            f"There is none of the real data sets in {folder}. {lacking[0]} 'spikeproof data fetch "
            "NAME' gets one, or says where to put what."
        )
    for line in lacking:
        note(line)
    return found
