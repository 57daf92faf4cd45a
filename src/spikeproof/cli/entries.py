"""What there is, asked of the registries themselves: what ``catalogue.json`` is written from.

``spikeproof list`` asks here only where another package offers something: this imports torch.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from spikeproof.cli.training_text import training_text
from spikeproof.names import radius_text

if TYPE_CHECKING:
    from spikeproof.base import Registry

__all__ = ["KINDS", "collected", "entries_of"]

Rows = list[tuple[str, str]]

# What a terminal shows in place of the few signs that first lines of docstrings write in LaTeX.
_SIGNS = {r"\lambda": "λ", r"\sigma": "σ", r"\ell": "ℓ", r"\infty": "∞", r"\,": " "}


def collected() -> str:
    """Return the content of ``catalogue.json``.

    Cost: imports every room.
    """
    content = {
        "kinds": [[kind, [list(row) for row in entries_of(kind)]] for kind in KINDS],
        "words": _words(),
        "data": _specs(),
        "norms": _norms(),
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def entries_of(kind: str) -> Rows:
    """Return every name of a kind with a sentence about it, those of other packages among them.

    Args:
        kind: A key of ``KINDS``.
    """
    return KINDS[kind]()


def _said(thing: object) -> str:
    """The first line of a docstring, in the signs of a terminal."""
    text = (inspect.getdoc(thing) or "").split("\n")[0].replace("``", "")
    text = re.sub(r":math:`([^`]*)`", lambda found: _plain(found[1]), text)
    return re.sub(r":\w+:`~?([^`]*)`", r"\1", text)


def _plain(formula: str) -> str:
    """A short formula without LaTeX."""
    for command, sign in _SIGNS.items():
        formula = formula.replace(command, sign)
    return formula


def _members(registry: Registry[Any]) -> Rows:
    """Every kind with what its class says; of a broken package, what is wrong with it."""
    from spikeproof.base import SettingError

    rows = []
    for kind in registry:
        try:
            rows.append((kind, _said(registry[kind])))
        except SettingError as problem:
            rows.append((kind, str(problem)))
    return rows


def _attacks() -> Rows:
    from spikeproof.attacks import ATTACKS

    return _members(ATTACKS)


def _augmentations() -> Rows:
    from spikeproof.train import AUGMENTATIONS

    return [
        (kind, f"{AUGMENTATIONS[kind].kind}: {_said(AUGMENTATIONS[kind])}")
        for kind in AUGMENTATIONS
    ]


def _claims() -> Rows:
    from spikeproof.analysis import CLAIMS

    return _members(CLAIMS)


def _data() -> Rows:
    from spikeproof.data import datasets, describe

    rows = []
    for name in datasets():
        spec = describe(name)
        # What the labels of a derived set rest on, its own row says; `data list` says all.
        rows.append((name, f"{spec.modality}: {spec.source.partition('; ')[0].rstrip('.')}."))
    return rows


def _encoders() -> Rows:
    from spikeproof.models import ENCODERS

    return _members(ENCODERS)


def _executors() -> Rows:
    from spikeproof.study import EXECUTORS

    return _members(EXECUTORS)


def _inputs() -> Rows:
    from spikeproof.train import INPUTS

    return _members(INPUTS)


def _models() -> Rows:
    from spikeproof.models import architecture, models
    from spikeproof.study import load_plan

    on: dict[str, list[str]] = {}
    for data in load_plan("demo").data:
        on.setdefault(str(data.model), []).append(data.name)
    rows: Rows = []
    first: dict[Any, str] = {}  # several depths of one architecture are said once
    for name in sorted(models(), key=_by_number):
        make = architecture(name)
        text = _said(make)
        if make in first:
            text = f"As {first[make]}, with {name.rpartition('-')[2]} layers."
        first.setdefault(make, name)
        rows.append(
            (name, text + (f" In the demo on {', '.join(on[name])}." if name in on else ""))
        )
    return rows


def _by_number(name: str) -> tuple[str, int]:
    """vgg-5 before vgg-11."""
    start, _, number = name.rpartition("-")
    return (start, int(number)) if number.isdigit() else (name, 0)


def _neurons() -> Rows:
    from spikeproof.neurons import NEURONS

    return _members(NEURONS)


def _gradients() -> Rows:
    from spikeproof.oracle import GRADIENTS

    return _members(GRADIENTS)


def _plans() -> Rows:
    from spikeproof.study import load_plan, plans

    rows = []
    for name in plans():
        plan = load_plan(name)
        data = ", ".join(part.name for part in plan.data)
        trainings = ", ".join(part.name for part in plan.training)
        seeds = f"{len(plan.seeds)} seed{'s' if len(plan.seeds) > 1 else ''}"
        rows.append((name, f"{trainings} on {data}; suite {plan.suite}, {seeds}"))
    return rows


def _hooks() -> Rows:
    from spikeproof.train import HOOKS

    return _members(HOOKS)


def _suites() -> Rows:
    from spikeproof.attacks import SUITES, Member

    def said(member: Member) -> str:
        limits = [f"{member.radius}s only"] if member.radius != "any" else []
        if "far" not in member.on:
            limits.append("not far" if "near" in member.on else " or ".join(member.on))
        return f"{member.name} ({', '.join(limits)})" if limits else member.name

    return [
        (name, f"{len(found.members)} attacks: {'; '.join(map(said, found.members))}")
        for name, found in SUITES.items()
    ]


def _surrogates() -> Rows:
    from spikeproof.neurons import SHAPES, Surrogate

    default = Surrogate()
    usual = (
        f" The default, with sharpness s = {default.sharpness:g}; u is the membrane minus the "
        "threshold."
    )
    return [
        (shape, _said(SHAPES[shape]) + (usual if shape == default.shape else ""))
        for shape in sorted(SHAPES)
    ]


def _terms() -> Rows:
    from spikeproof.train import TERMS

    return _members(TERMS)


def _threats() -> Rows:
    from spikeproof.data import datasets, describe
    from spikeproof.threats import GEOMETRIES

    on: dict[str, list[str]] = {}
    for name in datasets():
        for threat, radii in describe(name).radii.items():
            on.setdefault(threat, []).append(f"{name} {', '.join(map(radius_text, radii))}")
    said = dict(_members(GEOMETRIES))
    return [
        (name, " · ".join([said.get(name, said.get(name.split("-")[0], "")), *on.get(name, ())]))
        for name in sorted({*said, *on})
    ]


def _trainings() -> Rows:
    from spikeproof.study import load_plan

    plans = load_plan("demo"), load_plan("recipes")
    return [
        (training.name, training_text(training)) for plan in plans for training in plan.training
    ]


def _words() -> dict[str, list[str]]:
    """Names that options take and ``list`` does not show."""
    from spikeproof.evaluate import FLAGS
    from spikeproof.train import TrainingSettings

    settings = [field.name for field in dataclasses.fields(TrainingSettings)]
    return {"flags": list(FLAGS), "settings": settings}


def _specs() -> list[dict[str, Any]]:
    """What is known of every data set."""
    from spikeproof.data import datasets, describe

    return [dataclasses.asdict(describe(name)) for name in datasets()]


def _norms() -> dict[str, str]:
    """The threats that are l_p norms; JSON has no infinity, so p is a text."""
    from spikeproof.threats import GEOMETRIES

    facts = [each for kind in sorted(GEOMETRIES.members) for each in GEOMETRIES[kind].facts.items()]
    return {name: str(fact.order) for name, fact in facts if fact.order is not None}


KINDS: dict[str, Callable[[], Rows]] = {
    "data": _data,
    "models": _models,
    "encoders": _encoders,
    "neurons": _neurons,
    "surrogates": _surrogates,
    "gradients": _gradients,
    "threats": _threats,
    "attacks": _attacks,
    "suites": _suites,
    "terms": _terms,
    "augmentations": _augmentations,
    "inputs": _inputs,
    "hooks": _hooks,
    "trainings": _trainings,
    "plans": _plans,
    "executors": _executors,
    "claims": _claims,
}
"""What makes the rows of each kind."""
