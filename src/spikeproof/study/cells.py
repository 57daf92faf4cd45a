"""From a plan to cells: the units of work, each with an id that says everything it depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any

from spikeproof.attacks import suite
from spikeproof.base import InputError, SettingError, digest, placed
from spikeproof.data import Dataset, Split, load
from spikeproof.evaluate import check_timing, open_test, open_validation, probed
from spikeproof.study.assemble import (
    Pieces,
    check_names,
    job_of,
    specification_of,
    training_items,
)
from spikeproof.study.fingerprint import code_sha256, files_sha256, versions
from spikeproof.study.plan import DataPlan, Plan, TrainingPlan
from spikeproof.study.resources import Resources
from spikeproof.threats import Threat, standard_threats

__all__ = ["Cell", "cells_of", "dataset", "opened"]

# Passes per item that a suite is expected to take at one radius; only display and order use it.
_SUITE_PASSES = {"quick": 90.0, "core": 350.0, "standard": 1300.0, "full": 12000.0}


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One unit of work: train a network, evaluate one ladder of it, probe it, or disturb it.

    Args:
        id: First 16 hex digits of the hash of everything that determines the result.
        cell: What to do, as plain data.
        parent: Id of the train cell whose network it looks at; None for a train cell.
        data_sha256: Hash of the data set.
        code_sha256: Hash of the code that was there when the cell was planned.
        cost: Expected effort in arbitrary units, for display and order.
        files: Path → hash of the files that it reads besides data and network.
        resources: What it needs of a machine.
    """

    id: str
    cell: Mapping[str, Any]
    parent: str | None
    data_sha256: str
    code_sha256: str
    cost: float
    files: Mapping[str, str] = field(default_factory=dict)
    resources: Resources = field(default_factory=Resources)

    @property
    def kind(self) -> str:
        """``"train"``, ``"attack"``, ``"probe"`` or ``"timing"``."""
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
        return {**asdict(self), "kind": self.kind, "title": self.title}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Cell:
        """The cell that ``record`` returned, also of an earlier version."""
        known = {key: record[key] for key in cls.__dataclass_fields__ if key in record}
        return cls(**{**known, "resources": Resources(**known.get("resources", {}))})


@cache
def dataset(name: str) -> Dataset:
    """The data set, made once per process."""
    return load(name)


def opened(data: Dataset, split: str, items: int, skip: int) -> Split:
    """The items of a split that cells look at; only ``"test"`` unseals the test items."""
    return {"test": open_test, "validation": open_validation}[split](data, items, skip=skip)


def cells_of(plan: Plan) -> list[Cell]:
    """Return every cell of a plan, train cells first, in the order of the plan.

    Args:
        plan: The study.
    Returns:
        The cells; equal plans, code, data and versions give equal ids.
    Raises:
        SettingError: a name or setting in the plan that does not exist.
        InputError: more items than a data set has.
    """
    pieces = check_names(plan)
    trains, others = [], []
    for part in plan.data:
        data = dataset(part.name)
        threats = _threats(part, data)
        # Opened here only to refuse too many items before anything is computed.
        items = len(opened(data, plan.split, part.items or plan.items, part.skip))
        timed = _timed(plan, part, data, items)
        for training in plan.trainings(part.name):
            first = _trained(part, training, pieces[training.name], data)
            for seed in plan.seeds:
                train = first.cell(seed)
                trains.append(train)
                looks = _Looks(plan, data, train, items, part.skip)
                others += [looks.attack(ladder) for ladder in threats.values()]
                others.append(looks.probe(threats))
                others += [looks.timing(settings) for settings in timed]
    return trains + others


def _cell(cell: dict[str, Any], train: Cell | None, data: Dataset, cost: float) -> Cell:
    """A cell with its id; ``train`` is the one whose network it looks at."""
    model, resources = (cell if train is None else train.cell)["model"], Resources()
    code = code_sha256(cell, data.domain, model)
    files = files_sha256(cell, data.domain, model)
    content = {
        "cell": cell,
        "code_sha256": code,
        "data_sha256": data.spec.sha256,
        "versions": versions(),
        **resources.record(),
        **({"files": files} if files else {}),
    }
    # Small inputs cost more per feature: measured on the demo, effort grows like size to the 0.4.
    scale = (data.domain.size / 1000) ** 0.4
    return Cell(
        id=digest(content)[:16],
        cell=cell,
        parent=None if train is None else train.id,
        data_sha256=data.spec.sha256,
        code_sha256=code,
        cost=round(cost * scale, 3),
        files=files,
        resources=resources,
    )


