"""From a ``[[data]]`` and a ``[[training]]`` table to a network and what is done to train it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from spikeproof.attacks import ATTACKS
from spikeproof.base import SettingError, check_one_of, settings_from
from spikeproof.data import Dataset, choose
from spikeproof.models import ENCODERS, Network, build
from spikeproof.neurons import NEURONS
from spikeproof.study.inputs import InputsPlan
from spikeproof.study.plan import DataPlan, TrainingPlan
from spikeproof.threats import Threat, standard_threats, threat_of
from spikeproof.train import (
    AUGMENTATIONS,
    HOOKS,
    INPUTS,
    TERMS,
    Augmentation,
    Job,
    Objective,
    TrainingSettings,
)

__all__ = [
    "augmentations_of",
    "job_of",
    "network_of",
    "settings_of",
    "training_items",
]


def job_of(part: DataPlan, training: TrainingPlan, data: Dataset, *, seed: int = 0) -> Job:
    """Return what a ``[[training]]`` table says is to be done on a data set, taken whole.

    Args:
        part: The table of the data set.
        training: Objective, hooks, settings, augmentation and share of the epochs.
        data: The data set itself.
        seed: Of the run.
    Returns:
        Everything that ``fit`` is told besides model and data; ``check`` says whether it fits.
    Raises:
        SettingError: a name or setting that does not exist.
    """
    return Job(
        objective=_objective(part, training, data),
        epochs=max(1, round(part.epochs * training.epochs_factor)),
        seed=seed,
        settings=settings_of(part, training),
        augment=augmentations_of(training),
    )


def network_of(part: DataPlan, training: TrainingPlan, data: Dataset, *, seed: int = 0) -> Network:
    """Return the network that a ``[[data]]`` table describes, as a ``[[training]]`` changes it.

    Args:
        part: The table of the data set.
        training: Its ``network`` replaces what the data set's table says.
        data: The data set itself.
        seed: Decides the first weights.
    Returns:
        The network, untrained.
    Raises:
        SettingError: a name or setting that does not exist, or that the architecture cannot have.
    """
    names = ("neuron", "encoder", "norm", "pooling", "stem")
    made = {name: getattr(part, name) for name in names} | training.network
    for name, registry in (("neuron", NEURONS), ("encoder", ENCODERS)):
        if made[name] is not None:
            made[name] = registry.build(made[name])
    return build(part.model, data, timesteps=part.timesteps, width=part.width, seed=seed, **made)


def training_items(data: Dataset, train: int | None, validation: int | None) -> Dataset:
    """Return the data set with fewer items to train on, or to look at while training.

    Args:
        data: The data set.
        train: How many training items; all where absent.
        validation: How many validation items; all where absent. Both are the first of one fixed
            shuffled order, so the smaller choice is always part of the larger one.
    Returns:
        The data set; its test items are as they were.
    Raises:
        InputError: more items than there are.
    """
    name = data.spec.name
    kept = choose(data.train, train, name="training", to="train on", data=name)
    seen = choose(data.validation, validation, name="validation", to="look at", data=name)
    return replace(data, train=kept, validation=seen)


def settings_of(part: DataPlan, training: TrainingPlan, place: str = "plan") -> TrainingSettings:
    """The settings of a training on a data set: the training's own win over the data set's."""
    first = {"batch_size": part.batch_size, "learning_rate": part.learning_rate, **part.settings}
    # One after the other, so that a mistake is named where it stands.
    settings_from(TrainingSettings, first, f"{place}: settings of [[data]] {part.name!r}")
    values = {**first, **training.settings}
    return settings_from(
        TrainingSettings, values, f"{place}: settings of [[training]] {training.name!r}"
    )


def augmentations_of(training: TrainingPlan) -> tuple[Augmentation, ...]:
    """The changes of training items that a ``[[training]]`` table lists."""
    return tuple(AUGMENTATIONS.build(record) for record in training.augment)


def _objective(part: DataPlan, training: TrainingPlan, data: Dataset) -> Objective:
    """The objective that a ``[[training]]`` table describes, on one data set."""
    terms = {}
    for name, record in training.terms.items():
        values = dict(record)
        weight = values.pop("weight")
        terms[name] = (part.weights.get(name, weight), TERMS.build(values))
    hooks = tuple(HOOKS.build(hook) for hook in training.hooks)
    inputs = training.inputs
    if inputs is None:
        return Objective(terms, hooks=hooks)
    attack = None if inputs.attack is None else ATTACKS.build(inputs.attack)
    ladders = standard_threats(data, part.radii)
    threats = tuple(_threat(inputs, name, ladders, data) for name in inputs.names)
    made = INPUTS[inputs.kind].planned(threats, attack, data.domain, inputs.settings)
    return Objective(terms, made, hooks)


def _threat(
    inputs: InputsPlan, name: str, ladders: Mapping[str, tuple[Threat, ...]], data: Dataset
) -> Threat:
    """One threat of adversarial inputs."""
    radius = inputs.radii.get(name, inputs.radius)
    if radius is not None:
        return threat_of(data, name, radius)
    ladder = ladders[check_one_of(name, ladders, f"threat for {data.spec.name}")]
    level = len(ladder) // 2 if inputs.level is None else inputs.level
    if level >= len(ladder):
        raise SettingError(f"inputs.level {level}: {data.spec.name} has {len(ladder)} radii.")
    return ladder[level].at(ladder[level].radius * inputs.scales.get(name, 1.0))
