"""Where the numbers come from, and what they do not show."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from spikeproof.analysis import Summary
from spikeproof.metrics import FEWEST_NETWORKS
from spikeproof.report.labels import data_title, listed
from spikeproof.report.origin import origin

__all__ = ["COST_HEADS", "Provenance", "cost", "limits", "notice", "provenance", "sample"]

COST_HEADS = (
    "data",
    "training",
    "networks",
    "training time (s)",
    "forward passes per item",
    "backward passes per item",
    "attack time (s)",
    "probe time (s)",
)

# Attacks that go on where gradients say nothing, by the first word of a member's name.
_SEARCHES = ("guided_search", "sparse_rs", "square")
_SHORT = 200
_UPPER_BOUND = (
    "Robust accuracy is an upper bound: it counts the items that these attacks failed to break."
)
_FRAMES = (
    "On event recordings ℓ∞ to ℓ0 work in frame space: they change counts per pixel and frame, "
    "also to values that no camera would send. Only “counts” adds and removes whole events."
)
_THEORY = (
    "The first-order theory holds for small radii and differentiable functions; the gradient of a "
    "spiking network is that of its surrogate."
)


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """What made a run.

    Args:
        rows: ``(what, value)``, short enough for a table.
        documents: ``(what, JSON)``, the rest.
    """

    rows: list[tuple[str, str]]
    documents: list[tuple[str, str]]


def provenance(entries: Mapping[str, Any]) -> Provenance:
    """Sort what ``Results.provenance`` says into a table and documents."""
    rows, documents = [], []
    for key, value in entries.items():
        name = key.replace("sha256", "SHA-256").replace("_", " ")
        text = json.dumps(value, indent=1, sort_keys=True, default=str, ensure_ascii=False)
        if _long(value, text):
            documents.append((name, text))
        else:
            rows += list(_flat(name, value))
    return Provenance(rows=rows, documents=documents)


def _long(value: Any, text: str) -> bool:
    """Whether a value is too long or too deep for a row of a table."""
    if isinstance(value, Mapping):
        deep = any(isinstance(inner, Mapping | list | tuple) for inner in value.values())
        return deep or len(text) > 20 * _SHORT
    return isinstance(value, list | tuple) and len(value) > 1 and len(text) > _SHORT


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """A value, or each value of a mapping, under its name."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(f"{name}: {key}", inner)
    elif isinstance(value, list | tuple) and len(value) == 1:
        yield from _flat(name, value[0])
    elif isinstance(value, list | tuple):
        yield name, ", ".join(map(str, value))
    else:
        yield name, str(value)


def cost(summary: Summary) -> list[list[str]]:
    """One row per data set and training, under ``COST_HEADS``."""
    out = []
    for one in summary.data:
        for training in one.trainings:
            cells = [c for c in summary.cells if (c.data, c.training) == (one.data, training)]
            times: dict[str, float] = {}
            passes = {"forward": 0, "backward": 0}
            items = 0
            for cell in cells:
                seconds = cell.wall().get("seconds", 0.0)
                times[cell.kind] = times.get(cell.kind, 0.0) + float(seconds)
                if cell.kind == "attack":
                    items += int(cell.result["n"])
                    for way in passes:
                        passes[way] += int(cell.result["passes"][way])
            networks = len({cell.seed for cell in cells})
            per_item = [f"{passes[way] / items:,.0f}" if items else "–" for way in passes]
            spent = [_seconds(times.get(kind)) for kind in ("train", "attack", "probe")]
            out.append(
                [data_title(one.data), training, str(networks), spent[0], *per_item, *spent[1:]]
            )
    return out


def _seconds(time: float | None) -> str:
    """A time; a dash where none was recorded."""
    return f"{time:,.1f}" if time else "–"


