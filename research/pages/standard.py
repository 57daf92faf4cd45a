"""Trainings before a stronger suite: what it leaves of each, and what a weaker one missed."""

from __future__ import annotations

from research.pages.doubt import of_before
from research.pages.estimates import (
    ACCURACIES,
    LABELS,
    UNION,
    accuracies,
    excludes_zero,
    less,
    measured,
    paired,
    points,
)
from research.pages.page import table
from spikeproof.analysis import Results

_ATTACKED = ("linf", "l2", "l1", "l0", UNION)


def standard(run: Results, weaker: Results | None = None) -> str:
    """Every data set of a study, beside the same trainings in a study with a weaker suite."""
    return "".join(_one(run, weaker, data) for data in run.data())


def _one(run: Results, weaker: Results | None, data: str) -> str:
    """One data set: accuracies, gains over the undefended training, and what was missed."""
    plain, heads = run.undefended(data), ("training", *(LABELS[what] for what in ACCURACIES))
    text = f"\n### Accuracy under `{run.plan.get('suite')}` on {data}\n"
    text += table(heads, accuracies(run, data, ACCURACIES))
    if plain is not None:
        text += f"\nLess {plain}, points:\n" + table(heads, less(run, data, plain, ACCURACIES))
    # A suite of before and one of today are no weaker and stronger one.
    if weaker is not None and of_before(weaker) == of_before(run):
        text += _missed(run, weaker, data)
    return text + _told(run, data)


def _missed(run: Results, weaker: Results, data: str) -> str:
    """How much less the weaker suite broke of the same networks, on the items both met."""
    same = [t for t in run.trainings(data) if _networks(run, data, t) & _networks(weaker, data, t)]
    if not same:
        return ""
    rows = [
        (
            t,
            *(
                points(weaker.difference(*(measured(one, data, t, what) for one in (weaker, run))))
                for what in _ATTACKED
            ),
        )
        for t in same
    ]
    few, more = weaker.plan.get("suite"), run.plan.get("suite")
    return (
        f"\nWhat `{few}` left standing and `{more}` broke, points, on the same items of the same "
        "networks (the hashes of their weights are equal):\n"
        + table(("training", *(LABELS[what] for what in _ATTACKED)), rows)
    )


def _networks(run: Results, data: str, training: str) -> set[str]:
    """Hashes of the networks that were attacked."""
    return {
        str(cell.inputs["model_sha256"])
        for cell in run.cells
        if (cell.kind, cell.data, cell.training) == ("attack", data, training)
    }


def _told(run: Results, data: str) -> str:
    """Which trainings without attacks keep a gain over the undefended one, norm by norm."""
    plain = run.undefended(data)
    if plain is None:
        return ""
    told = []
    for training in run.trainings(data):
        if training == plain or run.kind(data, training).against is not None:
            continue
        gaps = {w: paired(run, data, (training, plain), w) for w in _ATTACKED}
        clear = [LABELS[w] for w, g in gaps.items() if g and excludes_zero(g) and g.value > 0]
        told.append(f"{training} keeps a clear gain under {', '.join(clear) or 'none of them'}")
    if not told:
        return ""
    return (
        f"\nTrained without attacks, less {plain}: {'; '.join(told)}. What a suite with "
        "gradients of several kinds and searches leaves standing is not hidden from these attacks; "
        "it may be from others.\n"
    )
