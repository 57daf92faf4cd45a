"""A model's card in words: one table that says which network it is and how it was trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from spikeproof.names import LAYER_CHOICES, radius_text

__all__ = ["card_page"]

Record = Mapping[str, Any]


def card_page(name: str, content: Record) -> str:
    """Return the card of a model as a page of Markdown.

    Args:
        name: Of the model's file.
        content: What ``card`` returned.
    """
    lines = [f"# {name}", "", "| | |", "|---|---|"]
    rows = [*_network(content["model"]), *_training(content), *_cost(content)]
    lines += [f"| {key} | {value} |" for key, value in rows]
    lines += ["", "## Accuracy on validation items", "", "| inputs | accuracy |", "|---|---|"]
    lines += [f"| {key} | {100 * v:.1f} % |" for key, v in _measured(content["validation"])]
    lines += [
        "",
        "The epoch was chosen on these items, and cheap attacks bound robustness from above only. "
        "Test items played no part; `spikeproof audit` opens them.",
    ]
    if content["warnings"]:
        lines += ["", "## Warnings", "", *(f"- {text}" for text in content["warnings"].values())]
    return "\n".join(lines) + "\n"


def _network(model: Record) -> Iterator[tuple[str, object]]:
    """What the network is."""
    spec = model["architecture"]
    surrogate = spec["neuron"].get("surrogate")
    yield "Architecture", f"{spec['name']}, {model['parameters']} parameters"
    yield "Time steps T", spec["timesteps"]
    yield "Width", spec["width"]
    yield "Neuron", _member(spec["neuron"], without=("surrogate",))
    if surrogate is not None:
        yield "Surrogate", f"{surrogate['shape']}, {_settings(surrogate, without=('shape',))}"
    yield "Encoder", _member(spec["encoder"])
    yield "Layers", _settings({key: spec.get(key) for key in LAYER_CHOICES})


def _training(content: Record) -> Iterator[tuple[str, object]]:
    """What it was trained on, and how."""
    data, work = content["data"], content["training"]
    objective = work["objective"]
    terms = [_term(term) for term in objective["terms"].values()]
    yield "Data", f"{data['name']} {data['version']}, {data['train']} items, {data['licence']}"
    yield "Objective", " + ".join(terms)
    yield "Trained on", _inputs(objective["inputs"])
    yield "Hooks", ", ".join(map(_member, objective["rules"])) or "none"
    yield "Epochs", f"{work['epochs_trained']} of {work['epochs']}, best {work['best_epoch']}"
    yield "Validation", _validation(work["exam"], work["settings"]["select"])
    yield "Seed", work["seed"]
    yield "Settings", _settings(work["settings"])
    yield "Augmentation", ", ".join(map(_member, work["augment"])) or "none"


def _cost(content: Record) -> Iterator[tuple[str, object]]:
    """What it took, and which weights came of it."""
    cost = content["cost"]
    yield (
        "Cost",
        f"{cost['seconds']} s on {cost['device']}, {cost['peak_bytes'] / 1e9:.2f} GB, "
        f"{cost['forward_passes']} forward and {cost['backward_passes']} backward passes of items",
    )
    yield "sha256 of the weights", content["model"]["sha256"]


def _measured(validation: Record) -> Iterator[tuple[str, float]]:
    """Each accuracy that was measured."""
    measured = {"clean": validation["clean"], "what selection looked at": validation["selected_by"]}
    measured |= {**validation["robust"], "union of these": validation["union"]}
    yield from ((key, value) for key, value in measured.items() if value is not None)


def _term(term: Record) -> str:
    """A term with its weight and settings."""
    return f"{term['weight']:g} x {_member(term, without=('weight',))}"


def _inputs(inputs: Record | None) -> str:
    """What the items were replaced by: under which threat, how far, by which attack."""
    if inputs is None:
        return "clean inputs"
    if members := inputs.get("members"):
        own = _settings(inputs, without=("members",))
        each = "; ".join(map(_attacked, members))
        return f"{inputs['kind']} inputs{f' ({own})' if own else ''}: {each}"
    if "threat" in inputs:
        return f"{inputs['kind']} inputs: {_attacked(inputs)}"
    return f"{_member(inputs)} inputs"


def _attacked(inputs: Record) -> str:
    """One threat, its radius and the attack."""
    attack, gradient = inputs.get("attack"), inputs.get("gradient")
    parts = [f"{_threat(inputs['threat'])}"]
    parts += [f"by {_member(attack)}"] if attack else []
    parts += [f"loss {inputs['loss']}"] if "loss" in inputs else []
    parts += [f"gradient {_member(gradient)}"] if gradient else []
    return ", ".join(parts)


def _threat(threat: Record) -> str:
    """A threat with its radius."""
    return f"{threat['name']} radius {radius_text(threat['radius'])}"


def _validation(exam: Record | None, select: str) -> str:
    """What was attacked after every epoch, and what the epoch was chosen by."""
    if exam is None:
        return f"clean items, epoch selected by {select}"
    threats = ", ".join(map(_threat, exam["threats"]))
    items = "all items" if exam.get("items") is None else f"{exam['items']} items"
    gradient = exam.get("gradient")
    how = f", gradient {_member(gradient)}" if gradient else ""
    return f"{items} under {threats}, by {_member(exam['attack'])}{how}; selected by {select}"


def _member(record: Record, *, without: tuple[str, ...] = ()) -> str:
    """A member of a family by its kind, its settings in brackets."""
    settings = _settings(record, without=without)
    return str(record["kind"]) + (f" ({settings})" if settings else "")


def _settings(record: Record, *, without: tuple[str, ...] = ()) -> str:
    """Settings as words, those that are not set left out."""
    return ", ".join(
        f"{key.replace('_', ' ')} {_value(value)}"
        for key, value in record.items()
        if key not in ("kind", *without) and value is not None
    )


def _value(value: object) -> str:
    """A setting's value."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return _member(value) if "kind" in value else f"({_settings(value)})"
    if isinstance(value, list | tuple):
        return " ".join(map(_value, value)) or "none"
    return str(value)
