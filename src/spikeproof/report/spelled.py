"""The key of a page: every training spelled out, and the networks that were trained or taken."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spikeproof.analysis import CellRecord, Summary, TrainingKind
from spikeproof.names import counted
from spikeproof.report.attack_words import (
    attack_title,
    kind_title,
    loss_words,
    start_words,
    step_words,
    threat_words,
)
from spikeproof.report.labels import data_title, data_words, listed, number, pretty
from spikeproof.train import HOOKS, INPUTS, TERMS

__all__ = ["KEY_HEADS", "NETWORK_HEADS", "NameKey", "key"]

KEY_HEADS = ("name", "what it is", "minimises", "inputs it is trained on", "trained for")
NETWORK_HEADS = (
    "data",
    "trainings",
    "network",
    "time steps T",
    "neuron",
    "surrogate",
    "parameters",
)

_NUMBER = re.compile(r"\d[\d.,]*\d|\d")
_TERMS = {
    "cross_entropy": "cross-entropy",
    "clean_cross_entropy": "cross-entropy on the unattacked items",
    "trades": "divergence of the attacked from the unattacked answer (TRADES)",
    "sparse_gradient": "a norm of the input gradient of the true class's probability (SR)",
}


@dataclass(frozen=True, kw_only=True)
class NameKey:
    """What the names of a page mean.

    Args:
        trainings: One row per training, under ``KEY_HEADS``; empty where all networks came from
            files.
        networks: One row per data set and architecture, under ``NETWORK_HEADS``.
    """

    trainings: list[list[str]]
    networks: list[list[str]]


def key(summary: Summary) -> NameKey:
    """Spell out the trainings and networks of a run, from the records of its cells."""
    names = list(dict.fromkeys(name for one in summary.data for name in one.trainings))
    order = [one.data for one in summary.data]
    trained = [cell for cell in summary.cells if cell.kind == "train"]
    trained.sort(key=lambda cell: order.index(cell.data))
    rows = []
    for name in names:
        cells = [cell for cell in trained if cell.training == name]
        if cells:
            rows.append([name, *(_over_data(cells, tell) for tell in _TELLERS)])
    return NameKey(trainings=rows, networks=_networks(summary))


def _over_data(cells: Sequence[CellRecord], tell: Callable[[CellRecord], str]) -> str:
    """What cells of several data sets say; said once where it is the same everywhere."""
    said: dict[str, list[str]] = {}
    for cell in cells:
        where = said.setdefault(tell(cell), [])
        where += [] if data_words(cell.data) in where else [data_words(cell.data)]
    if len(said) == 1:
        return next(iter(said))
    same = _merged(list(said))
    if same:
        return f"{same} ({' / '.join(listed(where) for where in said.values())})"
    return "; ".join(f"{listed(where)}: {text}" for text, where in said.items())


def _merged(texts: Sequence[str]) -> str:
    """Texts that differ in their numbers alone as one, ``0.1 / 0.2``; empty for all others."""
    if len({_NUMBER.sub("#", text) for text in texts}) > 1:
        return ""
    numbers = zip(*(_NUMBER.findall(text) for text in texts), strict=True)
    shown = (one[0] if len(set(one)) == 1 else " / ".join(one) for one in numbers)
    return _NUMBER.sub(lambda _: next(shown), texts[0])


def _title(cell: CellRecord) -> str:
    """What the field calls an objective."""
    objective = cell.cell.get("objective", {"terms": {}})
    kind = TrainingKind.of(objective)
    if kind.undefended:
        return "plain training"
    names = {"trades": "TRADES", "sparse_gradient": "sparse-gradient regularisation"}
    parts = [names.get(term, kind_title(term)) for term in sorted(kind.terms - _ERRORS)]
    if kind.against is not None and "trades" not in kind.terms:
        parts.append(_trained_on(objective["inputs"]))
    parts += [kind_title(str(rule.get("kind"))) for rule in objective.get("rules") or ()]
    return " with ".join(parts) or "another objective"


_ERRORS = frozenset(("cross_entropy", "clean_cross_entropy"))


def _trained_on(inputs: Mapping[str, Any]) -> str:
    """What training on such inputs is called."""
    attacked = inputs.get("threat") or inputs.get("threats") or inputs.get("members")
    if not attacked:
        return f"{kind_title(str(inputs.get('kind', '')))} noise"
    several = kind_title(str(inputs.get("kind", "adversarial")))
    return "adversarial training" + ("" if several == "adversarial" else f" ({several})")


def _minimises(cell: CellRecord) -> str:
    """The terms of an objective with their weights."""
    objective = cell.cell.get("objective", {"terms": {}})
    terms = [term for term in objective["terms"].values() if term.get("weight", 1) != 0]
    told = [_weighted(term) for term in terms]
    told += [f"{_said(HOOKS, str(hook.get('kind')))}" for hook in objective.get("rules") or ()]
    return pretty(" + ".join(told))


def _weighted(term: Mapping[str, Any]) -> str:
    """A term with its weight, where that is not 1."""
    kind = str(term.get("kind"))
    weight = term.get("weight", 1)
    what = _TERMS.get(kind) or _said(TERMS, kind)
    return what if weight == 1 else f"{number(weight)} × {what}"


def _said(registry: Any, kind: str) -> str:
    """The name of a member and what its class says of itself; only its name where unknown here."""
    if kind not in registry.members:
        return kind_title(kind)
    doc = (inspect.getdoc(registry.members[kind]) or "").split("\n")[0].rstrip(".")
    doc = doc.removesuffix(f" ({kind_title(kind)})")
    first = doc[:1].lower() + doc[1:]
    return f"{kind_title(kind)} ({first})" if doc else kind_title(kind)


def _on(cell: CellRecord) -> str:
    """What the inputs of a training are: clean, attacked under which threat and how, or noisy."""
    inputs = cell.cell.get("objective", {}).get("inputs")
    if not inputs:
        return "clean"
    if inputs.get("members"):
        each = "; ".join(_attacked(member) for member in inputs["members"])
        return f"{_said(INPUTS, str(inputs.get('kind')))}: {each}"
    if "threat" in inputs or "threats" in inputs:
        return _attacked(inputs)
    return _said(INPUTS, str(inputs.get("kind")))


def _attacked(inputs: Mapping[str, Any]) -> str:
    """Attacked inputs: the threat with its radius, and the attack with its steps."""
    threats = inputs.get("threats") or [inputs.get("threat")]
    under = listed([threat_words(threat) for threat in threats if threat])
    record = inputs.get("attack")
    if not isinstance(record, Mapping):
        return f"attacked under {under}"
    start = start_words(record).partition(", ")[2]
    begins = {"random": ", from a random start", "from the item": ", from the item"}.get(start, "")
    loss = loss_words(str(inputs.get("loss", "cross_entropy")))
    how = f"{attack_title(record)}: {step_words(record)}{begins}, maximising {loss}"
    return f"attacked under {under} ({how})"


def _trained(cell: CellRecord) -> str:
    """How long, and by which optimiser."""
    settings = cell.cell.get("settings", {})
    told = [counted(int(cell.cell["epochs"]), "epoch")] if "epochs" in cell.cell else []
    if "optimizer" in settings:
        told.append(f"{settings['optimizer']}, learning rate {number(settings['learning_rate'])}")
    told += [f"batches of {settings['batch_size']}"] if "batch_size" in settings else []
    return ", ".join(told) or "–"


_TELLERS = (_title, _minimises, _on, _trained)


def _networks(summary: Summary) -> list[list[str]]:
    """One row per data set and network, with the trainings that share it."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for cell in summary.cells:
        if cell.holds_network:
            names = rows.setdefault((data_title(cell.data), *_network(cell)), [])
            names += [] if cell.training in names else [cell.training]
    trainings = list(dict.fromkeys(name for one in summary.data for name in one.trainings))
    order = list(dict.fromkeys(data_title(one.data) for one in summary.data))
    return [
        [data, listed(sorted(names, key=trainings.index)), *told]
        for (data, *told), names in sorted(rows.items(), key=lambda row: order.index(row[0][0]))
    ]


