"""From a plan to cells: the units of work, each with an id that says everything it depends on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from spikeproof.base import SettingError, placed
from spikeproof.data import Dataset
from spikeproof.evaluate import open_split
from spikeproof.runs import cell_id
from spikeproof.study.assemble import (
    Pieces,
    check_names,
    job_of,
    specification_of,
    training_items,
)
from spikeproof.study.datasets import dataset_of, items_scale
from spikeproof.study.fingerprint import code_sha256, files_sha256, versions
from spikeproof.study.ladders import ladders_of, timed_of
from spikeproof.study.looks import SUITE_PASSES, Asked, Looks
from spikeproof.study.network import NetworkPlan
from spikeproof.study.own import weights_of
from spikeproof.study.plan import DataPlan, Plan, TrainingPlan
from spikeproof.study.resources import Resources

__all__ = ["Cell", "cells_of", "expected_passes"]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One unit of work: train a network, evaluate one ladder of it, probe it, or disturb it.

    Args:
        id: First 16 hex digits of the hash of everything that determines the result.
        cell: What to do, as plain data.
        parent: Id of the cell whose network it looks at; None for one that holds a network.
        data_sha256: Hash of the data set.
        code_sha256: Hash of the code that was there when the cell was planned.
        cost: Expected effort in arbitrary units, for display and order.
        files: Path → hash of the files that it reads besides data and network.
        resources: What it needs of a machine.
        source: The file that a network is taken from, or the function that makes it; no part of
            the id.
        weights: The file of weights that the function's network gets; no part of the id.
        data_source: Where data of the user's own are; no part of the id, which their hash is.
    """

    id: str
    cell: Mapping[str, Any]
    parent: str | None
    data_sha256: str
    code_sha256: str
    cost: float
    files: Mapping[str, str] = field(default_factory=dict)
    resources: Resources = field(default_factory=Resources)
    source: str | None = None
    weights: str | None = None
    data_source: str | None = None

    @property
    def kind(self) -> str:
        """``"train"``, ``"network"``, or what looks at one: ``"diagnosis"``, ``"attack"``, ..."""
        return str(self.cell["kind"])

    @property
    def title(self) -> str:
        """What a person reads: data, training, seed and what is done."""
        cell = self.cell
        done = cell["threat"]["name"] if self.kind == "attack" else self.kind
        if cell.get("split", "test") != "test":
            done = f"{done} on {cell['split']} items"
        return f"{cell['data']} · {cell['training']} · seed {cell['seed']} · {done}"

    def record(self) -> dict[str, Any]:
        """Plain data for ``plan.json``."""
        record = {**asdict(self), "kind": self.kind, "title": self.title}
        record["resources"] = self.resources.plain()
        absent = [k for k in ("source", "weights", "data_source") if record[k] is None]
        return {key: value for key, value in record.items() if key not in absent}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Cell:
        """The cell that ``record`` returned, also of an earlier version."""
        known = {key: record[key] for key in cls.__dataclass_fields__ if key in record}
        return cls(**{**known, "resources": Resources(**known.get("resources", {}))})


def expected_passes(cell: Cell) -> float:
    """About how many passes of single items an attack cell takes."""
    content = cell.cell
    radii, suite_name = len(content["threat"]["radii"]), content["suite"]["name"]
    passes = radii * content["items"] * (content["draws"] + SUITE_PASSES[suite_name])
    return float(min(passes, content.get("budget", {}).get("passes", passes)))


def cells_of(plan: Plan) -> list[Cell]:
    """Return every cell of a plan, those that hold networks first, in the order of the plan.

    Args:
        plan: The study.
    Returns:
        The cells; equal plans, code, data and versions give equal ids.
    Raises:
        SettingError: a name or setting in the plan that does not exist.
        InputError: more items than a data set has, or a network that cannot be attacked on it.
        FileProblem: a network's file is not there, or not the one that the plan means.
    """
    pieces = check_names(plan)
    holders, others = [], []
    for part in plan.data:
        data = dataset_of(part)
        threats = ladders_of(part, data)
        # Opened here only to refuse too many items before anything is computed.
        items = len(open_split(data, plan.split, part.items or plan.items, skip=part.skip))
        timed = timed_of(plan, part, data, items)
        looks = Looks(plan, items, sum(map(len, threats.values())))
        grid = looks.grid(threats)
        for holder in _holders(plan, part, pieces, data):
            holders.append(holder)
            look = _Look(plan, data, holder, part.skip)
            others += [look.cell("diagnosis", ({"items": items}, items))]
            others += [look.cell("attack", looks.attack(ladder)) for ladder in threats.values()]
            others += [look.cell("probe", looks.probe(threats))] if plan.probe_items else []
            others += [look.timing(settings) for settings in timed]
            others += [look.cell("doctor", looks.doctor(threats))] if plan.doctor else []
            others += [look.cell("grid", grid)] if grid else []
    if plan.grid and not any(cell.kind == "grid" for cell in others):
        raise SettingError(
            f"Plan {plan.name!r} asks for a grid of joint budgets, and none of its data sets is "
            "attacked with the threat 'joint' on two views; leave the grid out, or attack pairs "
            "such as digits-av with it."
        )
    return holders + others


