"""The claims, their verdicts and their figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from spikeproof.analysis import Verdict, VerdictPart
from spikeproof.metrics import Estimate
from spikeproof.report import claim_figures
from spikeproof.report.claim_figures import forest
from spikeproof.report.figures import Figure
from spikeproof.report.labels import data_title, interval, listed, number, percent, pretty
from spikeproof.report.plots import slug

__all__ = ["Case", "ClaimCard", "claims"]

_WORDS = ("supported", "contradicted", "undecided")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One claim on one data set.

    Args:
        title: Data set in words.
        verdict: What the numbers say.
        detail: What belongs beside the verdict; mostly empty.
        value: The deciding number with its interval and unit, as text; empty where there is none.
        explanation: The verdict in words.
        figure: What it rests on; None where nothing was measured.
        parts: ``(what, value, interval, unit, verdict, note)`` of every comparison behind it.
    """

    title: str
    verdict: str
    detail: str
    value: str
    explanation: str
    figure: Figure | None
    parts: list[tuple[str, str, str, str, str, str]]


@dataclass(frozen=True, kw_only=True)
class ClaimCard:
    """One claim on every data set.

    Args:
        name: Id in the page.
        number: Its place among the claims of the run, from 1.
        title: A few words.
        judged: What is judged, in one sentence.
        decided: From which number on it is supported; empty where nothing was measured.
        thresholds: The same as numbers, in the unit of its figure.
        verdict: The common verdict; of different ones the one that is decided, ``"mixed"`` where
            some support and others contradict.
        tally: The verdicts counted, in words; for a common one what it lacks, if anything.
        cases: One per data set.
        figure: The deciding numbers side by side; None where there are fewer than two.
    """

    name: str
    number: int
    title: str
    judged: str
    decided: str
    thresholds: tuple[float, ...]
    verdict: str
    tally: str
    cases: list[Case]
    figure: Figure | None


def claims(verdicts: Sequence[Verdict]) -> list[ClaimCard]:
    """Gather verdicts by claim, in the order of the claims."""
    keys = dict.fromkeys(verdict.claim for verdict in verdicts)
    return [
        _claim(number, [v for v in verdicts if v.claim == key])
        for number, key in enumerate(keys, 1)
    ]


def _claim(number: int, verdicts: Sequence[Verdict]) -> ClaimCard:
    """All verdicts on one claim; one over all data sets replaces the count of the others."""
    first = verdicts[0]
    overall = [row for row in verdicts if row.data == "all"]
    single = [row for row in verdicts if row.data != "all"]
    # A verdict over all data sets shows them side by side; their own figures stand elsewhere.
    rows = overall or single
    return ClaimCard(
        name=slug("claim", first.claim),
        number=number,
        title=_capital(first.title),
        judged=pretty(first.judged),
        decided=next(filter(None, map(_decided, rows)), ""),
        thresholds=next((row.thresholds for row in rows if row.thresholds), ()),
        verdict=_common([row.verdict for row in rows]),
        tally=_tally(rows),
        cases=[_case(row) for row in rows],
        figure=_summary(single) if not overall else None,
    )


def _capital(title: str) -> str:
    """A title with a capital, where it does not begin with the name of a norm."""
    return pretty(title if title.startswith("l_") else title[:1].upper() + title[1:])


def _common(outcomes: Sequence[str]) -> str:
    """What came out of several verdicts: an undecided one takes nothing from the others."""
    decided = [word for word in _WORDS[:2] if word in outcomes]
    return "mixed" if len(decided) == 2 else decided[0] if decided else "undecided"


def _tally(rows: Sequence[Verdict]) -> str:
    """Verdicts that differ, counted; of equal ones what they lack."""
    counted = [(word, sum(row.verdict == word for row in rows)) for word in _WORDS]
    counted = [(word, count) for word, count in counted if count]
    if len(counted) > 1:
        text = ", ".join(f"{word} in {count}" for word, count in counted)
        return f"{text} of {len(rows)}"
    details = list(dict.fromkeys(row.detail for row in rows))
    if not any(details):
        return ""
    return f"{rows[0].verdict}: {details[0] if len(details) == 1 else 'too few cases'}"


def _summary(rows: Sequence[Verdict]) -> Figure | None:
    """The deciding numbers of the data sets side by side."""
    known = [(row, row.estimate) for row in rows if row.estimate is not None]
    if len(known) < 2:
        return None
    lines = [
        {"label": data_title(row.data), "verdict": row.verdict}
        | {"value": e.value, "low": e.low, "high": e.high}
        for row, e in known
    ]
    name = slug("claim", rows[0].claim, "summary")
    first = known[0][0]
    limits = first.thresholds
    return forest(name, "By data set", lines, unit=pretty(first.unit), thresholds=limits)


def _case(row: Verdict) -> Case:
    """One verdict as text and figure."""
    title = "All data sets" if row.data == "all" else data_title(row.data)
    return Case(
        title=title,
        verdict=row.verdict,
        detail=row.detail,
        value=_value(row.estimate, row.unit) if row.estimate else "",
        explanation=pretty(row.explanation),
        figure=claim_figures.figure(slug("claim", row.claim, row.data), title, row.figure),
        parts=[_part(part) for part in row.parts],
    )


def _value(estimate: Estimate, unit: str) -> str:
    """A number with its interval and unit; shares in per cent."""
    if unit.startswith("share "):
        ends = interval(estimate.low, estimate.high)
        return f"{percent(estimate.value)} % ({ends}) {unit.removeprefix('share ')}"
    ends = f"{_number(estimate.low, unit)} to {_number(estimate.high, unit)}"
    return f"{_number(estimate.value, unit)} ({ends}) {pretty(unit)}"


def _number(value: float, unit: str) -> str:
    """A number as its unit is written: points with one decimal, correlations with two."""
    digits = 1 if unit.startswith("points") else 2 if unit == "correlation" else None
    return number(value) if digits is None else f"{value:.{digits}f}".replace("-", "−")


def _decided(row: Verdict) -> str:
    """Where a claim is decided, in words."""
    if not row.thresholds:
        return ""
    if row.unit.startswith("share "):
        ends, unit = [f"{100 * t:g} %" for t in row.thresholds], row.unit.removeprefix("share ")
    else:
        ends, unit = [f"{t:g}" for t in row.thresholds], row.unit
    between = f"between {listed(ends)}" if len(ends) > 1 else f"from {ends[0]} on"
    between = "above 0" if row.thresholds == (0.0,) else between
    return f"Supported {between} ({pretty(unit)}), by the whole 95 % interval."


def _part(part: VerdictPart) -> tuple[str, str, str, str, str, str]:
    """A comparison as a row of a table."""
    value, ends = "–", "–"
    name, unit, note = pretty(part.name), pretty(part.unit), pretty(part.note)
    if part.estimate is not None and unit.startswith("share "):
        value, unit = percent(part.estimate.value), f"% {unit.removeprefix('share ')}"
        ends = interval(part.estimate.low, part.estimate.high)
    elif part.estimate is not None:
        value = _number(part.estimate.value, unit)
        ends = f"{_number(part.estimate.low, unit)} to {_number(part.estimate.high, unit)}"
    return name, value, ends, unit, part.verdict, note
