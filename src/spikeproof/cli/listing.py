"""``spikeproof list``: what there is, under the names that commands and plans use."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spikeproof.cli.options import Json, pick
from spikeproof.cli.show import print_json, print_table

if TYPE_CHECKING:
    from spikeproof.base import Registry

__all__ = ["listing"]

Rows = list[tuple[str, str]]


def listing(
    kind: Annotated[
        str | None,
        typer.Argument(
            help="attacks, augmentations, claims, data, encoders, executors, gradients, hooks, "
            "inputs, models, neurons, plans, suites, surrogates, terms, threats or trainings; "
            "all of them by default."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """List data, models, neurons, threats, attacks, trainings, plans.

    \b
    Example:
      spikeproof list threats
    """
    if kind in _RENAMED:
        from spikeproof.base import old_spelling

        old_spelling(kind, _RENAMED[kind], "spikeproof list")
        kind = _RENAMED[kind]
    kinds = [pick(kind, _KINDS, "kind")] if kind else list(_KINDS)
    found = {name: _KINDS[name]() for name in kinds}
    if as_json:
        print_json({name: dict(rows) for name, rows in found.items()})
        return
    for name, rows in found.items():
        print_table((name, ""), rows)


def _said(thing: object) -> str:
    """The first line of a docstring."""
    return (inspect.getdoc(thing) or "").split("\n")[0].replace("``", "")


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

    return [(name, f"{describe(name).modality}: {describe(name).source}") for name in datasets()]


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
    from spikeproof.models import models
    from spikeproof.study import load_plan

    on = {name: [d.name for d in load_plan("demo").data if d.model == name] for name in models()}
    return [(name, f"in the demo on {', '.join(on[name]) or 'nothing'}") for name in on]


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
        rows.append((name, f"{trainings} on {data}, {len(plan.seeds)} seeds"))
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

    return [(name, "; ".join(map(said, found.members))) for name, found in SUITES.items()]


def _surrogates() -> Rows:
    from spikeproof.neurons import SHAPES, Surrogate

    default = Surrogate()
    said = "a derivative for the spike, any sharpness"
    return [
        (shape, f"{said}; the default, {default.sharpness:g}" if shape == default.shape else said)
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
            on.setdefault(threat, []).append(f"{name} {'/'.join(f'{r:g}' for r in radii)}")
    said = dict(_members(GEOMETRIES))
    return [
        (name, " · ".join([said.get(name, said.get(name.split("-")[0], "")), *on.get(name, ())]))
        for name in sorted({*said, *on})
    ]


def _trainings() -> Rows:
    from spikeproof.study import load_plan

    rows = []
    for training in (*load_plan("demo").training, *load_plan("recipes").training):
        parts = [str(term["kind"]) for term in training.terms.values()]
        parts += [str(hook["kind"]) for hook in training.hooks]
        inputs = training.inputs
        under = ""
        if inputs is not None:
            under = f" on {inputs.kind} inputs {', '.join(inputs.names)}".rstrip()
        rows.append((training.name, " + ".join(parts) + under))
    return rows


_KINDS: dict[str, Callable[[], Rows]] = {
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

_RENAMED = {"paths": "gradients", "rules": "hooks"}
