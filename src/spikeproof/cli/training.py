"""From what a user typed to a training run: settings by name, an estimate, a card."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from spikeproof.cli.epochs import EpochLines
from spikeproof.cli.options import parse_radius, pick
from spikeproof.cli.show import note

if TYPE_CHECKING:
    import torch

    from spikeproof.data import Dataset
    from spikeproof.models import Network
    from spikeproof.train import Augmentation, History, Job, RobustValidation

__all__ = ["assigned", "trained"]


def assigned(
    data: Dataset,
    work: Job,
    *,
    settings: Iterable[str],
    validate_under: Iterable[str],
    augment: Iterable[str],
) -> Job:
    """Change what is to be done as the options say.

    Args:
        data: What is trained on.
        work: What a study would do, for all that is not given here.
        settings: ``name=value`` of ``TrainingSettings``.
        validate_under: ``threat`` or ``threat=radius``.
        augment: ``name`` or ``name:key=value,key=value``; any replaces those of ``work``.
    Raises:
        SettingError: an unknown name (the nearest known one is named) or a wrong value.
        typer.BadParameter: a text of another form.
    """
    from spikeproof.base import settings_from
    from spikeproof.train import TrainingSettings

    values = {**asdict(work.settings), **_pairs(settings, "--set")}
    return replace(
        work,
        settings=settings_from(TrainingSettings, values, "--set"),
        augment=tuple(_change(text) for text in augment) or work.augment,
        robust_validation=_robust_validation(data, list(validate_under)),
    )


def _pairs(texts: Iterable[str], option: str) -> dict[str, Any]:
    """``name=value`` texts as a table; a comma makes a list."""
    parsed: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise typer.BadParameter(f"{option} takes NAME=VALUE; got {text!r}.")
        parsed[name.strip().replace("-", "_")] = value.split(",") if "," in value else value
    return parsed


def _change(text: str) -> Augmentation:
    """An augmentation from ``name:key=value,key=value``."""
    from spikeproof.train import AUGMENTATIONS

    kind, colon, rest = text.partition(":")
    if colon and not rest:
        raise typer.BadParameter(f"--augment takes NAME or NAME:KEY=VALUE; got {text!r}.")
    pairs = _pairs([part for part in rest.split(",") if part], "--augment after the colon")
    return AUGMENTATIONS.build({"kind": kind, **pairs})


def _robust_validation(data: Dataset, texts: list[str]) -> RobustValidation | None:
    """Validation under the threats that were named, each at its standard radius by default."""
    from spikeproof.threats import standard_threats, threat_of
    from spikeproof.train import RobustValidation

    if not texts:
        return None
    ladders, threats = standard_threats(data), []
    for text in texts:
        name, _, radius = text.partition("=")
        if radius:
            threats.append(threat_of(data, name, parse_radius(radius)))
            continue
        ladder = ladders[pick(name, ladders, f"threat for {data.spec.name}")]
        threats.append(ladder[len(ladder) // 2])
    return RobustValidation(threats=tuple(threats))


def trained(
    network: Network,
    data: Dataset,
    work: Job,
    *,
    folder: Path,
    device: torch.device,
    tensorboard: Path | None,
) -> dict[str, Any] | None:
    """Train, save the model and its card; return what came out, in the leading process."""
    from spikeproof.base import Lease, computing, working_below
    from spikeproof.train import TensorBoard, estimate, fit, processes

    with processes(device.type) as group, computing(device):
        several = device.type == "cuda" and group.size > 1
        network = network.to(f"cuda:{group.rank}" if several else device)
        if group.size == 1 and not (folder / "training.safetensors").exists():
            note(str(estimate(network, data, work)))
        board = TensorBoard(tensorboard) if tensorboard and group.is_main else None
        # Held until the model and its card are written; fit works under it.
        with Lease(folder, "training") if group.is_main else nullcontext() as held:
            with working_below(folder):
                history = fit(
                    network,
                    data,
                    work.objective,
                    epochs=work.epochs,
                    seed=work.seed,
                    settings=work.settings,
                    augment=work.augment,
                    robust_validation=work.robust_validation,
                    directory=folder,
                    progress=False,
                    loggers=(EpochLines(), *([board] if board else ())),
                )
            if held is None:
                return None
            held.check()
            return _saved(network, data, work, history, folder)


def _saved(
    network: Network, data: Dataset, work: Job, history: History, folder: Path
) -> dict[str, Any]:
    """Write the model and its card; return what a program wants to know."""
    from spikeproof.models import save_model
    from spikeproof.train import card, write_card

    path = folder / "model.safetensors"
    content = card(network, data, work, history)
    network = network.cpu()
    save_model(network, path)
    _, card_path = write_card(path, content)
    return {
        "model": str(path),
        "card": str(card_path),
        "data": data.spec.name,
        "objective": work.objective.record(),
        "seed": work.seed,
        "epochs": len(history.epochs),
        "best_epoch": history.best_epoch,
        "select": work.settings.select,
        "parameters": history.parameters,
        "clean_accuracy": history.best.clean_accuracy,
        "validation_accuracy": history.best.validation_accuracy,
        "robust_accuracy": dict(history.best.robust),
        "union_accuracy": history.best.union,
        "warnings": history.warnings,
        "cost": content["cost"],
    }
