"""The answer in words, for any run: which training keeps most, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from spikeproof.analysis import (
    NOT_DIAGNOSED,
    SPARSE_GRADIENT,
    BestTraining,
    DataSummary,
    MaskingSigns,
    Summary,
    Verdict,
    masking_word,
)
from spikeproof.names import counted
from spikeproof.report.labels import (
    data_title,
    data_words,
    interval,
    listed,
    percent,
    pretty,
    radius_words,
    threat_title,
)
from spikeproof.report.sparse_answer import EVERYWHERE, HELPS, sparse_answer

__all__ = ["Answer", "answer", "not_fallen", "verdict_clause"]

_UPPER_BOUND = (
    "An item counts as right only if it is right when clean and nothing that was tried broke it: "
    "an upper bound, which a stronger attack can only lower."
)
_NAMED = 6  # curves that a sentence names before it counts them


class Answer(NamedTuple):
    """One sentence, and the sentences behind it."""

    short: str
    long: tuple[str, ...]


def answer(summary: Summary) -> Answer:
    """Answer what the run was asked from what was measured; nothing is decided here.

    Args:
        summary: What the run says.
    Returns:
        The short and the long answer. The first sentence names what the best training costs in
        clean accuracy.
    """
    if summary.asks == SPARSE_GRADIENT:
        short, *rest = sparse_answer(summary)
    else:
        short, *rest = [_most(summary)]
    rest += [_columns(one) for one in summary.data if len(one.trainings) > 1]
    if not any(len(one.trainings) > 1 for one in summary.data) and summary.suites:
        rest.append(_UPPER_BOUND)
    rest += [_contradicted(summary.verdicts), *_masking(summary)]
    return Answer(f"{short} {verdict_clause(summary)}".rstrip(), tuple(filter(None, rest)))


def verdict_clause(summary: Summary) -> str:
    """Say beside every robust accuracy whether it is to be believed.

    Args:
        summary: What the run says.
    Returns:
        One sentence; empty where nothing was attacked.
    """
    if not summary.suites:
        return ""
    found: dict[str, list[str]] = {}
    for one in summary.data:
        for training in one.trainings:
            word = masking_word(summary.masking, one.data, training)
            where = f" on {data_words(one.data)}" if len(summary.data) > 1 else ""
            found.setdefault(word, []).append(f"{training}{where}")
    if list(found) == [NOT_DIAGNOSED]:
        return "Gradient masking: not diagnosed."
    each = "; ".join(f"{word} ({listed(names)})" for word, names in found.items())
    return f"Verdict on gradient masking: {each}."


def _most(summary: Summary) -> str:
    """Which training keeps most under all attacks at once, and what it costs."""
    found = [(one, _main(one)) for one in summary.data]
    known = [(one, best) for one, best in found if best is not None]
    if not known:
        if summary.withheld:
            return "No robust accuracy is stated: what was seen of the networks forbids it."
        return "Nothing that can be summed up has been measured yet."
    if not any(len(one.trainings) > 1 for one, _ in known):
        return "; ".join(_left(summary, best) for _, best in known) + "."
    told = "; ".join(_kept(best) for _, best in known)
    return f"Under {_all_at_once(known[0][1])}, {told}."


def _main(one: DataSummary) -> BestTraining | None:
    """The best of the union, else of the only threat there is."""
    rows = {row.threat: row for row in one.best if row.threat != "clean"}
    return rows.get("union") or next(iter(rows.values()), None)


def _all_at_once(best: BestTraining) -> str:
    """The column that decides."""
    if best.threat == "union":
        return "the attacks in every ℓp norm at once, at the standard radii"
    return f"attacks in {threat_title(best.threat)} at the standard radius"


def _left(summary: Summary, best: BestTraining) -> str:
    """What attacks leave of the only training there is."""
    return (
        f"{best.training} answers {percent(best.clean.value)} % of "
        f"{counted(best.estimate.n, f'{summary.split} item')} of {data_title(best.data)} right "
        f"when clean and {percent(best.estimate.value)} % "
        f"({interval(best.estimate.low, best.estimate.high)}) under {_all_at_once(best)}"
    )


def _kept(best: BestTraining) -> str:
    """What the best training keeps on one data set, with its clean accuracy."""
    ends = interval(best.estimate.low, best.estimate.high)
    if best.base_estimate is not None and best.base != best.training:
        ends += f"; {best.base} {percent(best.base_estimate.value)} %"
    text = f"{best.training} keeps most on {data_words(best.data)}: "
    text += f"{percent(best.estimate.value)} % ({ends})"
    if best.tied:
        tied = listed(best.tied)
        text += f", not distinguishable from {tied} by the intervals"
    return f"{text}, at a clean accuracy of {percent(best.clean.value)} %{_cost(best)}"


def _cost(best: BestTraining) -> str:
    """What the best training costs in clean accuracy against the undefended one."""
    if best.clean_change is None:
        what = "the undefended training itself" if best.base == best.training else "the highest"
        return f", {what}"
    points = 100 * best.clean_change.value
    way = "below" if points < 0 else "above"
    low, high = (100 * end for end in (best.clean_change.low, best.clean_change.high))
    ends = f"({low:+.1f} to {high:+.1f})".replace("-", "−")
    what = f"that of {best.against} {ends}"
    if round(abs(points), 1) == 0:
        return f", the same as {what}"
    return f", {abs(points):.1f} points {way} {what}"


def _columns(one: DataSummary) -> str:
    """The best training of every column of a data set."""
    told = []
    for row in one.best:
        tied = f", not distinguishable from {listed(row.tied)}" if row.tied else ""
        told.append(
            f"{threat_title(row.threat)} {row.training} ({percent(row.estimate.value)} %{tied})"
        )
    title = data_words(one.data)
    return f"Best on {title}, column by column: {'; '.join(told)}." if told else ""


def _contradicted(verdicts: Sequence[Verdict]) -> str:
    """Which claims the run contradicts, and on which data; losses stand with the gains."""
    where: dict[str, list[str]] = {}
    seen: dict[str, int] = {}
    overall = {v.claim for v in verdicts if v.data == EVERYWHERE}
    for verdict in verdicts:
        # Data set by data set, the claim over all of them repeats the gains.
        if verdict.claim == HELPS or (verdict.claim in overall) != (verdict.data == EVERYWHERE):
            continue
        seen[verdict.title] = seen.get(verdict.title, 0) + 1
        if verdict.verdict == "contradicted":
            where.setdefault(verdict.title, []).append(verdict.data)
    if not where:
        return ""
    clauses = []
    for title, data in where.items():
        on = "" if data == [EVERYWHERE] else listed([data_words(one) for one in data])
        on = "every data set" if len(data) == seen[title] > 1 else on
        clauses.append(f"“{pretty(title)}”" + (f" on {on}" if on else ""))
    return f"Contradicted by this run: {'; '.join(clauses)}."


def _masking(summary: Summary) -> list[str]:
    """Which signs of masking were raised, which checks were made, and which were not."""
    signs = [sign for one in summary.data for sign in one.masking]
    told = [_raised(signs), not_fallen(summary)]
    made, lacking = len(summary.checks.made), summary.checks.lacking
    if made or lacking:
        told.append(
            f"Gradient masking was looked for in {counted(made, 'way')}; not looked at: "
            f"{'; '.join(lacking)}."
        )
    return told


def _raised(signs: Sequence[MaskingSigns]) -> str:
    """The signs of masking that were raised, in words."""
    raised: dict[str, list[str]] = {}
    for sign in signs:
        for what in sign.raised:
            where = f"{sign.training} on {data_words(sign.data)}"
            raised.setdefault(what, []).append(where)
    text = "; ".join(f"{what} ({listed(on)})" for what, on in raised.items())
    return f"Signs of gradient masking: {text}." if text else ""


def not_fallen(summary: Summary) -> str:
    """Say where accuracy does not fall towards zero within the radii measured.

    Args:
        summary: What the run says.
    Returns:
        A sentence with what is left; empty where it falls everywhere.
    """
    signs = [sign for one in summary.data for sign in one.masking]
    curves = sum(sign.curves for sign in signs)
    found = [(sign, one) for sign in signs for one in sign.standing]
    if not found:
        return ""
    found.sort(key=lambda pair: -pair[1].left.value)
    each = [
        f"{sign.training} on {data_words(sign.data)} under "
        f"{threat_title(one.threat)} ({percent(one.left.value)} % left at "
        f"{radius_words(one.radius, one.decibels)})"
        for sign, one in found[:_NAMED]
    ]
    more = len(found) - _NAMED
    names = listed([*each, f"{more} more"] if more > 0 else each)
    return (
        f"Accuracy does not fall towards zero within the radii measured on {len(found)} of "
        f"{counted(curves, 'curve')}: {names}; larger radii or stronger attacks must tell why."
    )
