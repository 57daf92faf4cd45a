"""From a TOML file, or the name of a plan that comes with the package, to a checked plan."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any

from spikeproof.attacks import ATTACKS
from spikeproof.base import (
    FileProblem,
    Registry,
    SettingError,
    check_one_of,
    old_spelling,
    placed,
    suggestion,
)
from spikeproof.data import datasets, describe
from spikeproof.models import ENCODERS, NORMS, POOLINGS, STEMS, models
from spikeproof.neurons import NEURONS
from spikeproof.study.assemble import augmentations_of, settings_of
from spikeproof.study.plan import DataPlan, Plan, TrainingPlan
from spikeproof.threats import threat_facts
from spikeproof.train import HOOKS, TERMS, Objective

__all__ = ["RESEARCH", "check_names", "load_plan", "plans"]

# Plans that once came with the package and now lie in a checkout, under research/plans.
RESEARCH = (
    "contest", "contest-fresh", "contest-more", "contest-refined", "contest-standard",
    "sparsity", "synchrony", "training", "training-standard",
)  # fmt: skip


def plans() -> list[str]:
    """Return the names of the plans that come with the package."""
    folder = resources.files("spikeproof.study") / "plans"
    return sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".toml"))


def load_plan(path: Path | str) -> Plan:
    """Read a plan from a TOML file, or take one that comes with the package by its name.

    Args:
        path: A file, or a name from ``plans()``.
    Returns:
        The plan; every key, type and name in it has been checked.
    Raises:
        FileProblem: no such file, or not TOML (the line is named).
        SettingError: an unknown key or name (the nearest known one is named), a missing key, or
            a value of the wrong type.
    Example:
        >>> load_plan("quick").seeds
        (0,)
    """
    name = str(path)
    if name in plans():
        text, where = _shipped(name), f"plan {name!r}"
    else:
        text, where = _read(Path(path)), name
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise FileProblem(f"{where} is not TOML: {problem}.") from None
    for table in values.get("training", ()):
        if isinstance(table, dict) and "rules" in table:
            old_spelling("rules", "hooks", f"{where}: [[training]] {table.get('name', '')!r}")
    plan = Plan.from_record(values, where)
    check_names(plan, where)
    return plan


def _shipped(name: str) -> str:
    """The text of a plan that comes with the package."""
    return (resources.files("spikeproof.study") / "plans" / f"{name}.toml").read_text("utf-8")


def _read(path: Path) -> str:
    """The text of a plan file."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if str(path) in RESEARCH:
            raise FileProblem(
                f"{str(path)!r} is a plan of the project's research, not of the package; pass the "
                f"path of research/plans/{path}.toml in a checkout."
            ) from None
        bare = path.suffix == "" and len(path.parts) == 1
        hint = f" {suggestion(str(path), plans())}" if bare else ""
        raise FileProblem(f"There is no plan at {path}.{hint}") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise FileProblem(f"Cannot read the plan {path}: {problem}.") from None


def check_names(plan: Plan, where: str = "plan") -> None:
    """Raise SettingError unless every name in the plan exists and every record can be built."""
    for data in plan.data:
        _check_data(data, f"{where}: [[data]] {data.name!r}")
    known = [data.name for data in plan.data]
    for training in plan.training:
        place = f"{where}: [[training]] {training.name!r}"
        for name in training.data or ():
            _check(name, known, "data set of this plan", place)
        for record in training.terms.values():
            _check(str(record["kind"]), TERMS, "term", place)
        with placed(place):
            _check_records(training)
        for data in plan.data:
            if training in plan.trainings(data.name):
                settings_of(data, training, where)
                _check_inputs(training, data, place)


def _check_records(training: TrainingPlan) -> None:
    """Check the records of a ``[[training]]`` table that need no data set."""
    terms = {}
    for name, record in training.terms.items():
        values = dict(record)
        terms[name] = (values.pop("weight"), TERMS.build(values))
    Objective(terms, hooks=tuple(HOOKS.build(hook) for hook in training.hooks))
    augmentations_of(training)


def _check_data(data: DataPlan, place: str) -> None:
    """Check the names in one ``[[data]]`` table."""
    _check(data.name, datasets(), "data set", place)
    _check(data.model, models(), "model", place)
    for key, known in (("norm", NORMS), ("pooling", POOLINGS), ("stem", STEMS)):
        if getattr(data, key) is not None:
            _check(getattr(data, key), known, key, place)
    for key, registry in (("neuron", NEURONS), ("encoder", ENCODERS)):
        record = getattr(data, key)
        if record is not None:
            _check_record(registry, record, place)
    if data.threats != "all":
        for name in data.threats:
            _check(
                name, {**describe(data.name).radii, **data.radii}, f"threat for {data.name}", place
            )
    with placed(place):
        for name in data.radii:
            threat_facts(name)


def _check_record(registry: Registry[Any], record: str | dict[str, Any], place: str) -> None:
    """Raise SettingError unless the record of a neuron or an encoder can be built."""
    with placed(place):
        registry.build(record)


def _check_inputs(training: TrainingPlan, data: DataPlan, place: str) -> None:
    """Check attack, threat and level of adversarial inputs on one data set."""
    inputs = training.inputs
    if inputs is None:
        return
    if inputs.attack is not None:
        ATTACKS.build(inputs.attack)
    radii = {**describe(data.name).radii, **data.radii}
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
