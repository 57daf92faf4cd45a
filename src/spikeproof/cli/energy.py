"""``spikeproof energy``: the most a network can be made to spend while its answers stay right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spikeproof.cli.completion import complete_data, complete_threat
from spikeproof.cli.options import (
    DataDir,
    Device,
    Json,
    Rows,
    Seed,
    one_thread,
    parse_threats,
    pick,
)
from spikeproof.cli.show import note, print_json, print_table, say

if TYPE_CHECKING:
    from spikeproof.data import Dataset
    from spikeproof.evaluate import EnergyAudit, EnergyRung
    from spikeproof.metrics import Estimate
    from spikeproof.threats import Threat

__all__ = ["energy"]


def energy(
    model: Annotated[Path, typer.Argument(help="A model.safetensors that train or demo wrote.")],
    data: Annotated[
        str,
        typer.Option(
            "--data", help="Whose items; see 'spikeproof list'.", autocompletion=complete_data
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
    attack: Annotated[
        list[str] | None,
        typer.Option(
            "--attack",
            help="An attack that follows a goal's score; may be given again. pgd and apgd by "
            "default.",
        ),
    ] = None,
    split: Annotated[str, typer.Option("--split", help="test or validation.")] = "test",
    items: Annotated[
        int | None, typer.Option("--items", min=1, help="How many items; all by default.")
    ] = None,
    draws: Annotated[
        int, typer.Option("--draws", min=0, help="Random changes per item and radius, the control.")
    ] = 10,
    seed: Seed = 0,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--folder",
            help="Folder for energy.json and items.npz; the same command goes on where a killed "
            "one stopped.",
        ),
    ] = None,
    device: Device = "cpu",
    batch_size: Rows = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Look for inputs that cost a network the most synaptic operations, with every answer kept.

    What is found counts where it is legal, answered rightly by the plain forward pass, and dearer
    when counted anew. Ratios are to the clean item, their mean over the items right when clean;
    the control is the dearest of the random changes of the same size.

    \b
    Example:
      spikeproof energy runs/mine/model.safetensors --data digits-events --threat counts:20
    """
    asked = parse_threats(threat or [], [])
    from spikeproof.data import open_data
    from spikeproof.evaluate import energy_audit
    from spikeproof.models import check_fit, load_model

    one_thread()
    network, dataset = load_model(model), open_data(data)
    check_fit(network.spec, model, dataset, how=" with --data")
    found = energy_audit(
        network,
        dataset,
        _threats(dataset, asked),
        **({"attacks": attack} if attack else {}),  # type: ignore[arg-type]
        seed=seed,
        split=split,
        items=items,
        draws=draws,
        folder=folder,
        progress=lambda told, done, total: note(f"[{done}/{total}] {told}"),
        device=device,
        batch_size=batch_size,
    )
    if as_json:
        print_json(found.to_dict())
        return
    _print(found)
    if folder is not None:
        say(f"Written: {folder / 'energy.json'}")


def _threats(data: Dataset, asked: list[tuple[str, list[float]]]) -> list[Threat] | None:
    """The threats that the options name; None stands for all of the data set's."""
    from spikeproof.threats import standard_threats, threat_of

    if not asked:
        return None
    ladders, found = standard_threats(data), []
    for name, radii in asked:
        if radii:
            found += [threat_of(data, name, radius) for radius in radii]
        else:
            found += ladders[pick(name, ladders, f"threat for {data.spec.name}")]
    return found


def _print(found: EnergyAudit) -> None:
    """The table."""
    right = int(found.correct.sum())
    each = found.before[found.correct].mean() if right else float("nan")
    print_table(
        ("threat", "radius", "times the operations", "median", "largest", "dearer %", "random"),
        [_row(found, rung) for rung in found.rungs],
        title=f"{right} of {len(found)} items of {found.data} right when clean, {each:,.0f} "
        "synaptic operations each",
    )
    if found.left_out:
        say(f"Not counted, as they read real numbers: {', '.join(found.left_out)}.")


def _row(found: EnergyAudit, rung: EnergyRung) -> list[object]:
    """One radius."""
    from spikeproof.names import radius_text

    ratios = found.ratio(rung.after)
    loud = f" ({rung.level})" if rung.level else ""
    start = [rung.threat, f"{radius_text(rung.radius)}{loud}", _times(found.mean(rung.after))]
    if not len(ratios):
        return [*start, "–", "–", "–", "–"]
    return [
        *start,
        f"{sorted(ratios)[len(ratios) // 2]:.2f}",
        f"{ratios.max():.2f}",
        f"{100 * (ratios > 1).mean():.1f}",
        _times(found.mean(rung.random)),
    ]


def _times(found: Estimate | None) -> str:
    """A mean ratio with its interval."""
    return "–" if found is None else f"{found.value:.2f} ({found.low:.2f}–{found.high:.2f})"
