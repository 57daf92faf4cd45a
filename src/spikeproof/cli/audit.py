"""``spikeproof audit``: one model against every threat, verified."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spikeproof.cli.completion import (
    complete_data,
    complete_executor,
    complete_flag,
    complete_suite,
    complete_threat,
)
from spikeproof.cli.options import (
    Adapt,
    Build,
    DataDir,
    Device,
    Json,
    Model,
    Rows,
    Seed,
    WeightsFile,
    one_thread,
    parse_settings,
    parse_threats,
    pick,
)
from spikeproof.cli.progress import span, watching
from spikeproof.cli.show import note, print_json, say

if TYPE_CHECKING:
    from spikeproof.data import Dataset
    from spikeproof.evaluate import Audit
    from spikeproof.study import Plan

__all__ = ["audit"]


def audit(
    model: Model,
    data: Annotated[
        str,
        typer.Option(
            "--data", help="Whose test items; see 'spikeproof list'.", autocompletion=complete_data
        ),
    ],
    threat: Annotated[
        list[str] | None,
        typer.Option(
            "--threat",
            help="A threat, or with its radii linf:2/255,8/255; may be given again. All of them by "
            "default.",
            autocompletion=complete_threat,
        ),
    ] = None,
    radius: Annotated[
        list[str] | None,
        typer.Option("--radius", help="Its radius, such as 8/255; its standard ones by default."),
    ] = None,
    weights: WeightsFile = None,
    build: Build = None,
    adapt: Adapt = None,
    suite: Annotated[
        str,
        typer.Option(
            "--suite", help="quick, core, standard or full.", autocompletion=complete_suite
        ),
    ] = "standard",
    items: Annotated[
        int | None, typer.Option("--items", min=1, help="How many test items; all by default.")
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option("--budget", help="What attacks may spend: 10m of time, or 200000p passes."),
    ] = None,
    keep_adversarials: Annotated[
        bool,
        typer.Option(
            "--keep-adversarials", help="Keep what broke the items, for 'spikeproof verify'."
        ),
    ] = False,
    despite: Annotated[
        list[str] | None,
        typer.Option(
            "--despite",
            help="State robust accuracy in spite of this flag; may be given again.",
            autocompletion=complete_flag,
        ),
    ] = None,
    doctor: Annotated[
        bool,
        typer.Option(
            "--doctor", help="Also say whether gradients hide what is there; see spikeproof doctor."
        ),
    ] = False,
    grid: Annotated[
        int,
        typer.Option(
            "--grid",
            min=0,
            max=21,
            help="Also a grid of joint budgets, so many of each view; see spikeproof joint.",
        ),
    ] = 0,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Run folder; one under runs/ by default.")
    ] = None,
    workers: Annotated[
        int, typer.Option("--workers", min=1, help="Processes; a ladder of radii each.")
    ] = 1,
    executor: Annotated[
        str | None,
        typer.Option(
            "--executor",
            help="Where ladders run; what --workers says by default.",
            autocompletion=complete_executor,
        ),
    ] = None,
    device: Device = "cpu",
    batch_size: Rows = None,
    data_dir: DataDir = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Attack a trained network under every threat; print what survives.

    Every adversarial input is verified with the plain forward pass: distance, domain, grid and
    success. An item counts as robust only if no attack, gradient setting or random draw broke it.
    The audit is a run in a folder: stopped at any moment, the same command goes on from the last
    ladder that was finished, and report, compare and study status read it like a study's.
    With --budget the suite stops when that is spent, spends its rest on the items nearest the
    boundary, and says what it left unsettled and about what that would take; every ladder has the
    share of its radii, and only a budget of passes gives the same result again.
    What makes the numbers doubtful stands under the table as flags; one that is a stop withholds
    robust accuracy unless --despite names it.

    A network of your own comes from a file of yours, unedited: name what makes it. Only that
    module is imported, and what it imports itself; weights run no code. So it is
    spikeproof audit nets.py:build --build width=64 --weights w.pt --data digits.

    \b
    Example:
      spikeproof audit runs/mine/model.safetensors --data digits --threat linf --radius 8/255
    """
    asked = parse_threats(threat or [], radius or [])
    own: dict[str, Any] = {
        "weights": weights,
        "arguments": parse_settings(build or [], "--build"),
        "adapt": parse_settings(adapt or [], "--adapt"),
    }
    from spikeproof.base import device_of
    from spikeproof.data import open_data
    from spikeproof.evaluate import Audit
    from spikeproof.study import ComputePlan, audit_folder, audit_plan, refuse_other_audit, run

    device_of(device, "--device")
    one_thread()
    dataset = open_data(data)
    plan = audit_plan(
        model,
        dataset,
        _names(dataset, asked),
        radii=_radii(dataset, asked),
        suite=_suite(suite),
        items=items,
        seeds=(seed,),
        budget=budget,
        keep_adversarials=keep_adversarials,
        despite=tuple(despite or ()),
        doctor=doctor,
        grid=grid,
        compute=ComputePlan(device=device, batch_size=batch_size),
        **own,
    )
    refuse_other_audit(folder := folder or audit_folder(plan), plan)
    _estimate(plan, dataset, folder, workers)
    with watching(folder) as progress:
        done = run(plan, folder, workers=workers, executor=executor, progress=progress)
    _tell_rest(result := Audit.load(folder), done.seconds)
    note(f"The audit lies in {folder}; spikeproof report {folder} makes a page of it.")
    if as_json:
        print_json({**result.to_dict(), "run": str(folder)})
    else:
        say(result.table())