def _threats(part: DataPlan, data: Dataset) -> dict[str, tuple[Threat, ...]]:
    """The ladders that a ``[[data]]`` table asks for."""
    known = standard_threats(data, part.radii)
    names = list(known) if part.threats == "all" else list(part.threats)
    return {name: _chosen(part, name, known[name]) for name in names}


def _chosen(part: DataPlan, name: str, ladder: tuple[Threat, ...]) -> tuple[Threat, ...]:
    """The rungs of a ladder that a ``[[data]]`` table asks for."""
    if part.levels is None:
        return ladder
    if not 0 <= part.levels[0] <= part.levels[-1] < len(ladder):
        raise SettingError(
            f"[[data]] {part.name!r}: levels {list(part.levels)} do not exist; {name} has "
            f"{len(ladder)} radii, counted from 0."
        )
    return tuple(ladder[level] for level in part.levels)


def _timed(plan: Plan, part: DataPlan, data: Dataset, items: int) -> list[dict[str, Any]]:
    """What the timing cells of a data set measure, where it asks for them."""
    if part.timing is None:
        return []
    asked = part.timing
    try:
        check_timing(data, hidden=asked.hidden)
    except InputError as problem:
        raise SettingError(f"[[data]] {part.name!r}: timing: {problem}") from None
    some = len(opened(data, plan.split, asked.items or items, part.skip))
    levels = {kind: list(levels) for kind, levels in asked.levels.items()}
    return [{"levels": levels, "hidden": asked.hidden, "draws": asked.draws, "items": some}]


@dataclass(frozen=True)
class _Trained:
    """One training on one data set, whatever the seed."""

    data: Dataset
    record: dict[str, Any]
    cost: float

    def cell(self, seed: int) -> Cell:
        """The train cell of a seed."""
        return _cell({**self.record, "seed": seed}, None, self.data, self.cost)


def _trained(part: DataPlan, training: TrainingPlan, pieces: Pieces, data: Dataset) -> _Trained:
    """Put one training on one data set together, and see that it makes sense."""
    spec = specification_of(part, training, data)
    work = job_of(part, training, data, pieces=pieces)
    few = training_items(data, part.train_items, part.validation_items)
    with placed(f"[[training]] {training.name!r} on {part.name}"):
        work.check(few, "cpu")
    steps = work.objective.inputs.effort if work.objective.inputs else 0
    passes = 3 + 3 * steps + 4 * (len(work.objective.terms) - 1)
    record = work.record()
    del record["exam"]
    cell = {
        "kind": "train",
        "data": part.name,
        "training": training.name,
        "model": spec.record(),
        **record,
        "train_items": part.train_items,
        "validation_items": part.validation_items,
    }
    return _Trained(data, cell, work.epochs * len(few.train) * passes * spec.timesteps / 1000)


@dataclass(frozen=True)
class _Looks:
    """What looks at one trained network."""

    plan: Plan
    data: Dataset
    train: Cell
    items: int
    skip: int

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

    def timing(self, settings: dict[str, Any]) -> Cell:
        """The cell of random changes of spike timing."""
        levels = sum(map(len, settings["levels"].values()))
        passes = settings["items"] * (1 + settings["draws"] * levels)
        return self._cell({**self._start("timing"), **settings}, passes)

    def _start(self, kind: str) -> dict[str, Any]:
        cell = self.train.cell
        names = {name: cell[name] for name in ("data", "training", "seed")}
        where = {"split": self.plan.split, "skip": self.skip}
        return {"kind": kind, "parent": self.train.id, **where, **names}

    def _cell(self, cell: dict[str, Any], passes: float) -> Cell:
        timesteps = self.train.cell["model"]["timesteps"]
        return _cell(cell, self.train, self.data, passes * timesteps / 1000)
