"""``spikeproof train``: one network on one data set, resumed exactly if it was interrupted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spikeproof.cli.completion import (
    complete_augmentation,
    complete_data,
    complete_model,
    complete_setting,
    complete_threat,
    complete_training,
)
from spikeproof.cli.options import DataDir, Device, Json, Seed, one_thread, parse_radius, pick
from spikeproof.cli.show import print_json, say
from spikeproof.cli.training import assigned, trained

if TYPE_CHECKING:
    from spikeproof.data import Dataset
    from spikeproof.study import DataPlan, TrainingPlan

__all__ = ["train"]

_RENAMED = {"multinorm-sparse": "multinorm"}


def train(
    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe",
            help="Any training of the plans 'demo' and 'recipes', taken whole: objective, hooks, "
            "changes of the network, settings, augmentation, share of the epochs.",
            autocompletion=complete_training,
        ),
    ] = None,
    objective: Annotated[
        str | None,
        typer.Option(
            "--objective",
            help="Another word for --recipe; plain where neither is given.",
            autocompletion=complete_training,
        ),
    ] = None,
    data: Annotated[
        str,
        typer.Option(
            "--data",
            help="The data set: by name (see 'spikeproof list data'), or your own as FILE.npz, "
            "FOLDER or module.py:function.",
            autocompletion=complete_data,
        ),
    ] = "digits",
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            help="Architecture; the data set's own where absent.",
            autocompletion=complete_model,
        ),
    ] = None,
    threat: Annotated[
        str | None,
        typer.Option(
            "--threat",
            help="AT: what the training attack may do.",
            autocompletion=complete_threat,
        ),
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
            help="A setting of the training, such as learning_rate=0.01, schedule=step, "
            "average=0.99, patience=5 or select=union; may be given again.",
            autocompletion=complete_setting,
        ),
    ] = None,
    validate_under: Annotated[
        list[str] | None,
        typer.Option(
            "--validate-under",
            metavar="THREAT[=RADIUS]",
            help="Attack the validation items under it after every epoch; may be given again.",
            autocompletion=complete_threat,
        ),
    ] = None,
    exam: Annotated[list[str] | None, typer.Option("--exam", hidden=True)] = None,
    augment: Annotated[
        list[str] | None,
        typer.Option(
            "--augment",
            metavar="NAME[:KEY=VALUE]",
            help="Change the training items at random, such as shift-image:pixels=1; may be given "
            "again.",
            autocompletion=complete_augmentation,
        ),
    ] = None,
    device: Device = "cpu",
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

    What is not given is as in the plan of the recipe: architecture, epochs, weights of the terms,
    training attack. Where that plan does not know the data set, architecture and epochs are the
    data set's own. --set and --augment win over the recipe. The one to start
    from against several norms is --recipe multinorm. The epoch is chosen on the validation
    items, or is the last one where the recipe or --set says select=last; the test items stay
    sealed. A card beside the model says how it was made and what that cost. Where torchrun starts
    several processes (torchrun --nproc-per-node 2 -m spikeproof train ...), they share every batch.

    \b
    Example:
      spikeproof train --data digits --objective SR+AT --threat linf --radius 0.1 --epochs 20
    """
    name, at = _name(recipe, objective), None if radius is None else parse_radius(radius)
    changes = {"model": model, "epochs": epochs, "width": width, "timesteps": timesteps}
    dataset = _opened(data)
    part, training = _tables(dataset, name, changes)
    training = _under(training, dataset, threat, at)
    if epochs is not None:  # that many, whatever share of the plan's the recipe takes
        training = replace(training, epochs_factor=1.0)
    from spikeproof.base import device_of, placed
    from spikeproof.study import job_of, network_of, training_items

    there = device_of(device, "--device")
    one_thread()
    few = training_items(dataset, part.train_items, part.validation_items)
    place = f"{name!r} on {dataset.spec.name}"
    with placed(place):
        work = job_of(part, training, few, seed=seed)
        network = network_of(part, training, few, seed=seed)
    under = [*(validate_under or ()), *_old_exam(exam)]
    work = assigned(few, work, settings=settings or (), validate_under=under, augment=augment or ())
    with placed(place):
        work.check(few, there.type)
    folder = folder or Path("runs") / f"{dataset.spec.name}-{name}-seed{seed}"
    result = trained(network, few, work, folder=folder, device=there, tensorboard=tensorboard)
    if result is not None:  # None in the processes that only help
        print_json(result) if as_json else _tell(result)


