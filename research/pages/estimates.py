"""Numbers of a study as the pages of evidence show them: estimates, differences, costs, limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import rankdata

from research.pages.doubt import named
from research.pages.page import number, percent
from spikeproof.analysis import Results, Table
from spikeproof.metrics import FEWEST_NETWORKS, Estimate

UNION = ("linf", "l2", "l1", "l0")
LABELS: dict[str | tuple[str, ...], str] = {
    "clean": "clean",
    "linf": "l_inf",
    "l2": "l_2",
    "l1": "l_1",
    "l0": "l_0",
    UNION: "union",
    "g_l1": "gradient l_1",
    "g_l2": "gradient l_2",
    "g_pr": "participation ratio",
}
ACCURACIES = ("clean", "linf", "l2", "l1", "l0", UNION)
GRADIENTS = ("g_l1", "g_l2", "g_pr")

What = str | tuple[str, ...]
# A data set, or several that are folds of one: each network has test items of its own.
Data = str | tuple[str, ...]


def measured(run: Results, data: Data, training: str, what: What) -> Table | None:
    """One number per seed and item: accuracy when clean, under a threat or several, under random
    timing, or an array of the probe. Of folds the networks stand below one another."""
    if isinstance(data, tuple):
        return _together([measured(run, one, training, what) for one in data])
    if isinstance(what, tuple):
        return run.survival(data, training, *what)
    if what == "clean":
        return run.right_when_clean(data, training)
    if what.startswith("g_"):
        return run.probed(data, training, what)
    if what in run.threats(data):
        return run.survival(data, training, what)
    return run.right_under_timing(data, training, what)


def _together(folds: list[Table | None]) -> Table | None:
    """The tables of folds as one, its rows numbered; None where a fold is missing."""
    values = [fold.values["value"] for fold in folds if fold is not None]
    if len(values) < len(folds):
        return None  # some items would be left out
    fewest = min(value.shape[1] for value in values)
    rows = np.concatenate([value[:, :fewest] for value in values])
    return Table(tuple(range(len(rows))), np.arange(fewest), (), {"value": rows})


def mean(run: Results, data: Data, training: str, what: What) -> Estimate | None:
    """The mean of what was measured."""
    table = measured(run, data, training, what)
    return run.mean(table) if what in GRADIENTS else run.share(table)


def paired(run: Results, data: Data, pair: tuple[str, str], what: What) -> Estimate | None:
    """How much larger the mean of the first training is than that of the second."""
    tables = (measured(run, data, training, what) for training in pair)
    return run.difference(*tables, shares=what not in GRADIENTS)


def one_of(data: Data) -> str:
    """The data set, or the first of its folds."""
    return data if isinstance(data, str) else data[0]


def accuracies(run: Results, data: Data, whats: Sequence[What]) -> list[tuple[str, ...]]:
    """One row per training: its name, and its accuracy in each respect."""
    trainings = run.trainings(one_of(data))
    return [(t, *(share(mean(run, data, t, what)) for what in whats)) for t in trainings]


def less(run: Results, data: Data, rival: str, whats: Sequence[What]) -> list[tuple[str, ...]]:
    """One row per training but the rival: its name, and what it has more than that, in points."""
    return [
        (t, *(points(paired(run, data, (t, rival), what)) for what in whats))
        for t in run.trainings(one_of(data))
        if t != rival
    ]


def share(estimate: Estimate | None) -> str:
    """An accuracy in percent with its interval."""
    if estimate is None:
        return ""
    ends = (100 * estimate.low, 100 * estimate.high)
    return f"{percent(100 * estimate.value)} [{percent(ends[0])}, {percent(ends[1])}]"


def points(estimate: Estimate | None) -> str:
    """A difference of accuracies in points with its interval, bold where it excludes 0."""
    if estimate is None:
        return ""
    ends = (100 * estimate.low, 100 * estimate.high)
    text = f"{100 * estimate.value:+.1f} [{ends[0]:+.1f}, {ends[1]:+.1f}]"
    return f"**{text}**" if excludes_zero(estimate) else text


def size(estimate: Estimate | None) -> str:
    """Any other number with its interval."""
    if estimate is None:
        return ""
    return f"{number(estimate.value)} [{number(estimate.low)}, {number(estimate.high)}]"


def excludes_zero(estimate: Estimate) -> bool:
    """Whether an interval excludes 0."""
    return estimate.low > 0 or estimate.high < 0


def cost(run: Results, data: str, training: str, what: str) -> float | None:
    """Mean over seeds of what a training took: ``passes``, ``processor_seconds``, ``seconds``.

    A training that was resumed knows its seconds since then only, so they do not count.
    """
    found = []
    for cell in run.cells:
        if (cell.kind, cell.data, cell.training) == ("train", data, training):
            if what == "passes":
                found.append(float(cell.result["forward"] + cell.result["backward"]))
            elif what in cell.wall() and not cell.wall().get("resumed"):
                found.append(float(cell.wall()[what]))
    return float(np.mean(found)) if found else None


def ratio(run: Results, data: str, pair: tuple[str, str | None], what: str) -> float | None:
    """How many times the other training's cost one takes."""
    if pair[1] is None:
        return None
    ours, theirs = (cost(run, data, name, what) for name in (pair[0], pair[1]))
    return ours / theirs if ours is not None and theirs else None


