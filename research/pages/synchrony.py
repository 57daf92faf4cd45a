"""Random changes of spike timing: what synchrony plasticity does against them, and its size."""

from __future__ import annotations

from typing import Any

import numpy as np

from research.pages.estimates import (
    LABELS,
    accuracies,
    excludes_zero,
    less,
    mean,
    measured,
    paired,
    points,
    share,
)
from research.pages.page import number, table
from spikeproof.analysis import Results
from spikeproof.metrics import Estimate, Floats

_UNITS = {
    "jitter": "a standard deviation in time steps",
    "deletion": "the probability that an event is lost",
    "insertion": "new events as a share of the item's own",
}


def synchrony(run: Results) -> str:
    """Every data set of a study whose plan asks for timing."""
    return "".join(_one(run, data) for data in run.data())


def _one(run: Results, data: str) -> str:
    """One data set: levels, differences, what follows, sizes, attacks."""
    levels = list(dict.fromkeys(row.what for row in run.timing(data)))
    if not levels:
        return f"\nNo network was disturbed on {data}.\n"
    plain, heads = run.undefended(data), ("training", *levels)
    text = f"\n### Accuracy under random timing on {data}\n{_about(run, data)}"
    text += table(heads, accuracies(run, data, levels))
    if plain is not None:
        text += f"\n### Less {plain} under random timing, on {data}\n"
        text += table(heads, less(run, data, plain, levels))
        text += _verdict(run, data, plain, levels[1:])
    return text + _sizes(run, data) + _attacked(run, data) + _limits(run, data)


def _cells(run: Results, kind: str, data: str) -> list[Any]:
    """The cells of a kind on a data set."""
    return [cell for cell in run.cells if (cell.kind, cell.data) == (kind, data)]


def _about(run: Results, data: str) -> str:
    """What the columns mean."""
    cell = _cells(run, "timing", data)[0]
    said = "; ".join(f"{kind}, {_UNITS[kind]}" for kind in sorted(cell.cell["levels"]))
    where = "spikes of every layer" if cell.cell["hidden"] else "events of the input"
    return (
        f"\nThe {where} are changed at random ([the protocol](../methods/timing.md)): {said}. "
        f"Accuracy is the share of {cell.cell['draws']} draws per item that is answered right, the "
        f"mean over {cell.cell['items']} items; every training meets the same draws.\n"
    )


def _rules(run: Results, data: str) -> dict[str, list[dict[str, Any]]]:
    """Training → records of its rules that add synchrony plasticity, from the objectives."""
    found = {}
    for cell in _cells(run, "train", data):
        rules = cell.cell["objective"].get("rules", ())
        found[cell.training] = [rule for rule in rules if rule["kind"] == "ssdp"]
    return {training: rules for training, rules in found.items() if rules}


def _controls(run: Results, data: str) -> dict[str, str | None]:
    """Training with synchrony plasticity → the one whose changes are shuffled, if there is one."""
    known = _rules(run, data)
    shuffled = {t: rules for t, rules in known.items() if rules[0].get("shuffled")}
    return {
        t: next((s for s, other in shuffled.items() if _bare(other) == _bare(rules)), None)
        for t, rules in known.items()
        if t not in shuffled
    }