def _estimate(plan: Plan, data: Dataset, folder: Path, workers: int) -> None:
    """About how long the attacks that are left will take, from a few passes of this network."""
    from spikeproof.evaluate import seconds_per_pass
    from spikeproof.study import RunFolder, cells_of, expected_passes, network_in

    # Planned first, which checks the network and says what there is to say of it.
    run = RunFolder(folder)
    planned = [cell for cell in cells_of(plan) if cell.kind == "attack"]
    cells = [cell for cell in planned if not run.cell(cell).complete]
    if not cells:
        return
    network = network_in(plan.network[0], data)
    passes = sum(expected_passes(cell) for cell in cells)
    device = plan.compute.device
    x = data.validation.x[:64].to(device)
    pace = seconds_per_pass(network.to(device), x, attacked=plan.items)
    radii = sum(len(cell.cell["threat"]["radii"]) for cell in cells)
    limit = "" if plan.budget is None else f", within the budget of {plan.budget}"
    seconds = max(1, passes * pace / min(workers, len(cells)))
    note(
        f"{plan.items} items, {len(cells)} threat{'s' if len(cells) > 1 else ''}, {radii} "
        f"{'radii' if radii > 1 else 'radius'}, suite {plan.suite}: about {span(seconds)}{limit}."
    )


def _tell_rest(result: Audit, seconds: float) -> None:
    """About what the next larger suite would take on what still stands, at the pace seen here."""
    found = result.rest()
    made = sum(one.passes.forward + one.passes.backward for one in result.outcomes)
    if found is not None and found[1] and made:
        larger, passes = found
        minutes = passes * seconds / made / 60
        note(f"To try {larger} on what stands: at most {passes:,.0f} passes, {minutes:.1f} min.")


def _suite(name: str) -> str:
    """The name of a suite; one that does not exist is refused with the nearest."""
    from spikeproof.attacks import suite

    suite(name)
    return name


def _names(data: Dataset, asked: list[tuple[str, list[float]]]) -> list[str] | None:
    """The threats that the options name; None stands for all of the data set's."""
    from spikeproof.threats import standard_threats

    for name, radii in asked:
        if not radii:
            pick(name, standard_threats(data), f"threat for {data.spec.name}")
    return [name for name, _ in asked] or None


def _radii(data: Dataset, asked: list[tuple[str, list[float]]]) -> dict[str, list[float]]:
    """The radii that the options give, by threat."""
    from spikeproof.base import SettingError
    from spikeproof.threats import threat_of

    given: dict[str, list[float]] = {}
    for name, radii in asked:
        for radius in radii:
            threat_of(data, name, radius)  # one that makes no sense is refused here
            if radius in given.setdefault(name, []):
                raise SettingError(f"The threat {name} is there twice with one radius.")
            given[name] = sorted([*given[name], radius])
    return given
