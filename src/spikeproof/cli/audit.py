"""``spikeproof audit``: one model against every threat, verified."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spikeproof.cli.options import (
    DataDir,
    Device,
    Json,
    Rows,
    Seed,
    one_thread,
    parse_radius,
    pick,
)
from spikeproof.cli.show import note, print_json

if TYPE_CHECKING:
    from spikeproof.data import Dataset
    from spikeproof.evaluate import Audit
    from spikeproof.threats import Threat

__all__ = ["audit", "check_fit"]


def audit(
    model: Annotated[Path, typer.Argument(help="A model.safetensors that train or demo wrote.")],
    data: Annotated[str, typer.Option("--data", help="Whose test items; see 'spikeproof list'.")],
    threat: Annotated[
        list[str] | None,
        typer.Option("--threat", help="A threat; may be given again. All of them by default."),
    ] = None,
    radius: Annotated[
        list[str] | None,
        typer.Option("--radius", help="Its radius, such as 8/255; its standard ones by default."),
    ] = None,
    suite: Annotated[
        str, typer.Option("--suite", help="quick, core, standard or full.")
    ] = "standard",
    items: Annotated[
        int | None, typer.Option("--items", min=1, help="How many test items; all by default.")
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option("--budget", help="What attacks may spend: 10m of time, or 200000p passes."),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Save numbers and per-item results here.")
    ] = None,
    device: Device = "cpu",
    batch_size: Rows = None,
    data_dir: DataDir = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Attack a saved model under every threat; print what survives.

    Every adversarial input is verified with the plain forward pass: distance, domain, grid and
    success. An item counts as robust only if no attack, gradient setting or random draw broke it.
    With --budget the suite stops when that is spent, spends its rest on the items nearest the
    boundary, and says what it left unsettled and about what that would take; only a budget of
    passes gives the same result again.

    \b
    Example:
      spikeproof audit runs/mine/model.safetensors --data digits --threat linf --radius 8/255
    """
    radii = [parse_radius(text) for text in radius or ()]
    if radii and len(radii) != len(threat or ()):
        raise typer.BadParameter(
            f"Give one --radius for each --threat; got {len(threat or ())} threats and "
            f"{len(radii)} radii."
        )
    from spikeproof import evaluate
    from spikeproof.base import device_of
    from spikeproof.data import load
    from spikeproof.models import load_model

    there = device_of(device, "--device")
    one_thread()
    network = load_model(model)
    dataset = load(data)
    check_fit(network.spec.domain.shape, model, dataset)
    started = time.monotonic()

    def progress(name: str, done: int, total: int) -> None:
        if done < total:
            spent = time.monotonic() - started
            left = f", about {spent / done * (total - done):.0f} s left" if done else ""
            note(f"[{done + 1}/{total}] {name} ...{left}")

    result = evaluate.audit(
        network,
        dataset,
        _chosen(dataset, threat or [], radii),
        suite=suite,
        seed=seed,
        items=items,
        budget=budget,
        progress=progress,
        device=there,
        batch_size=batch_size,
    )
    _tell_rest(result, time.monotonic() - started)
    if folder is not None:
        result.save(folder)
        note(f"Saved to {folder}.")
    if as_json:
        print_json(result.to_dict())
    else:
        typer.echo(result.table())


def _tell_rest(result: Audit, seconds: float) -> None:
    """About what the next larger suite would take on what still stands, at the pace seen here."""
    found = result.rest()
    made = sum(one.passes.forward + one.passes.backward for one in result.outcomes)
    if found is not None and found[1] and made:
        larger, passes = found
        minutes = passes * seconds / made / 60
        note(f"To try {larger} on what stands: at most {passes:,.0f} passes, {minutes:.1f} min.")


def check_fit(shape: tuple[int, ...], model: Path, data: Dataset) -> None:
    """Raise InputError unless the model reads items of this shape."""
    if tuple(shape) != tuple(data.domain.shape):
        from spikeproof.base import InputError

        raise InputError(
            f"The model in {model} reads items of shape {tuple(shape)}; {data.spec.name} has "
            f"{tuple(data.domain.shape)}. Name the data set it was trained on with --data."
        )


def _chosen(data: Dataset, names: list[str], radii: list[float]) -> list[Threat] | None:
    """The threats that the options name; None stands for all of the data set's."""
    from spikeproof.threats import standard_threats, threat_of

    if not names:
        return None
    if radii:
        return [threat_of(data, name, radius) for name, radius in zip(names, radii, strict=True)]
    ladders = standard_threats(data)
    for name in names:
        pick(name, ladders, f"threat for {data.spec.name}")
    return [threat for name in names for threat in ladders[name]]
