"""From a plan's tables to the objects that they name, checked once on the way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from spikeproof.attacks import ATTACKS, Attack
from spikeproof.base import InputError, SettingError, check_one_of, placed, settings_from
from spikeproof.data import Dataset, choose, datasets
from spikeproof.models import (
    ENCODERS,
    FRONT_ENDS,
    NORMS,
    POOLINGS,
    STEMS,
    ModelSpec,
    Network,
    build,
    check_model,
    spec_of,
)
from spikeproof.neurons import NEURONS
from spikeproof.study.datasets import radii_of
from spikeproof.study.inputs import InputsPlan
from spikeproof.study.plan import NETWORK_CHOICES, DataPlan, Plan, TrainingPlan
from spikeproof.threats import Threat, standard_threats, threat_facts, threat_of
from spikeproof.train import (
    AUGMENTATIONS,
    HOOKS,
    INPUTS,
    TERMS,
    Augmentation,
    Hook,
    Job,
    Objective,
    Term,
    TrainingSettings,
)

__all__ = [
    "Pieces",
    "check_names",
    "job_of",
    "network_of",
    "pieces_of",
    "settings_of",
    "specification_of",
    "training_items",
]


@dataclass(frozen=True, kw_only=True)
class Pieces:
    """The objects that a ``[[training]]`` table names, before it meets a data set.

    Args:
        terms: Name → (weight, term).
        hooks: What happens beside the optimiser's step.
        augment: Changes of the training items.
        attack: What makes adversarial inputs; None without.
    """

    terms: Mapping[str, tuple[float, Term]]
    hooks: tuple[Hook, ...]
    augment: tuple[Augmentation, ...]
    attack: Attack | None


def pieces_of(training: TrainingPlan) -> Pieces:
    """Return the objects that a ``[[training]]`` table names.

    Args:
        training: The table.
    Raises:
        SettingError: a name or setting that does not exist.
    """
    terms = {}
    for name, record in training.terms.items():
        values = dict(record)
        terms[name] = (values.pop("weight"), TERMS.build(values))
    inputs = training.inputs
    attack = (
        None
        if inputs is None or inputs.attack is None
        else ATTACKS.build(inputs.attack, place="inputs")
    )
    return Pieces(
        terms=terms,
        hooks=tuple(HOOKS.build(hook) for hook in training.hooks),
        augment=tuple(AUGMENTATIONS.build(record) for record in training.augment),
        attack=attack,
    )


def job_of(
    part: DataPlan,
    training: TrainingPlan,
    data: Dataset,
    *,
    seed: int = 0,
    pieces: Pieces | None = None,
) -> Job:
    """Return what a ``[[training]]`` table says is to be done on a data set, taken whole.

    Args:
        part: The table of the data set.
        training: Objective, hooks, settings, augmentation and share of the epochs.
        data: The data set itself.
        seed: Of the run.
        pieces: What ``pieces_of`` made of the table; made here where absent.
    Returns:
        Everything that ``fit`` is given besides model and data; ``check`` says whether it fits.
    Raises:
        SettingError: a name or setting that does not exist.
    """
    pieces = pieces_of(training) if pieces is None else pieces
    terms = {
        name: (part.weights.get(name, weight) if weight else weight, term)
        for name, (weight, term) in pieces.terms.items()
    }
    inputs = training.inputs
    maker = None
    if inputs is not None:
        ladders = standard_threats(data, part.radii)
        threats = tuple(_threat(inputs, name, ladders, data) for name in inputs.names)
        maker = INPUTS[inputs.kind].planned(threats, pieces.attack, data.domain, inputs.settings)
    return Job(
        objective=Objective(terms, maker, pieces.hooks),
        epochs=max(1, round(part.epochs * training.epochs_factor)),
        seed=seed,
        settings=settings_of(part, training),
        augment=pieces.augment,
    )


def specification_of(part: DataPlan, training: TrainingPlan, data: Dataset) -> ModelSpec:
    """Return the network that a ``[[data]]`` table describes, as a ``[[training]]`` changes it.

    Args:
        part: The table of the data set.
        training: Its ``network`` replaces what the data set's table says.
        data: The data set itself.
    Returns:
        Its specification; nothing is built.
    Raises:
        SettingError: a name or setting that does not exist, or that the architecture cannot have.
    """
    assert part.model is not None  # the plan has seen to it
    choices = {name: getattr(part, name) for name in NETWORK_CHOICES} | training.network
    for name, registry in (("neuron", NEURONS), ("encoder", ENCODERS)):
        if choices[name] is not None:
            choices[name] = registry.build(choices[name])
    return spec_of(part.model, data, timesteps=part.timesteps, width=part.width, **choices)


def network_of(part: DataPlan, training: TrainingPlan, data: Dataset, *, seed: int = 0) -> Network:
    """Return the network of ``specification_of``, untrained; ``seed`` decides its first weights."""
    return build(specification_of(part, training, data), seed=seed)


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
        InputError: more items than there are, or none at all.
    """
    name = data.spec.name
    if not len(data.train):
        raise InputError(
            f"{name} has test items only, so nothing can be trained on it; bring x_train and "
            "y_train too."
        )
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


