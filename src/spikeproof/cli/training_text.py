"""A training of a plan in one line: what it minimises, on which inputs, what else it changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spikeproof.study import InputsPlan, TrainingPlan

__all__ = ["training_text"]


def training_text(training: TrainingPlan) -> str:
    """Return what a training minimises, on which inputs, and what else it changes.

    Example:
        >>> from spikeproof.study import load_plan
        >>> training_text(load_plan("quick").training[1])
        'cross_entropy + sparse_gradient'
    """
    parts = [_record(term) for term in training.terms.values() if term["weight"]]
    parts += map(_record, training.hooks)
    text = " + ".join(parts) + _under(training.inputs)
    changes = {**training.network, **training.settings}
    return text + "".join(
        f", {key.replace('_', ' ')} {_record(value) if isinstance(value, Mapping) else value}"
        for key, value in changes.items()
    )


def _record(record: Mapping[str, Any]) -> str:
    """A member by its kind, with the settings that it was given."""
    given = [
        f"{key.replace('_', ' ')} {value}"
        for key, value in record.items()
        if key not in ("kind", "weight", "layers")
    ]
    return str(record["kind"]) + (f" ({', '.join(given)})" if given else "")


def _under(inputs: InputsPlan | None) -> str:
    """The inputs that a training sees, where they are not clean."""
    if inputs is None:
        return ""
    attack = inputs.attack or inputs.settings
    steps = attack.get("steps")
    how = "" if steps is None else f", {steps} step{'s' if steps > 1 else ''}"
    return f" on {inputs.kind} inputs {', '.join(inputs.names)}".rstrip() + how
