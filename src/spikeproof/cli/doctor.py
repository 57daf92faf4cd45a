"""``spikeproof doctor``: is robust accuracy real, or do the gradients hide what is there?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from spikeproof.cli.completion import complete_data, complete_threat
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
from spikeproof.cli.show import print_json, say

if TYPE_CHECKING:
    from spikeproof.data import Dataset
    from spikeproof.threats import Threat

__all__ = ["CODES", "doctor"]

CODES = {"sound": 0, "suspicious": 3, "masked": 4, "undecided": 5}
"""Exit code of each verdict; 1 and 2 stay those of a refusal and of a wrong command line."""


def doctor(
    model: Model,
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
            help="A threat, or with its radius linf:8/255; may be given again. The middle radius "
            "of every threat by default.",
            autocompletion=complete_threat,
        ),
    ] = None,
    radius: Annotated[
        list[str] | None,
        typer.Option("--radius", help="Its radius, such as 8/255; the middle one by default."),
    ] = None,
    attack: Annotated[
        str | None,
        typer.Option("--attack", help="The attack that is doubted; what papers report by default."),
    ] = None,
    weights: WeightsFile = None,
    build: Build = None,
    adapt: Adapt = None,
    items: Annotated[
        int, typer.Option("--items", min=1, help="How many right items are looked at, at most.")
    ] = 64,
    split: Annotated[
        Literal["validation", "test"],
        typer.Option("--split", help="Which items; test items stay sealed by default."),
    ] = "validation",
    every: Annotated[
        bool, typer.Option("--every", help="Show clear checks too, with their numbers.")
    ] = False,
    device: Device = "cpu",
    batch_size: Rows = None,
    data_dir: DataDir = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Say of a network whether its robust accuracy is sound, suspicious, masked or undecided.

    One attack alone proves nothing: it is held against a single step, more steps, other gradient
    rules, searches without gradients, random draws and a radius that bounds nothing; its gradient
    against differences of outputs; spiking layers are looked into. Each check that counts stands
    with its number, threshold, reason, the attack that would settle it, and a mend; what could not
    be made is listed, and is never taken for clear. Symptoms that the attack was weak count only
    where longer attacks move the number; else they are shown as settled.
    The exit code is 0 for sound, 3 for suspicious, 4 for masked, 5 for undecided, whichever is the
    gravest under any threat.

    \b
    Example:
      spikeproof doctor runs/mine/model.safetensors --data digits --threat linf:0.1
    """
    asked = parse_threats(threat or [], radius or [])
    own: dict[str, Any] = {
        "weights": weights,
        "arguments": parse_settings(build or [], "--build"),
        "adapt": parse_settings(adapt or [], "--adapt"),
    }
    from spikeproof.base import device_of
    from spikeproof.data import open_data
    from spikeproof.evaluate import diagnose
    from spikeproof.study import audit_plan, network_in

    device_of(device, "--device")
    one_thread()
    dataset = open_data(data)
    network = network_in(audit_plan(model, dataset, **own).network[0], dataset)
    found = diagnose(
        network,
        dataset,
        threats=_threats(dataset, asked),
        attack=attack,
        items=items,
        split=split,
        seed=seed,
        device=device,
        batch_size=batch_size,
    )
    if as_json:
        print_json(found.record())
    else:
        say(found.text(every=every))
    raise typer.Exit(CODES[found.verdict])


def _threats(data: Dataset, asked: list[tuple[str, list[float]]]) -> list[Threat] | None:
    """The threats that the options name, each at one radius; None stands for all of them."""
    from spikeproof.threats import standard_threats, threat_of

    if not asked:
        return None
    ladders, found = standard_threats(data), []
    for name, radii in asked:
        if radii:
            found += [threat_of(data, name, radius) for radius in radii]
        else:
            ladder = ladders[pick(name, ladders, f"threat for {data.spec.name}")]
            found.append(ladder[len(ladder) // 2])
    return found