def times(value: float | None) -> str:
    """A ratio, if there is one."""
    return "" if value is None else f"{value:.2f}"


def firing(run: Results, data: str, training: str) -> str:
    """Spikes per unit and step on the probe's items, the mean over layers and seeds."""
    layers = run.activity(data, training)
    return number(float(np.mean([layer.rate for layer in layers]))) if layers else ""


def rank_correlation(pairs: list[tuple[float, float]]) -> float | None:
    """Spearman's correlation; None for fewer than three pairs or where one side is constant."""
    if len(pairs) < 3:
        return None
    left, right = (rankdata(side) for side in zip(*pairs, strict=True))
    if not (left.std() and right.std()):
        return None
    return float(np.corrcoef(left, right)[0, 1])


def over(run: Results) -> str:
    """What the intervals of a study allow for."""
    networks = len(run.seeds())
    if networks >= FEWEST_NETWORKS:
        return f"are over networks and items ({networks} networks)"
    return "are given these two networks" if networks == 2 else "are given this network"


def made_of(run: Results, intervals: str | None = None) -> str:
    """Where the numbers come from, with what is missing, and what the intervals allow for."""
    told = run.provenance()
    plan, cells = told["plan"], told["cells"]
    tables = [_table(table) for table in plan["data"]]
    versions = "; ".join(", ".join(f"{k} {v}" for k, v in one.items()) for one in told["versions"])
    missing = cells["total"] is not None and cells["complete"] < cells["total"]
    incomplete = f" **{cells['total'] - cells['complete']} cells are missing.**" if missing else ""
    codes = ", ".join(code[:12] for code in told["code_sha256"])
    split = plan.get("split", "test")
    return (
        f"\nPlan `{plan['name']}`: {'; '.join(tables)}. Seeds {', '.join(map(str, run.seeds()))}; "
        f"suite {named(run)} on {split} items, {plan.get('items')} per cell where the "
        f"data set does not say otherwise. {cells['complete']} cells, code {codes}, "
        f"{versions}.{incomplete} Intervals {intervals or over(run)}.\n"
    )


def _table(table: dict[str, Any]) -> str:
    """One data set of a plan in words."""
    keys = {
        "model": "",
        "width": "width ",
        "timesteps": "T = ",
        "train_items": "training items ",
        "validation_items": "validation items ",
        "epochs": "epochs ",
        "items": "attacked items ",
    }
    said = [f"{text}{table[key]}" for key, text in keys.items() if table.get(key) is not None]
    if table.get("skip"):
        said.append(f"all of them after the first {table['skip']}")
    return f"{table['name']} ({', '.join(said)})"
