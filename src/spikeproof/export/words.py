"""Records in words: what the settings of a network, a training or an attack were."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from spikeproof.report import attack_title, gradient_words, kind_title, loss_words

__all__ = ["attack_words", "network_words", "settings_words", "training_words"]

# Says nothing to a reader: how an algorithm is spelt, or what every attack of a suite does.
_SILENT = ("kind", "stop", "name")


def settings_words(record: Mapping[str, Any], without: Sequence[str] = ()) -> str:
    """Return settings as ``steps 40, random start, step size 0.5``, in the order of the record.

    What is off or not set is left out; settings inside others follow in brackets.

    Args:
        record: Plain settings.
        without: Keys that are said elsewhere.
    Example:
        >>> settings_words({"kind": "pgd", "random_start": True, "step_size": 0.5, "loss": None})
        'random start, step size 0.5'
    """
    return ", ".join(_settings(record, (*_SILENT, *without)))


def _settings(record: Mapping[str, Any], without: Sequence[str]) -> Iterator[str]:
    """Each setting that says something."""
    for key, value in record.items():
        name = key.replace("_", " ")
        if key in without or value is None or value is False or value in ([], {}, ""):
            continue
        if value is True:
            yield name
        elif isinstance(value, Mapping):
            inner = settings_words(value)
            kind = kind_title(str(value.get("kind", "")))
            yield f"{name} {kind}{f' ({inner})' if inner else ''}".replace("  ", " ")
        elif isinstance(value, list | tuple):
            yield f"{name} {' '.join(_value(one) for one in value)}"
        else:
            yield f"{name} {_value(value)}"


def _value(value: Any) -> str:
    """A value as text."""
    if isinstance(value, float):
        return f"{value:g}"
    return settings_words(value) if isinstance(value, Mapping) else str(value).replace("_", " ")


def attack_words(record: Mapping[str, Any]) -> str:
    """Return a member of a suite, or a training attack, in words.

    Args:
        record: With ``attack``, and ``gradient``, ``loss``, ``on``, ``continues`` where it has
            them.
    """
    attack = record.get("attack") or {}
    told = [f"{attack_title(attack)} ({settings_words(attack) or 'as published'})"]
    if "gradient" in record:
        told.append(f"gradient: {gradient_words(record['gradient'])}")
    if "loss" in record:
        told.append(f"loss: {loss_words(str(record['loss']))}")
    if record.get("on"):
        told.append(f"on items that are {', '.join(record['on'])}")
    if record.get("continues"):
        told.append("from the best point found before")
    return "; ".join(told)


def network_words(model: Mapping[str, Any]) -> str:
    """Return a network in words, from its record.

    Args:
        model: ``cell["model"]`` of a cell that holds it.
    """
    if not model:
        return "not recorded"
    name = str(model.get("name", "network"))
    source = model.get("source")
    if isinstance(source, Mapping):
        told = [f"made by {name}"]
        told += [f"{key}: {words}" for key in ("arguments", "adapt")
                 if (words := settings_words(source.get(key) or {}))]  # fmt: skip
        libraries = source.get("libraries") or {}
        if libraries:
            told.append(", ".join(f"{key} {value}" for key, value in sorted(libraries.items())))
        return "; ".join(told)
    neuron = model.get("neuron") or {}
    told = [name]
    told += [
        f"{title} {model[key]}"
        for key, title in (("timesteps", "T ="), ("width", "width"), ("norm", "normalisation"))
        if model.get(key) is not None
    ]
    if neuron:
        told.append(f"{neuron.get('kind', 'neuron')} neurons ({settings_words(neuron)})")
    encoder = model.get("encoder")
    if isinstance(encoder, Mapping):
        words = settings_words(encoder)
        told.append(f"{encoder.get('kind')} encoding{f' ({words})' if words else ''}")
    return ", ".join(told)


def training_words(cell: Mapping[str, Any]) -> str:
    """Return how a network was trained, from the record of its cell.

    Args:
        cell: What a train cell records.
    """
    objective = cell.get("objective") or {}
    terms = [_term(term) for term in (objective.get("terms") or {}).values()]
    told = [" + ".join(terms) or "no term recorded"]
    inputs = objective.get("inputs")
    if isinstance(inputs, Mapping):
        told.append(_inputs(inputs))
    told += [
        f"{kind_title(str(rule.get('kind')))} ({settings_words(rule)})"
        for rule in objective.get("rules", ())
    ]
    if cell.get("augment"):
        told.append("augmentation: " + ", ".join(map(_kind, cell["augment"])))
    if "epochs" in cell:
        told.append(f"{cell['epochs']} epochs")
    settings = cell.get("settings")
    if isinstance(settings, Mapping):
        told.append(_optimiser(settings))
    return "; ".join(told)


def _term(term: Mapping[str, Any]) -> str:
    """A term of an objective with its weight."""
    words = settings_words(term, without=("weight",))
    kind = kind_title(str(term.get("kind")))
    return f"{term.get('weight', 1):g} {kind}{f' ({words})' if words else ''}"


def _inputs(inputs: Mapping[str, Any]) -> str:
    """What a training was fed besides clean items."""
    kind = kind_title(str(inputs.get("kind", "adversarial")))
    members = [_inputs(one) for one in inputs.get("members") or ()]
    if members:
        return f"{kind} of {' and '.join(members)}"
    threats = [one for one in (inputs.get("threat"), *(inputs.get("threats") or ())) if one]
    told = f"{kind} inputs"
    if threats:
        told += f" under {', '.join(map(_threat, threats))}"
    if isinstance(inputs.get("attack"), Mapping):
        return f"{told} by {attack_words(inputs)}"
    words = settings_words(inputs, without=("domain", "threat", "threats"))
    return f"{told} ({words})" if words else told


def _threat(threat: Any) -> str:
    """A threat of a training with its radius."""
    if not isinstance(threat, Mapping):
        return str(threat)
    radius = threat.get("radius")
    return f"{threat.get('name')}{'' if radius is None else f' of radius {radius:g}'}"


def _kind(record: Mapping[str, Any]) -> str:
    """A record by its kind and settings."""
    words = settings_words(record)
    return f"{kind_title(str(record.get('kind')))}{f' ({words})' if words else ''}"


def _optimiser(settings: Mapping[str, Any]) -> str:
    """The settings of a training that papers name, then the others."""
    first = f"{settings.get('optimizer', 'optimiser not recorded')}"
    return f"{first} ({settings_words(settings, without=('optimizer',))})"
