"""Attacks, losses, gradient rules and threats of records, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spikeproof.names import counted
from spikeproof.report.labels import number, threat_title

__all__ = [
    "attack_title",
    "gradient_words",
    "kind_title",
    "loss_words",
    "start_words",
    "step_words",
    "threat_words",
]

TITLES = {
    "apgd": "APGD", "countdown": "Countdown", "ddn": "DDN", "exhaustive": "Exhaustive search",
    "fgsm": "FGSM", "fmn": "FMN", "guided_search": "Guided search",
    "gumbel": "Gumbel-softmax flips", "pdpgd": "PDPGD", "pgd": "PGD",
    "pil": "Retiming with projection in the loop", "retiming_search": "Retiming search",
    "rfgsm": "R-FGSM", "saliency": "Saliency", "sapgd": "SA-PGD", "sda": "SDA",
    "sigma_zero": "σ-zero", "sparse_pgd": "Sparse-PGD", "sparse_rs": "Sparse-RS",
    "spikefool": "SpikeFool", "square": "Square", "swap": "Swap",
    "assg": "ASSG", "bptr": "BPTR", "hart": "HART", "pdsg": "PDSG", "rga": "RGA",
    "eat": "E-AT", "msd": "MSD", "sat": "SAT", "avg": "AVG", "max": "MAX",
    "lif": "LIF", "if": "IF", "plif": "PLIF", "psn": "PSN",
    "mpd_sgr": "MPD-SGR", "ramp": "RAMP", "tet": "TET", "trades": "TRADES",
    "retraction": "RAT", "ssdp": "SSDP", "threshold_guarding": "TGO",
}  # fmt: skip
# Their step size is a change of a learnt logit, no share of a radius.
_LEARN_LOGITS = ("gumbel", "pil")
_LOSSES = {
    "margin": "margin",
    "cross_entropy": "cross-entropy",
    "dlr": "DLR: the margin over the spread of the logits",
    "probability_margin": "the margin in probabilities",
    "divergence": "divergence from the clean answer",
}


def kind_title(kind: str) -> str:
    """What the field calls an attack, gradient rule or other part."""
    return TITLES.get(kind, kind.replace("_", " "))


def attack_title(record: Mapping[str, Any]) -> str:
    """The name of an attack, with that of the attack it runs."""
    inner = record.get("attack")
    title = kind_title(str(record.get("kind", "attack")))
    return f"{attack_title(inner)}, {title}" if isinstance(inner, Mapping) else title


def step_words(record: Mapping[str, Any]) -> str:
    """How long an attack goes on: steps with their size, rounds of proposals, or queries."""
    inner = record.get("attack")
    if isinstance(inner, Mapping):
        return step_words(inner)
    if "steps" not in record:
        return "1 step"
    steps = int(record["steps"])
    kind = record.get("kind")
    if kind == "guided_search":
        wide = f" of {record['width']} proposals" if record.get("width", 1) > 1 else ""
        return f"{record.get('ascent', 0)} steps, then {steps} rounds{wide}"
    if kind in ("square", "sparse_rs"):
        return f"{steps:,} queries"
    if kind == "retiming_search":
        return f"{steps} proposals, each from a gradient"
    if kind == "gumbel" and record.get("samples", 1) > 1:
        return f"{counted(steps, 'step')} of {record['samples']} samples"
    size, last = record.get("step_size"), record.get("last", 1.0)
    if size is None or kind in _LEARN_LOGITS:
        return counted(steps, "step")
    constant = record.get("kind") == "pgd" and last == 1.0
    long = "as long as the radius" if size == 1.0 else f"{number(size)} of the radius"
    return f"{counted(steps, 'step')}, {'each' if constant else 'the first'} {long}"


def start_words(record: Mapping[str, Any], *, continues: bool = False) -> str:
    """How often an attack begins, and where."""
    if continues:
        return "1, from the best point found so far"
    inner = record.get("attack")
    if isinstance(inner, Mapping):
        where = start_words(inner).partition(", ")[2]
        if "rivals" in record:
            return f"{record['rivals']} target classes" + (f", {where}" if where else "")
        return f"{record.get('times', 1)}" + (f", {where}" if where else "")
    runs = record.get("runs", 1)
    if "random_start" not in record:
        return f"{runs}"
    return f"{runs}, {'random' if record['random_start'] else 'from the item'}"


def loss_words(loss: str) -> str:
    """What an attack maximises."""
    return _LOSSES.get(loss, loss.replace("_", " "))


def gradient_words(record: Mapping[str, Any] | None) -> str:
    """How a gradient crosses the spikes."""
    if record is None:
        return "each neuron's own surrogate"
    kind = record.get("kind", "surrogate")
    if kind == "surrogate":
        sharp = f", sharpness {number(record['sharpness'])}" if "sharpness" in record else ""
        return f"{record.get('shape', 'own')} surrogate{sharp}"
    inner = record.get("gradient")
    if kind == "backward":
        parts = [gradient_words(inner)]
        parts += [f"reset {record['reset']}"] if record.get("reset") else []
        parts += [f"leak {record['leak']}"] if record.get("leak") else []
        return ", ".join(parts)
    settings = [str(record["shape"])] if "shape" in record else []
    settings += [f"vanishing {number(record['vanishing'])}"] if "vanishing" in record else []
    title = kind_title(str(kind)) + (f" ({', '.join(settings)})" if settings else "")
    return f"{title} of {gradient_words(inner)}" if isinstance(inner, Mapping) else title


def threat_words(record: Mapping[str, Any] | str) -> str:
    """A threat with its radius, where the record says one."""
    if isinstance(record, str):
        return threat_title(record)
    title = threat_title(str(record.get("name", "")))
    return title if record.get("radius") is None else f"{title} {number(record['radius'])}"
