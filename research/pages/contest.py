"""The shipped recipe against the best single-norm and the best plain multi-norm training."""

from __future__ import annotations

from research.pages.doubt import doubt
from research.pages.estimates import (
    LABELS,
    mean,
    paired,
    points,
    ratio,
    share,
    times,
)
from research.pages.page import table, verdict
from spikeproof.analysis import Results
from spikeproof.metrics import Estimate

SHIPPED = "multinorm"
UNION = ("linf", "l2", "l1")
_SHOWN = ("clean", *UNION, UNION, "l0")


def contest(run: Results, recipe: str = SHIPPED) -> str:
    """Every data set of a study that trains the recipe beside its rivals."""
    return doubt(run) + "".join(_one(run, data, recipe) for data in run.data())


def _rivals(run: Results, data: str, several: bool) -> list[str]:
    """Trainings on attacked inputs with cross-entropy alone, under one l_p threat or several."""
    found = []
    for training in run.trainings(data):
        kind = run.kind(data, training)
        names = set((kind.against or "").split("+"))
        plain = kind.terms == {"cross_entropy"} and not kind.ruled and training != SHIPPED
        if plain and names <= {*UNION, "l0"} and (len(names) > 1) == several:
            found.append(training)
    return found


def _best(run: Results, data: str, names: list[str]) -> str | None:
    """The training with the largest union; the choice is made on these items, in its favour."""
    found = {t: e.value for t in names if (e := mean(run, data, t, UNION)) is not None}
    return max(found, key=lambda t: found[t]) if found else None


def _one(run: Results, data: str, recipe: str) -> str:
    """One data set: levels, then the targets."""
    trainings = run.trainings(data)
    single = _best(run, data, _rivals(run, data, several=False))
    several = _best(run, data, _rivals(run, data, several=True))
    text = f"\n### Recipe and rivals on {data}\n" + table(
        ("training", *(_label(what) for what in _SHOWN), "passes, times",
         "processor time, times"),
        [
            (t, *(share(mean(run, data, t, what)) for what in _SHOWN),
             times(ratio(run, data, (t, single), "passes")),
             times(ratio(run, data, (t, single), "processor_seconds")))
            for t in trainings
        ],
    )  # fmt: skip
    if recipe not in trainings or single is None or several is None:
        return text + "\nNo verdict: the recipe or one kind of rival is not in this study.\n"
    text += (
        f"\nThe last columns are beside {single}, the single-norm training with the largest union; "
        f"{several} is the plain multi-norm training with the largest. Both were picked on these "
        "items, in their own favour. Passes and time include those spent on validation items.\n"
    )
    return text + table(("target", "measured", ""), _targets(run, data, recipe, (single, several)))


def _label(what: str | tuple[str, ...]) -> str:
    """A column's head."""
    return "union of l_inf, l_2, l_1" if what == UNION else LABELS[what]


def _targets(
    run: Results, data: str, recipe: str, rivals: tuple[str, str]
) -> list[tuple[str, str, str]]:
    """Every target with what was measured and its verdict."""
    single, several = rivals

    def gap(rival: str, what: str | tuple[str, ...]) -> Estimate | None:
        return paired(run, data, (recipe, rival), what)

    rows = [
        _reaches(f"union {least:g} points above {rival}", gap(rival, UNION), least)
        for rival, least in ((single, 10.0), (several, 2.0))
    ]
    clean = gap(single, "clean")
    met = clean is not None and 100 * clean.value >= -3
    rows.append((f"clean at most 3 points below {single}", points(clean), verdict(met)))
    for what, said in (("passes", "passes"), ("processor_seconds", "processor time")):
        found = ratio(run, data, (recipe, single), what)
        met = found is not None and found <= 1.3
        rows.append((f"{said} at most 1.3 times those of {single}", times(found), verdict(met)))
    for rival in rivals:
        if (beside := gap(rival, "l0")) is not None:
            rows.append((f"l_0 beside {rival}: no target", points(beside), ""))
    plain = run.undefended(data)
    if plain is not None:
        rows.append((f"clean beside {plain}: no target", points(gap(plain, "clean")), ""))
    return rows


def _reaches(said: str, gap: Estimate | None, least: float) -> tuple[str, str, str]:
    """A lead that must be large enough, with an interval above 0."""
    met = gap is not None and 100 * gap.value >= least and gap.low > 0
    return f"{said}, interval above 0", points(gap), verdict(met)
