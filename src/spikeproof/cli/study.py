"""``spikeproof study``: run a plan of one's own, and see how far it has come."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from spikeproof import catalogue
from spikeproof.cli.completion import complete_device, complete_executor, complete_plan
from spikeproof.cli.options import DataDir, Json, Rows, Seed, Workers, known_device
from spikeproof.cli.show import print_json, print_table, say
from spikeproof.cli.study_show import show, show_matrix

__all__ = ["app"]

app = typer.Typer(
    help="Run a plan as cells that can be resumed, or ask how far it is.",
    no_args_is_help=True,
)


@app.command("run")
def _run(
    plan: Annotated[
        str,
        typer.Argument(
            help=f"A TOML file, or the name of a plan ({', '.join(catalogue.rows('plans'))}).",
            autocompletion=complete_plan,
        ),
    ],
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Run folder; runs/NAME by default.")
    ] = None,
    workers: Workers = None,
    executor: Annotated[
        str | None,
        typer.Option(
            "--executor",
            help="Where cells run; what --workers says by default.",
            autocompletion=complete_executor,
        ),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            "--device",
            callback=known_device,
            help="cpu, cuda or cuda:1; the plan's by default.",
            autocompletion=complete_device,
        ),
    ] = None,
    batch_size: Rows = None,
    address: Annotated[
        str | None, typer.Option("--address", help="Of a Ray cluster: HOST:PORT, or auto.")
    ] = None,
    detach: Annotated[
        bool,
        typer.Option("--detach", help="Leave the cells to Slurm; the same command follows them."),
    ] = False,
    shard: Annotated[
        str | None,
        typer.Option(
            "--shard", metavar="I/N", help="Part I of N of the cells; 'study merge' joins them."
        ),
    ] = None,
    data_dir: DataDir = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Compute every cell of a plan that is not there yet; the same command again resumes.

    The plan's seeds are shifted by --seed, so that 1 repeats a study with fresh networks. SIGTERM
    or SIGUSR1, as schedulers send them, lets trainings end their epoch and ends with exit code 75.

    \b
    Example:
      spikeproof study run quick --folder runs/first --workers 2
    """
    from spikeproof.cli.running import run_plan

    asked = {**({"address": address} if address else {}), **({"detach": True} if detach else {})}
    folder = run_plan(
        plan,
        folder,
        workers,
        seed,
        executor=executor,
        asked=asked,
        shard=shard,
        device=device,
        batch_size=batch_size,
    )
    matrix = show_matrix(folder, as_json)["matrix"]
    _show(folder, as_json, matrix=matrix)


app.command("show")(show)


@app.command("status")
def _status(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, such as runs/demo.")],
    as_json: Json = False,
) -> None:
    """Say how far a run has come, what failed and why, and how long the rest will take.

    \b
    Example:
      spikeproof study status runs/demo
    """
    _show(folder, as_json)


@app.command("work", hidden=True)
def _work(
    run: Annotated[Path, typer.Argument(metavar="RUN")],
    array: Annotated[str, typer.Option("--array", help="Name of a Slurm array.")],
    task: Annotated[int, typer.Option("--task", help="Number of its task.")],
) -> None:
    """Compute the cells of one task of a Slurm array: what runs on its node."""
    from spikeproof.study import work

    raise typer.Exit(work(run, array, task))


@app.command("merge")
def _merge(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Run folders of one plan, its shards.")
    ],
    to: Annotated[Path, typer.Option("--to", help="Run folder that takes their cells.")],
    as_json: Json = False,
) -> None:
    """Bring the cells of several runs of one plan together, checking every hash.

    What two runs both hold must be the same bytes. The same command again goes on where it was
    killed, takes what has been finished since, and says what is still missing.

    \b
    Example:
      spikeproof study merge runs/quick-shard1of2 runs/quick-shard2of2 --to runs/quick
    """
    import dataclasses

    from spikeproof.study import merge

    done = merge(runs, to)
    if as_json:
        print_json({**dataclasses.asdict(done), "folder": str(to)})
        return
    say(
        f"{to}: {done.copied} cells copied, {done.there} there before, {len(done.missing)} of "
        f"{done.total} missing."
    )
    for title in done.missing:
        say(f"missing: {title}")
    if not done.missing:
        say(f"Next: spikeproof report {to}")


@app.command("extract")
def _extract(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, such as runs/demo.")],
    to: Annotated[Path, typer.Option("--to", help="File to write.")],
    as_json: Json = False,
) -> None:
    """Write what the tables of a run need as one small file, to be kept when the run is not.

    Verdicts per item, gradient sizes, costs and hashes are in it; networks and examples are not.

    \b
    Example:
      spikeproof study extract runs/demo --to demo.json
    """
    from spikeproof.analysis import extract

    path = extract(folder, to)
    if as_json:
        print_json({"extract": str(path), "bytes": path.stat().st_size})
    else:
        say(f"Extract: {path}")


def _show(folder: Path, as_json: bool, **more: Any) -> None:
    """The status of a run, for people or programs."""
    import dataclasses

    from spikeproof.cli.progress import span
    from spikeproof.study import status

    state = status(folder)
    if as_json:
        about = {"complete": state.complete, "folder": str(folder), **more}
        print_json({**dataclasses.asdict(state), **about})
        return
    say(
        f"{state.name} in {folder}: {state.done} of {state.total} cells done in "
        f"{span(state.seconds)} of work, {len(state.failed)} failed."
    )
    if state.split != "test":
        say(
            f"Attacks and probes look at {state.split} items: these are no test results, and the "
            "test items stay sealed."
        )
    if state.pending and state.seconds_left is not None:
        say(f"About {span(state.seconds_left)} of work left; divide by the workers.")
    if state.outdated:
        say(
            "These cells carry an earlier fingerprint of the code: report and compare read them, "
            "and another run computes them again."
        )
    if state.stale:
        say(f"{state.stale} cells of an earlier plan or other code are kept in stale/.")
    if state.failed:
        print_table(("failed", "why"), [(one.title, one.error) for one in state.failed])
    elif state.complete:
        say(f"Next: spikeproof report {folder}")