def _old_exam(exam: list[str] | None) -> list[str]:
    """What was given under the old name of ``--validate-under``."""
    if exam:
        from spikeproof.base import old_spelling

        old_spelling("--exam", "--validate-under", "spikeproof train")
    return exam or []


def _name(recipe: str | None, objective: str | None) -> str:
    """The training that is asked for."""
    if recipe is not None and objective is not None:
        raise typer.BadParameter(
            "--recipe and --objective both name the training to take; give one of them."
        )
    name = recipe or objective or "plain"
    if name in _RENAMED:
        from spikeproof.base import old_spelling

        old_spelling(name, _RENAMED[name], "spikeproof train")
    return _RENAMED.get(name, name)


def _opened(data: str) -> Dataset:
    """The data set that is asked for; a name that nobody knows ends the command."""
    from spikeproof.data import datasets, is_own, open_data

    if not is_own(data):
        pick(data, datasets(), "data set")
    return open_data(data)


def _tables(data: Dataset, name: str, changes: dict[str, Any]) -> tuple[DataPlan, TrainingPlan]:
    """The training of that name, and the data set's table in its plan, with what options change.

    A plan without the data set lends nothing: then it is the set's own table, without weights, as
    those were chosen for other terms.
    """
    from spikeproof.study import load_plan

    given = {key: value for key, value in changes.items() if value is not None}
    own = _own(data, given)
    homes = {
        training.name: plan
        for plan in (load_plan("recipes"), load_plan("demo"))
        for training in plan.training
    }
    plan = homes[pick(name, homes, "training")]
    training = next(training for training in plan.training if training.name == name)
    part = next((part for part in plan.data if part.name == data.spec.name), own)
    return replace(part, **given), training


# What reads items of a kind, where nobody has tried what trains best.
_READERS = {"image": "cnn-small", "events": "cnn-small", "audio": "tcn-small"}


def _own(data: Dataset, given: Mapping[str, Any]) -> DataPlan:
    """How a data set is trained on by its own facts, with what options add to them."""
    from spikeproof.data import DATASETS
    from spikeproof.study import DataPlan

    spec = data.spec
    if spec.reference is None:
        values = {**DATASETS[spec.name].facts.training, **given}
    else:
        usual = "recurrent" if len(data.domain.shape) == 2 else _READERS.get(spec.modality)
        values = {**({"model": usual} if usual else {}), "source": spec.reference, **given}
    if "model" not in values:
        raise typer.BadParameter(f"{spec.name} names no network to train; name one with --model.")
    return DataPlan(name=spec.name, **values)


def _under(
    training: TrainingPlan, data: Dataset, threat: str | None, radius: float | None
) -> TrainingPlan:
    """The training with the threat that the options name."""
    inputs = training.inputs
    if threat is None and radius is None:
        return training
    if inputs is None or inputs.threat is None:
        raise typer.BadParameter(
            "--threat and --radius belong to adversarial training under one threat; "
            f"{training.name!r} is none. Use --objective AT or SR+AT, or write a plan."
        )
    name = threat or inputs.threat
    if radius is None:
        pick(name, data.spec.radii, f"threat for {data.spec.name}")
    # The plan's level is one of the plan's threat; another threat is trained at its middle.
    level = inputs.level if radius is None and name == inputs.threat else None
    return replace(training, inputs=replace(inputs, threat=name, radius=radius, level=level))


def _tell(result: dict[str, Any]) -> None:
    """The result in words."""
    score = f"{100 * result['validation_accuracy']:.1f} %"
    beyond = {
        "objective": f", {score} on the inputs it was trained on",
        "robust": f", {score} robust under the threats of its validation",
        "union": f", {score} under all threats of its validation",
    }
    say(
        f"{result['model']}: epoch {result['best_epoch']} of {result['epochs']}, validation "
        f"accuracy {100 * result['clean_accuracy']:.1f} % clean{beyond.get(result['select'], '')}."
    )
