"""Pooling and coding as factors: accuracies, gradients, and what each factor changes."""

from __future__ import annotations

from research.pages.estimates import (
    ACCURACIES,
    LABELS,
    UNION,
    excludes_zero,
    firing,
    mean,
    paired,
    points,
    share,
    size,
)
from research.pages.page import table
from spikeproof.analysis import Results

Factors = tuple[str, str]
_SHOWN = ("clean", *UNION, UNION)


def sparsity(run: Results) -> str:
    """Every data set of a study of pooling and encoders."""
    return "".join(_one(run, data) for data in run.data()) + _limits(run)


def factors(run: Results, data: str) -> dict[Factors, str]:
    """Training of each (pooling, encoder), from the recorded networks and not from names."""
    found = {}
    for cell in run.cells:
        if cell.kind == "train" and cell.data == data:
            model = cell.cell["model"]
            found[model["pooling"], model["encoder"]["kind"]] = cell.training
    known = run.trainings(data)
    return dict(sorted(found.items(), key=lambda pair: known.index(pair[1])))


def _one(run: Results, data: str) -> str:
    """One data set: levels, then what a factor changes while the other stays."""
    made = factors(run, data)
    rows = [
        (*names, *(share(mean(run, data, t, what)) for what in _SHOWN),
         size(mean(run, data, t, "g_l1")), size(mean(run, data, t, "g_pr")), firing(run, data, t))
        for names, t in made.items()
    ]  # fmt: skip
    heads = ("pooling", "encoder", *(LABELS[what] for what in _SHOWN), "gradient l_1",
             "participation ratio", "spikes per step")  # fmt: skip
    text = f"\n### Pooling and encoders on {data}\n" + table(heads, rows)
    changes = _changes(made)
    if changes:
        heads = ("change", *(LABELS[what] for what in ACCURACIES), "participation ratio")
        rows = [
            (said, *(points(paired(run, data, pair, what)) for what in ACCURACIES),
             size(paired(run, data, pair, "g_pr")))
            for said, pair in changes.items()
        ]  # fmt: skip
        text += table(heads, rows) + _claims(run, data, changes)
    return text


def _changes(made: dict[Factors, str]) -> dict[str, tuple[str, str]]:
    """Pairs of trainings that differ in one factor: what changes → (with, without)."""
    found = {}
    for (pooling, encoder), training in made.items():
        average, direct = made.get(("average", encoder)), made.get((pooling, "direct"))
        if pooling == "max" and average:
            found[f"max for average, {encoder}"] = (training, average)
        if encoder != "direct" and direct:
            found[f"{encoder} for direct, {pooling}"] = (training, direct)
    return found


def _claims(run: Results, data: str, changes: dict[str, tuple[str, str]]) -> str:
    """How often a change made gradients sparser, l_inf accuracy better, and both."""
    counts = {"sparser": 0, "better": 0, "worse": 0, "both": 0, "costly": 0}
    for pair in changes.values():
        ratio = paired(run, data, pair, "g_pr")
        robust, clean = (paired(run, data, pair, what) for what in ("linf", "clean"))
        sparser = ratio is not None and ratio.high < 0
        better = robust is not None and robust.low > 0
        counts["sparser"] += sparser
        counts["better"] += better
        counts["worse"] += robust is not None and excludes_zero(robust) and not better
        counts["both"] += sparser and better
        counts["costly"] += clean is not None and clean.high < 0
    return (
        f"\nThe claim of `luu2025trail` is that max pooling and temporal codes make gradients "
        "sparser and networks more robust, at the price of clean accuracy. Of these "
        f"{len(changes)} changes {counts['sparser']} made the gradient clearly sparser, "
        f"{counts['better']} raised and {counts['worse']} lowered l_inf accuracy clearly, "
        f"{counts['both']} did both, {counts['costly']} cost clean accuracy clearly.\n"
    )


def _limits(run: Results) -> str:
    """What stands in for the gradient, and whether anything attacked without one."""
    from spikeproof.attacks import suite

    kinds = {type(member.attack).__name__ for member in suite(run.plan["suite"]).members}
    blind = sorted(kinds & {"SparseRS", "Square"})
    said = f"also by {' and '.join(blind)}, which need none" if blind else "by gradients alone"
    return (
        "\nThe attacker moves pixels; the code is part of the network. Only the direct code has an "
        "exact gradient, for phase and latency a stand-in leads through the code "
        "([encoders](../models.md#encoders)), and gradient size and participation ratio are those "
        "of the stand-in. A network that hides its gradient looks robust to attacks that follow "
        f"it; these networks were attacked {said}. The published study attacks the encoded spikes, "
        "not pixels, and only its stem chooses the pooling.\n"
    )
