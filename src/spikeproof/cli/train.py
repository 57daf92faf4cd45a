"""``spikeproof train``: one network on one data set, resumed exactly if it was interrupted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spikeproof.cli.options import DataDir, Json, Seed, one_thread, parse_radius, pick
from spikeproof.cli.show import print_json
from spikeproof.cli.training import assigned, trained

if TYPE_CHECKING:
    from spikeproof.data import Dataset
    from spikeproof.study import DataPlan, TrainingPlan
    from spikeproof.train import Objective

__all__ = ["train"]

# What the demo says of its data sets, for those that come as files.
_FILE_SETS: Mapping[str, Mapping[str, Any]] = {
    "cifar10": {"model": "vgg-9", "epochs": 30, "batch_size": 64, "learning_rate": 0.001},
    "fashion-mnist": {
        "model": "cnn-small",
        "epochs": 10,
        "batch_size": 128,
        "learning_rate": 0.005,
    },
}


def train(
    data: Annotated[str, typer.Option("--data", help="The data set; see 'spikeproof list data'.")],
    objective: Annotated[
        str, typer.Option("--objective", help="Any training of the plans 'demo' and 'recipes'.")
    ] = "plain",
    model: Annotated[
        str | None, typer.Option("--model", help="Architecture; the demo's for this data set.")
    ] = None,
    threat: Annotated[
        str | None, typer.Option("--threat", help="AT: what the training attack may do.")
    ] = None,
    radius: Annotated[
        str | None, typer.Option("--radius", help="AT: how far, such as 0.1 or 8/255.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option("--epochs", min=1, help="Passes over the training items.")
    ] = None,
    width: Annotated[
        int | None, typer.Option("--width", min=1, help="Channels of the first spiking layer.")
    ] = None,
    timesteps: Annotated[
        int | None, typer.Option("--timesteps", min=1, help="Simulation length.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="A setting of Training, such as learning_rate=0.01, schedule=step, average=0.99, "
            "patience=5 or select=union; may be given again.",
        ),
    ] = None,
    exam: Annotated[
        list[str] | None,
        typer.Option(
            "--exam",
            metavar="THREAT[=RADIUS]",
            help="Attack the validation items under it after every epoch; may be given again.",
        ),
    ] = None,
    augment: Annotated[
        list[str] | None,
        typer.Option(
            "--augment",
            metavar="NAME[:KEY=VALUE]",
            help="Change the training items at random, such as shift-image:pixels=1; may be given "
            "again.",
        ),
    ] = None,
    device: Annotated[str, typer.Option("--device", help="cpu or cuda.")] = "cpu",
    tensorboard: Annotated[
        Path | None, typer.Option("--tensorboard", help="Also write TensorBoard events here.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Where model, card, checkpoint and logs go.")
    ] = None,
    data_dir: DataDir = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Train one network; the same command again resumes, to the byte.

    What is not given is as in the demo: architecture, epochs, weights of the terms, training
    attack. The epoch is chosen on the validation items; the test items stay sealed. A card beside
    the model says how it was made and what that cost. Where torchrun starts several processes
    (torchrun --nproc-per-node 2 -m spikeproof train ...), they share every batch.

    \b
    Example:
      spikeproof train --data digits --objective SR+AT --threat linf --radius 0.1 --epochs 20
    """
    at = None if radius is None else parse_radius(radius)
    pick(device, ("cpu", "cuda"), "device")
    from spikeproof.data import load
    from spikeproof.models import ModelSpec, build

    one_thread()
    changes = {"model": model, "epochs": epochs, "width": width, "timesteps": timesteps}
    cell = _cell(_part(data, changes), _training(data, objective, threat, at), seed)
    made = load(data)
    work = assigned(
        made,
        _objective(cell["objective"], made),
        cell,
        settings=settings or (),
        exam=exam or (),
        augment=augment or (),
    )
    network = build(ModelSpec.from_record(cell["model"]), seed=seed)
    folder = folder or Path("runs") / f"{data}-{objective}-seed{seed}"
    result = trained(network, made, work, folder=folder, device=device, tensorboard=tensorboard)
    if result is not None:  # None in the processes that only help
        print_json(result) if as_json else _tell(result)


def _part(data: str, changes: dict[str, Any]) -> DataPlan:
    """The demo's table for the data set, or a file set's, with what the options change."""
    from spikeproof.study import DataPlan, load_plan

    parts = {part.name: part for part in load_plan("demo").data}
    for name, values in _FILE_SETS.items():
        parts[name] = DataPlan(name=name, **values)
    known = parts[pick(data, parts, "data set")]
    return replace(known, **{name: value for name, value in changes.items() if value is not None})


def _training(data: str, objective: str, threat: str | None, radius: float | None) -> TrainingPlan:
    """The demo's training of that name, or a recipe, with the threat that the options name."""
    from spikeproof.data import describe
    from spikeproof.study import load_plan

    plans = load_plan("recipes"), load_plan("demo")
    known = {training.name: training for plan in plans for training in plan.training}
    training = known[pick(objective, known, "objective")]
    inputs = training.inputs
    if threat is None and radius is None:
        return training
    if inputs is None or inputs.threat is None:
        raise typer.BadParameter(
            f"--threat and --radius belong to adversarial training under one threat; {objective!r} "
            "is none. Use --objective AT or SR+AT, or write a plan."
        )
    name = pick(threat or inputs.threat, describe(data).radii, f"threat for {data}")
    # The plan's level is one of the plan's threat; another threat is trained at its middle.
    level = inputs.level if radius is None and name == inputs.threat else None
    return replace(training, inputs=replace(inputs, threat=name, radius=radius, level=level))


def _cell(part: DataPlan, training: TrainingPlan, seed: int) -> Mapping[str, Any]:
    """What a study would do to train this network, as plain data."""
    from spikeproof.study import Plan, cells_of

    weights = {name: weight for name, weight in part.weights.items() if name in training.terms}
    part = replace(part, weights=weights)
    plan = Plan(name="train", data=(part,), training=(training,), seeds=(seed,), items=1)
    return next(cell.cell for cell in cells_of(plan) if cell.kind == "train")


def _objective(record: Mapping[str, Any], data: Dataset) -> Objective:
    """The objective of a record."""
    from spikeproof.train import Objective

    return Objective.from_record(record, domain=data.domain)


def _tell(result: dict[str, Any]) -> None:
    """The result in words."""
    typer.echo(
        f"{result['model']}: epoch {result['best_epoch']} of {result['epochs']}, "
        f"validation accuracy {100 * result['clean_accuracy']:.1f} % clean, "
        f"{100 * result['validation_accuracy']:.1f} % on the inputs it was trained on."
    )
