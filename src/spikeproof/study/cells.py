"""From a plan to cells: the units of work, each with an id that says everything it depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from spikeproof.attacks import ATTACKS, suite
from spikeproof.base import SettingError, digest
from spikeproof.data import Dataset, load
from spikeproof.evaluate import open_test, probed
from spikeproof.models import ENCODERS, Network, build
from spikeproof.neurons import NEURONS
from spikeproof.study.code import code_sha256, versions
from spikeproof.study.plan import DataPlan, InputsPlan, Plan, TrainingPlan
from spikeproof.threats import Threat, standard_threats
from spikeproof.train import INPUTS, RULES, TERMS, Objective, Training

__all__ = ["Cell", "cells_of", "dataset"]

# Passes per item that a suite is expected to take at one radius; only display and order use it.
_SUITE_PASSES = {"quick": 150.0, "core": 800.0, "standard": 3000.0, "full": 9000.0}


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One unit of work: train a network, climb one ladder with it, or probe it.

    Args:
        id: First 16 hex digits of the hash of everything that determines the result.
        cell: What to do, as plain data.
        parent: Id of the train cell whose network it looks at; None for a train cell.
        data_sha256: Hash of the data set.
        code_sha256: Hash of the code that was there when the cell was planned.
        cost: Expected effort in arbitrary units, for display and order.
    """

    id: str
    cell: Mapping[str, Any]
    parent: str | None
    data_sha256: str
    code_sha256: str
    cost: float

    @property
    def kind(self) -> str:
        """``"train"``, ``"attack"`` or ``"probe"``."""
        return str(self.cell["kind"])

    @property
    def title(self) -> str:
        """What a person reads: data, training, seed and what is done."""
        cell = self.cell
        done = cell["threat"]["name"] if self.kind == "attack" else self.kind
        return f"{cell['data']} · {cell['training']} · seed {cell['seed']} · {done}"

    def record(self) -> dict[str, Any]:
        """Plain data for ``plan.json``."""
        return {**asdict(self), "kind": self.kind, "title": self.title}


@cache
def dataset(name: str) -> Dataset:
    """The data set, made once per process."""
    return load(name)


def cells_of(plan: Plan) -> list[Cell]:
    """Return every cell of a plan, train cells first, in the order of the plan.

    Args:
        plan: The study.
    Returns:
        The cells; equal plans, code, data and versions give equal ids.
    Raises:
        SettingError: a name or setting in the plan that does not exist.
        InputError: more test items than a data set has.
    """
    trains, others = [], []
    for part in plan.data:
        data = dataset(part.name)
        threats = _threats(part, data)
        # Opened here only to refuse too many items before anything is computed.
        items = len(open_test(data, part.items or plan.items).y)
        for training in plan.trainings(part.name):
            for seed in plan.seeds:
                train = _train(part, training, seed, data)
                trains.append(train)
                looks = _Looks(plan, data, train, items)
                others += [looks.attack(ladder) for ladder in threats.values()]
                others.append(looks.probe(threats))
    return trains + others


def _cell(cell: dict[str, Any], parent: str | None, data: Dataset, cost: float) -> Cell:
    """A cell with its id."""
    content = {
        "cell": cell,
        "code_sha256": code_sha256(),
        "data_sha256": data.spec.sha256,
        "threads": 1,
        "versions": versions(),
    }
    # Small inputs cost more per feature: measured on the demo, effort grows like size to the 0.4.
    scale = (data.domain.size / 1000) ** 0.4
    return Cell(
        id=digest(content)[:16],
        cell=cell,
        parent=parent,
        data_sha256=data.spec.sha256,
        code_sha256=code_sha256(),
        cost=round(cost * scale, 3),
    )


def _threats(part: DataPlan, data: Dataset) -> dict[str, tuple[Threat, ...]]:
    """The ladders that a ``[[data]]`` table asks for."""
    known = standard_threats(data)
    names = list(known) if part.threats == "all" else list(part.threats)
    return {name: known[name] for name in names}


