"""The README of a card: what its record says, laid out for people and for the hub.

It is a pure function of the record, so that editing a number of it is found out. Whoever changes
what is written here changes the schema too: cards of before must read as they did.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from spikeproof.cards.front_matter import front_matter
from spikeproof.cards.loud import told_radius
from spikeproof.cards.verdicts import gravest
from spikeproof.names import LAYER_CHOICES, printable

__all__ = ["NOTES", "card_readme"]

NOTES = "<!-- Below this line stands what the authors add; no check covers it. -->\n"

Record = Mapping[str, Any]
_TASKS = {"image": "image-classification", "audio": "audio-classification"}
_LOADING = """## Load it

```python
from spikeproof.models import load_model

network = load_model("model.safetensors")
```

From a hub, where `huggingface_hub` is installed:

```python
from spikeproof.cards import hub_network

network = hub_network().from_pretrained("OWNER/NAME")
```

## Check it

`spikeproof verify FOLDER` scores every adversarial input in `evidence.npz` again, by code that
shares nothing with what found it, and computes every number of this page anew. Robust accuracy is
what the named attacks left: it bounds the truth from above, and no check can show that nothing else
would have broken more.
"""


def card_readme(stated: Record, computed: Record) -> str:
    """Return the README of a card, up to the line below which authors may write.

    Args:
        stated: What was done.
        computed: What a second look computes again.
    """
    parts = [
        front_matter(_metadata(stated, computed)),
        f"\n# {_text(stated['name'])}\n",
        _summary(stated, computed),
        *_section("Accuracy", _HEADS, _accuracies(stated, computed)),
        _measured(stated, computed),
        *_section("Network", ("", ""), _network(computed["network"])),
        *_section("Training", ("", ""), _training(stated, computed["data"])),
        *_section("Attacks", ("", ""), _attacks(stated)),
        *_section("Where it comes from", ("", ""), _origin(stated, computed)),
        _LOADING,
        NOTES,
    ]
    return "\n".join(parts)


_HEADS = ("inputs", "radius", "accuracy", "95 % interval", "items", "suite", "verdict")


def _metadata(stated: Record, computed: Record) -> dict[str, Any]:
    """The front matter, as the hub reads it."""
    data = computed["data"]
    task = _TASKS.get(data["modality"])
    return {
        "license": stated["licence"],
        "library_name": "spikeproof",
        "pipeline_tag": task,
        "tags": ["spiking-neural-network", "adversarial-robustness", "spikeproof"],
        "metrics": ["accuracy"],
        "model-index": [
            {
                "name": stated["name"],
                "results": [
                    {
                        "task": {"type": task or "other"},
                        "dataset": {
                            "type": data["name"],
                            "name": f"{data['name']} {data['version']}",
                            "split": stated["split"],
                            "revision": data["sha256"],
                        },
                        "metrics": list(_metrics(stated, computed)),
                    }
                ],
            }
        ],
    }


def _metrics(stated: Record, computed: Record) -> Iterator[dict[str, Any]]:
    """Every accuracy as the hub's index of results has it."""
    items = computed["data"]["items"]

    def metric(kind: str, name: str, row: Record, **more: Any) -> dict[str, Any]:
        ends = {"low": row["low"], "high": row["high"], "items": items}
        return {"type": kind, "value": row["accuracy"], "name": name, "args": {**more, **ends}}

    yield metric("accuracy", "clean accuracy", computed["clean"])
    for asked, row, verdict in _attacked(stated, computed):
        name = str(asked["threat"]["name"])
        yield metric(
            "robust_accuracy",
            f"accuracy under {name} {told_radius(stated, name, row['radius'])}, at most",
            row,
            threat=name,
            radius=row["radius"],
            suite=asked["suite"]["name"],
            verdict=verdict,
        )


def _attacked(stated: Record, computed: Record) -> Iterator[tuple[Record, Record, str]]:
    """Every threat at every radius: what was asked, the accuracy, the verdict."""
    parts = (stated["threats"], computed["threats"], computed["verdicts"])
    for asked, rows, verdicts in zip(*parts, strict=True):
        for row, verdict in zip(rows, verdicts, strict=True):
            yield asked, row, str(verdict)


def _summary(stated: Record, computed: Record) -> str:
    """What it is and how good, in one paragraph; no robust accuracy without its verdict."""
    network, data, union = computed["network"], computed["data"], computed["union"]
    architecture = network["architecture"]
    text = (
        f"A spiking network ({_text(architecture['name'])}, {network['parameters']:,} parameters, "
        f"T = {architecture['timesteps']}) for {_text(data['name'])}. "
        f"Clean accuracy {_percent(computed['clean'])}"
    )
    if union is not None:
        members = ", ".join(f"{_text(n)} {told_radius(stated, n, r)}" for n, r in union["members"])
        text += f"; under all of {members}: at most {_percent(union)}"
    return f"{text} ({data['items']} {stated['split']} items). Verdict: {_worst(computed)}.\n"


def _accuracies(stated: Record, computed: Record) -> Iterator[tuple[str, ...]]:
    """The rows of the table of accuracies."""
    items = f"{computed['data']['items']}"
    yield "clean", "", *_share(computed["clean"]), items, "", ""
    for asked, row, verdict in _attacked(stated, computed):
        share, ends = _share(row)
        name, suite = str(asked["threat"]["name"]), str(asked["suite"]["name"])
        radius = told_radius(stated, name, row["radius"])
        yield name, radius, f"≤ {share}", ends, items, suite, verdict
    if (union := computed["union"]) is not None:
        share, ends = _share(union)
        names = ", ".join(f"{n} {told_radius(stated, n, r)}" for n, r in union["members"])
        yield f"union of {names}", "", f"≤ {share}", ends, items, "", _worst(computed)