def _holders(
    plan: Plan, part: DataPlan, pieces: Mapping[str, Pieces], data: Dataset
) -> Iterator[Cell]:
    """The cells that hold the networks of a data set: trained here, or taken from a file."""
    for training in plan.trainings(part.name):
        first = _trained(part, training, pieces[training.name], data, plan.compute.resources)
        yield from (first.cell(seed) for seed in plan.seeds)
    for network in plan.networks(part.name):
        yield _taken(network, data, plan.seeds[0])


def _taken(network: NetworkPlan, data: Dataset, seed: int) -> Cell:
    """The cell that holds a network from a file."""
    weights = weights_of(network, data)
    content = {
        "kind": "network",
        "data": data.spec.name,
        "training": network.name,
        "seed": seed if network.seed is None else network.seed,
        "model": dict(weights.model),
        "model_sha256": weights.sha256,
    }
    # Weights are the same bits on every device, so this cell has none.
    cell = _cell(content, None, data, 0.0, Resources())
    return replace(cell, source=network.build or network.file, weights=network.weights)


def _cell(
    cell: dict[str, Any], train: Cell | None, data: Dataset, cost: float, resources: Resources
) -> Cell:
    """A cell with its id; ``train`` is the one that holds the network it looks at."""
    model = (cell if train is None else train.cell)["model"]
    code = code_sha256(cell, data.domain, model)
    files = files_sha256(cell, data.domain, model)
    inputs = {"code_sha256": code, "data_sha256": data.spec.sha256, "files": files}
    return Cell(
        id=cell_id(cell, inputs, versions(), resources.record()),
        cell=cell,
        parent=None if train is None else train.id,
        data_sha256=data.spec.sha256,
        code_sha256=code,
        cost=round(cost * items_scale(data), 3),
        files=files,
        resources=resources,
        data_source=data.spec.reference,
    )


@dataclass(frozen=True)
class _Trained:
    """One training on one data set, whatever the seed."""

    data: Dataset
    record: dict[str, Any]
    cost: float
    resources: Resources

    def cell(self, seed: int) -> Cell:
        """The train cell of a seed."""
        return _cell({**self.record, "seed": seed}, None, self.data, self.cost, self.resources)


def _trained(
    part: DataPlan, training: TrainingPlan, pieces: Pieces, data: Dataset, resources: Resources
) -> _Trained:
    """Put one training on one data set together, and see that it makes sense."""
    spec = specification_of(part, training, data)
    work = job_of(part, training, data, pieces=pieces)
    few = training_items(data, part.train_items, part.validation_items)
    with placed(f"[[training]] {training.name!r} on {part.name}"):
        work.check(few, resources.device.partition(":")[0])
    steps = work.objective.inputs.effort if work.objective.inputs else 0
    passes = 3 + 3 * steps + 4 * (len(work.objective.terms) - 1)
    record = work.record()
    del record["exam"]
    cell = {
        "kind": "train", "data": part.name, "training": training.name, "model": spec.record(),
        **record,
        "train_items": part.train_items, "validation_items": part.validation_items,
    }  # fmt: skip
    effort = work.epochs * len(few.train) * passes * spec.timesteps / 1000
    return _Trained(data, cell, effort, resources)


@dataclass(frozen=True)
class _Look:
    """What looks at one trained network."""

    plan: Plan
    data: Dataset
    train: Cell
    skip: int

    def cell(self, kind: str, asked: Asked) -> Cell:
        """The cell of a kind with its settings."""
        model, (settings, passes) = self.train.cell["model"], asked
        names = {name: self.train.cell[name] for name in ("data", "training", "seed")}
        where = {"split": self.plan.split, "skip": self.skip}
        cell = {"kind": kind, "parent": self.train.id, **where, **names, **settings}
        effort, resources = passes * model.get("timesteps", 1) / 1000, self.plan.compute.resources
        looks = _cell(cell, self.train, self.data, effort, resources)
        # Whatever computes it makes a network of own code by the same path.
        return replace(looks, source=self.train.source) if "source" in model else looks

    def timing(self, settings: dict[str, Any]) -> Cell:
        """The cell of random changes of spike timing."""
        if settings["hidden"] and "source" in self.train.cell["model"]:
            raise SettingError(
                f"[[network]] {self.train.cell['training']!r}: the spikes inside a network of "
                "your own code cannot be moved; leave hidden = true out of the timing."
            )
        levels = sum(map(len, settings["levels"].values()))
        passes = settings["items"] * (1 + settings["draws"] * levels)
        return self.cell("timing", (settings, passes))