def sample(summary: Summary) -> str:
    """How much was measured, in one phrase."""
    count = summary.provenance["cells"]
    total = count["total"]
    cells = f"{count['complete']} of {total} cells" if total else f"{count['complete']} cells"
    seeds = len(summary.seeds)
    networks = f"{len(summary.seeds)} seed{'s' if len(summary.seeds) != 1 else ''}"
    sets = f"{len(summary.data)} data sets · {summary.split} items"
    return f"{cells} complete · {networks} · {sets} · 95 % intervals {_over(seeds)}"


def _over(seeds: int) -> str:
    """What the intervals of a run with so many networks a training allow for."""
    if seeds >= FEWEST_NETWORKS:
        return "over networks and items"
    return "given these networks"


def notice(summary: Summary) -> str:
    """What stands above everything else where the numbers are no test results; else nothing."""
    if summary.split == "test":
        return ""
    return (
        f"Every number here was measured on {summary.split} items, to choose by; none is a test "
        "result, and the test items stayed sealed."
    )


def limits(summary: Summary) -> list[str]:
    """What a reader must not conclude from a run."""
    seeds = len(summary.seeds)
    counts = [next(iter(one.clean.values())).n for one in summary.data if one.clean]
    count = summary.provenance["cells"]
    out = []
    if notice(summary):
        out.append(notice(summary))
    if count["total"] and count["complete"] < count["total"]:
        left = count["total"] - count["complete"]
        out.append(f"The run is not complete: {left} of {count['total']} cells are missing.")
    if seeds == 1:
        out.append(
            f"One seed: the intervals cover the choice of {summary.split} items, not the luck of "
            "training."
        )
    elif seeds < FEWEST_NETWORKS:
        out.append(
            f"{seeds} seeds: the intervals, and the verdicts on them, are given these networks. "
            f"They cover the choice of {summary.split} items, not the luck of training."
        )
    elif seeds < 5:
        out.append(
            f"{seeds} seeds say little about how much training runs differ from each other; the "
            "intervals over networks and items are as wide as that takes."
        )
    if counts:
        out.append(
            f"{min(counts)} {summary.split} items per network: differences smaller than an "
            "interval are noise."
        )
    out += _attacks(summary)
    return [*out, *_networks(summary), _UPPER_BOUND, *_inputs(summary), _THEORY]


def _attacks(summary: Summary) -> Iterator[str]:
    """Which attacks the numbers rest on."""
    cells = (cell for cell in summary.cells if cell.kind == "attack")
    names = list(dict.fromkeys(m["name"] for cell in cells for m in cell.result["members"]))
    if not names:
        return
    searches = [kind for kind in _SEARCHES if kind in {name.split()[0] for name in names}]
    told = (
        f"{listed(searches)} can do without gradients; other gradient rules and longer searches"
        if searches
        else "None of them can do without gradients; searches, other gradient rules and more steps"
    )
    yield f"The attacks were: {listed(names)}. {told} may break more."


def _networks(summary: Summary) -> Iterator[str]:
    """How large the networks were."""
    sizes = [cell.result.get("parameters", 0) for cell in summary.cells if cell.holds_network]
    if any(sizes):
        yield (
            f"The largest network has {max(sizes):,} parameters; nothing here says how larger ones "
            "behave."
        )


def _inputs(summary: Summary) -> Iterator[str]:
    """What each data set says of itself, and which of them say nothing."""
    known = {one.data: origin(summary.cells, one.data) for one in summary.data}
    if any(d.kind == "events" for one in known.values() for d in one.domain.values()):
        yield _FRAMES
    by_limit: dict[str, list[str]] = {}
    for data, one in known.items():
        for limit in one.facts.limits if one.facts else ():
            by_limit.setdefault(limit, []).append(data_title(data))
    for limit, titles in by_limit.items():
        yield limit if len(titles) == len(known) else f"{listed(titles)}: {limit}"
    for data, one in known.items():
        if one.facts is None:
            yield (
                f"{data}: this package does not know the set, so this page does not say what its "
                "inputs are or where they come from."
            )