def _train(part: DataPlan, training: TrainingPlan, seed: int, data: Dataset) -> Cell:
    """The train cell of one data set, training and seed."""
    model = _model(part, training, data, seed)
    objective = _objective(part, training, data)
    settings = Training(batch_size=part.batch_size, learning_rate=part.learning_rate)
    epochs = max(1, round(part.epochs * training.epochs_factor))
    steps = objective.inputs.effort if objective.inputs else 0
    passes = 3 + 3 * steps + 4 * (len(objective.terms) - 1)
    cell = {
        "kind": "train",
        "data": part.name,
        "training": training.name,
        "seed": seed,
        "model": model.spec.record(),
        "objective": objective.record(),
        "epochs": epochs,
        "settings": asdict(settings),
    }
    return _cell(cell, None, data, epochs * len(data.train) * passes * model.spec.timesteps / 1000)


def _model(part: DataPlan, training: TrainingPlan, data: Dataset, seed: int) -> Network:
    """The network that a ``[[data]]`` table describes, as a ``[[training]]`` table changes it."""
    names = ("neuron", "encoder", "norm", "pooling", "stem")
    made = {name: getattr(part, name) for name in names} | training.network
    for name, registry in (("neuron", NEURONS), ("encoder", ENCODERS)):
        if made[name] is not None:
            made[name] = registry.build(made[name])
    return build(part.model, data, timesteps=part.timesteps, width=part.width, seed=seed, **made)


def _objective(part: DataPlan, training: TrainingPlan, data: Dataset) -> Objective:
    """The objective that a ``[[training]]`` table describes, on one data set."""
    terms = {}
    for name, record in training.terms.items():
        values = dict(record)
        weight = values.pop("weight")
        terms[name] = (part.weights.get(name, weight), TERMS.build(values))
    rules = tuple(RULES.build(rule) for rule in training.rules)
    inputs = training.inputs
    if inputs is None:
        return Objective(terms, rules=rules)
    attack = None if inputs.attack is None else ATTACKS.build(inputs.attack)
    threats = tuple(_threat(inputs, name, data) for name in inputs.names)
    made = INPUTS[inputs.kind].planned(threats, attack, data.domain, inputs.settings)
    objective = Objective(terms, made, rules)
    objective.check(data)
    return objective


def _threat(inputs: InputsPlan, name: str, data: Dataset) -> Threat:
    """One threat of adversarial inputs."""
    ladder = standard_threats(data)[name]
    radius = inputs.radii.get(name, inputs.radius)
    if radius is not None:
        return ladder[0].at(radius)
    level = len(ladder) // 2 if inputs.level is None else inputs.level
    if level >= len(ladder):
        raise SettingError(f"inputs.level {level}: {data.spec.name} has {len(ladder)} radii.")
    return ladder[level]


@dataclass(frozen=True)
class _Looks:
    """What looks at one trained network."""

    plan: Plan
    data: Dataset
    train: Cell
    items: int

    def attack(self, ladder: tuple[Threat, ...]) -> Cell:
        """The attack cell of one ladder."""
        record = ladder[0].record()
        del record["radius"]
        cell = {
            **self._start("attack"),
            "threat": {**record, "radii": [threat.radius for threat in ladder]},
            "suite": {"name": self.plan.suite, **suite(self.plan.suite).record()},
            "items": self.items,
            "draws": self.plan.draws,
        }
        passes = len(ladder) * (self.plan.draws + _SUITE_PASSES[self.plan.suite])
        return self._cell(cell, self.items * passes)

    def probe(self, threats: Mapping[str, tuple[Threat, ...]]) -> Cell:
        """The probe cell."""
        chosen = probed([threat for ladder in threats.values() for threat in ladder])
        items = min(self.plan.probe_items, self.items)
        cell = {
            **self._start("probe"),
            "threats": [threat.record() for threat in chosen],
            "draws": self.plan.draws,
            "items": items,
        }
        return self._cell(cell, items * len(chosen) * (self.plan.draws + 120))

    def _start(self, kind: str) -> dict[str, Any]:
        cell = self.train.cell
        names = {name: cell[name] for name in ("data", "training", "seed")}
        return {"kind": kind, "parent": self.train.id, **names}

    def _cell(self, cell: dict[str, Any], passes: float) -> Cell:
        timesteps = self.train.cell["model"]["timesteps"]
        return _cell(cell, self.train.id, self.data, passes * timesteps / 1000)