def check_names(plan: Plan, where: str = "plan") -> dict[str, Pieces]:
    """Return the objects that every ``[[training]]`` table names, by its name.

    Args:
        plan: The study.
        where: What to call it in an error.
    Raises:
        SettingError: a name that does not exist, or a record that cannot be built; its place in
            the plan is named.
    """
    for data in plan.data:
        _check_data(data, f"{where}: [[data]] {data.name!r}")
    known = [data.name for data in plan.data]
    for network in plan.network:
        for name in network.data or ():
            _check(name, known, "data set of this plan", f"{where}: [[network]] {network.name!r}")
    by_training = {}
    for training in plan.training:
        place = f"{where}: [[training]] {training.name!r}"
        for name in training.data or ():
            _check(name, known, "data set of this plan", place)
        for record in training.terms.values():
            _check(str(record["kind"]), TERMS, "term", place)
        with placed(place):
            pieces = by_training[training.name] = pieces_of(training)
            Objective(pieces.terms, hooks=pieces.hooks)
        for data in plan.data:
            if training in plan.trainings(data.name):
                settings_of(data, training, where)
                _check_inputs(training, data, place)
    return by_training


def _check_data(data: DataPlan, place: str) -> None:
    """Check the names in one ``[[data]]`` table."""
    if data.source is None:
        _check(data.name, datasets(), "data set", place)
    elif data.name in datasets():
        raise SettingError(
            f"{place}: that is the name of a data set of the package; give your own another one."
        )
    if data.model is not None:
        with placed(place):
            check_model(data.model)
    known_by = {"norm": NORMS, "pooling": POOLINGS, "stem": STEMS, "front_end": FRONT_ENDS}
    for key, known in known_by.items():
        if getattr(data, key) is not None:
            _check(getattr(data, key), known, key, place)
    for key, registry in (("neuron", NEURONS), ("encoder", ENCODERS)):
        if getattr(data, key) is not None:
            with placed(place):  # it can be built
                registry.build(getattr(data, key))
    if data.threats != "all":
        radii = radii_of(data, data.threats)
        for name in data.threats:
            _check(name, radii, f"threat for {data.name}", place)
    with placed(place):
        for name in data.radii:
            threat_facts(name)


def _check_inputs(training: TrainingPlan, data: DataPlan, place: str) -> None:
    """Check threats and level of adversarial inputs on one data set."""
    inputs = training.inputs
    if inputs is None:
        return
    radii = radii_of(data, inputs.names)
    for name in inputs.names:
        if name in inputs.radii or inputs.radius is not None:
            with placed(place):
                threat_facts(name)
            continue
        _check(name, radii, f"threat for {data.name}", place)
        if inputs.level is not None and inputs.level >= len(radii[name]):
            raise SettingError(
                f"{place}: inputs.level {inputs.level} does not exist; {name} on {data.name} has "
                f"the radii {', '.join(map(str, radii[name]))}, counted from 0."
            )


def _check(name: str, known: Iterable[str], what: str, place: str) -> None:
    """Like ``check_one_of``, saying where in the plan."""
    with placed(place):
        check_one_of(name, known, what)