def _measured(stated: Record, computed: Record) -> str:
    """What the numbers of the table are."""
    data = computed["data"]
    flags = stated["flags"]
    told = "nobody looked" if flags is None else ", ".join(map(_text, flags)) or "none"
    despite = ", ".join(map(_text, stated["despite"]))
    over = f" Robust accuracy is stated despite {despite}." if despite else ""
    return (
        f"Accuracies in per cent, on {data['items']} {stated['split']} items; an item is robust if "
        "it is right when clean and no attack of the suite and no random draw broke it. Flags: "
        f"{told}.{over}\n"
    )


def _network(network: Record) -> Iterator[tuple[str, str]]:
    """What the network is."""
    spec = network["architecture"]
    yield "architecture", f"{spec['name']}, width {spec['width']}"
    yield "time steps T", str(spec["timesteps"])
    yield "neuron", _member(spec["neuron"])
    yield "encoder", _member(spec["encoder"])
    yield "layers", _settings({key: spec.get(key) for key in LAYER_CHOICES})
    yield "input", _domain(spec["domain"])
    yield "classes", str(spec["classes"])
    yield "parameters", f"{network['parameters']:,}"
    yield "sha256 of the weights", f"`{network['sha256']}`"


def _training(stated: Record, data: Record) -> Iterator[tuple[str, str]]:
    """What it was trained on, and how."""
    training = stated["training"]
    yield "data", f"{data['name']} {data['version']}, {data['modality']}"
    yield "licence of the data", data["licence"]
    yield "sha256 of the data", f"`{data['sha256']}`"
    yield "training", f"{training['name']}, seed {training['seed']}"
    objective = training["objective"]
    yield "objective", "not recorded" if objective is None else _settings(objective)
    if training["epochs"] is not None:
        yield "epochs", str(training["epochs"])
    if training["settings"] is not None:
        yield "settings", _settings(training["settings"])


def _attacks(stated: Record) -> Iterator[tuple[str, str]]:
    """What attacked it: every threat with its radii, the members of its suite, their passes."""
    for asked in stated["threats"]:
        threat, suite = asked["threat"], asked["suite"]
        radii = ", ".join(told_radius(stated, threat["name"], r) for r in threat["radii"])
        yield f"threat {threat['name']}", f"{_member(threat['geometry'])}, radii {radii}"
        members = "; ".join(str(member["name"]) for member in suite["members"])
        yield f"suite {suite['name']}", members
        passes = asked["passes"]
        yield "passes", f"{passes['forward']:,} forward, {passes['backward']:,} backward"
        if any(asked["unsettled"]):
            left = ", ".join(map(str, asked["unsettled"]))
            yield "cut short by a budget", f"items not fully attacked, by radius: {left}"
        if asked["not_run"]:
            yield "the same attack as another", "; ".join(map(str, asked["not_run"]))
    yield "random draws", f"{stated['draws']} per item and radius"
    yield "seed of the attacks", str(stated["attack_seed"])


def _origin(stated: Record, computed: Record) -> Iterator[tuple[str, str]]:
    """Versions, and which cells of a run it was."""
    versions = stated["versions"]
    yield "versions", ", ".join(f"{name} {versions[name]}" for name in sorted(versions))
    yield "cells of the run", ", ".join([stated["cells"]["network"], *stated["cells"]["attacks"]])
    logits = computed["fingerprint"]["logits"]
    first = ", ".join(f"{value:g}" for value in logits[0])
    yield "forward fingerprint, first of eight", first


def _worst(computed: Record) -> str:
    """The gravest verdict at the middle radii, those of the union."""
    return gravest([one[len(one) // 2] for one in computed["verdicts"]])


def _section(title: str, heads: tuple[str, ...], rows: Any) -> Iterator[str]:
    """A heading and a table."""
    lines = [f"## {title}", "", f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    lines += [f"| {' | '.join(map(_text, row))} |" for row in rows]
    yield "\n".join([*lines, ""])


def _share(row: Record) -> tuple[str, str]:
    """A share in per cent, and its interval."""
    return f"{100 * row['accuracy']:.1f}", f"{100 * row['low']:.1f} to {100 * row['high']:.1f}"


def _percent(row: Record) -> str:
    """A share with its interval in a sentence."""
    share, ends = _share(row)
    return f"{share} % ({ends})"


def _domain(domain: Record) -> str:
    """What an input is."""
    if "views" in domain:
        return "; ".join(f"{name}: {_domain(part)}" for name, part in domain["views"])
    shape = " x ".join(map(str, domain["shape"]))
    whole = ", whole numbers" if domain.get("integer") else ""
    low, high = domain.get("low", 0.0), domain.get("high", 1.0)
    return f"{domain['kind']} {shape} in [{low:g}, {high:g}]{whole}"


def _member(record: Record) -> str:
    """A member of a family by its kind, its settings in brackets."""
    settings = _settings(record)
    return str(record["kind"]) + (f" ({settings})" if settings else "")


def _settings(record: Record) -> str:
    """Settings as words, those that are not set left out."""
    return ", ".join(
        f"{key.replace('_', ' ')} {_value(value)}"
        for key, value in record.items()
        if key != "kind" and value is not None
    )


def _value(value: Any) -> str:
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


def _text(text: Any) -> str:
    """A text that stays within a cell of a table and is no markup."""
    plain = printable(str(text), breaks=False).replace("\\", "\\\\")
    return plain.replace("|", "\\|").replace("<", "&lt;")