def _bare(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rules without what makes them a control."""
    return [{k: v for k, v in rule.items() if k != "shuffled"} for rule in rules]


def _verdict(run: Results, data: str, plain: str, levels: list[str]) -> str:
    """Whether synchrony plasticity helps, and whether its control does as well."""
    lines, controls = [], _controls(run, data)
    for training, control in controls.items():
        gap = _overall(run, data, (training, plain), levels)
        lines.append(
            f"**{training} {_judged(gap)}**: {_against(run, data, training, plain, levels)}"
        )
        if control is not None:
            lines[-1] += f"; {_against(run, data, training, control, levels)}"
    others = [t for t in run.trainings(data) if t != plain and t not in controls]
    lines += [f"{t}: {_against(run, data, t, plain, levels)}" for t in others]
    said = "".join(f"- {line}.\n" for line in lines)
    return (
        f"\n{said}\nThe verdict is that of the mean over all levels. A single level is clear where "
        "its interval excludes 0; of so many a few are by chance.\n"
    )


def _judged(gap: Estimate | None) -> str:
    """What a difference from plain says."""
    if gap is None:
        return "was not measured whole"
    if not excludes_zero(gap):
        return "does not help here"
    return "helps" if gap.low > 0 else "harms"


def _overall(run: Results, data: str, pair: tuple[str, str], levels: list[str]) -> Estimate | None:
    """The difference of the means over all levels, paired by seed and item."""
    sides: list[tuple[Floats, Floats]] = []
    first = None
    for what in levels:
        ours, theirs = (measured(run, data, training, what) for training in pair)
        if ours is None or theirs is None or ours.seeds != theirs.seeds:
            return None
        if not np.array_equal(ours.items, theirs.items):
            return None
        first = first or ours
        sides.append((ours.values["value"], theirs.values["value"]))
    if first is None:
        return None
    return run.intervals(first).difference(
        *(np.mean(each, axis=0) for each in zip(*sides, strict=True))
    )


def _against(run: Results, data: str, training: str, rival: str, levels: list[str]) -> str:
    """One training beside another: over all levels, and the levels that are clear."""
    pair = (training, rival)
    gaps = {w: gap for w in levels if (gap := paired(run, data, pair, w)) is not None}
    above = [what for what, gap in gaps.items() if excludes_zero(gap) and gap.value > 0]
    below = [what for what, gap in gaps.items() if excludes_zero(gap) and gap.value < 0]
    return (
        f"{points(_overall(run, data, pair, levels))} points beside {rival} over {len(gaps)} "
        f"levels, clearly above at {_listed(above)}, clearly below at {_listed(below)}"
    )


def _listed(names: list[str]) -> str:
    """How many levels, and which."""
    return f"{len(names)} ({', '.join(names)})" if names else "0"


def _sizes(run: Results, data: str) -> str:
    """How far a step moves the weights that rules act on."""
    rows = []
    for training in run.trainings(data):
        cells = [cell for cell in _cells(run, "train", data) if cell.training == training]
        moved = [cell.result["shift"] for cell in cells if cell.result.get("shift")]
        if moved:
            means = {k: sum(one[k] for one in moved) / len(moved) for k in moved[0]}
            rule, step, whole = (means[k] for k in ("rules", "optimizer", "weights"))
            rows.append((training, number(rule), number(step), number(whole),
                         f"{100 * rule / whole:.3f}", number(rule / step)))  # fmt: skip
        elif cells and (decay := _decay(cells[0].cell.get("settings", {}))) is not None:
            rows.append((training, "", "", "", f"{100 * decay:.3f}", ""))
    if not rows:
        return ""
    heads = ("training", "change by the rule", "by the optimiser", "the weights",
             "rule, % of the weights", "rule / optimiser")  # fmt: skip
    return (
        f"\n### Size of the changes on {data}\n\nl_2 norms per step over the layer that the rule "
        "changes, means over the epochs in which it acts and over seeds. A weight decay takes "
        "learning rate times decay of every weight at each step, of all epochs; its row is the "
        "mean of that.\n" + table(heads, rows)
    )


def _decay(settings: dict[str, Any]) -> float | None:
    """Mean share of the weights that decoupled decay takes per step; None where there is none."""
    known = {"optimizer": "adamw", "schedule": "cosine", "warmup": 0.0}
    if any(settings.get(key) != value for key, value in known.items()):
        return None
    if not settings["weight_decay"]:
        return None
    return float(settings["learning_rate"] * settings["weight_decay"] / 2)


def _attacked(run: Results, data: str) -> str:
    """The same networks under attacks, beside plain."""
    plain, threats = run.undefended(data), run.threats(data)
    if not threats:
        return ""
    rows = []
    for training in run.trainings(data):
        means = [share(mean(run, data, training, what)) for what in threats]
        gaps = [
            "" if plain in (None, training)
            else points(paired(run, data, (training, str(plain)), what))
            for what in threats
        ]  # fmt: skip
        rows.append((training, *means, *gaps))
    names = [LABELS.get(what, what) for what in threats]
    return (
        f"\n### The same networks under attack on {data}\n\nRobust accuracy, and points less "
        "plain: random timing says nothing of the worst timing.\n"
        + table(("training", *names, *(f"{name}, less plain" for name in names)), rows)
    )


def _limits(run: Results, data: str) -> str:
    """What these numbers cannot say."""
    acts = {
        f"on `{', '.join(rule['layers'])}` after epoch {rule['start']} of {cell.cell.get('epochs')}"
        for cell in _cells(run, "train", data)
        for rule in _rules(run, data).get(cell.training, [])
        if "start" in rule and not rule.get("shuffled")
    }
    return (
        f"\nThe rule acts {'; '.join(sorted(acts)) or 'nowhere'}, with its published constants, "
        "which were not searched for here; the networks are small. Whether it helps a larger "
        "network, other layers or a longer training, these numbers do not say.\n"
    )