def _network(cell: CellRecord) -> tuple[str, ...]:
    """Architecture, T, neuron, surrogate and size of one network."""
    model = cell.cell.get("model", {})
    neuron = model.get("neuron") or {}
    parts = [str(model.get("name", "of its own"))]
    parts += [f"width {model['width']}"] if "width" in model else []
    parts += [f"{model['encoder'].get('kind')} encoding"] if model.get("encoder") else []
    parts += [f"{model[name]} {name}" for name in ("norm", "pooling") if model.get(name)]
    parts += ["code of one's own"] if "source" in model else []
    size = cell.result.get("parameters")
    return (
        ", ".join(parts),
        str(model.get("timesteps", "–")),
        _neuron(neuron),
        _surrogate(neuron.get("surrogate") or {}),
        "–" if size is None else f"{size:,}",
    )


def _neuron(neuron: Mapping[str, Any]) -> str:
    """A neuron with what it is made of."""
    if not neuron:
        return "–"
    parts = [kind_title(str(neuron.get("kind", "")))]
    parts += [f"{n} {number(neuron[n])}" for n in ("leak", "threshold") if n in neuron]
    parts += [f"{neuron['reset']} reset"] if "reset" in neuron else []
    parts += ["reset detached"] if neuron.get("detach_reset") else []
    return ", ".join(parts)


def _surrogate(record: Mapping[str, Any]) -> str:
    """The derivative that stands in for that of the spike."""
    if "shape" not in record:
        return "–"
    return f"{record['shape']}, sharpness {number(record.get('sharpness', 1.0))}"
