"""The claims, their verdicts and their figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from spikeproof.analysis import Verdict, VerdictPart
from spikeproof.metrics import Estimate
from spikeproof.report import claim_figures
from spikeproof.report.figures import Figure, forest
from spikeproof.report.labels import data_title, interval, number, percent, pretty
from spikeproof.report.plots import slug

__all__ = ["Case", "Claim", "claims"]

_WORDS = ("supported", "contradicted", "undecided")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One claim on one data set.

    Args:
        title: Data set in words.
        verdict: What the numbers say.
        value: The deciding number with its interval and unit, as text; empty where there is none.
        explanation: The verdict in words.
        figure: What it rests on; None where nothing was measured.
        parts: ``(what, value, interval, unit, verdict, note)`` of every comparison behind it.
    """

    title: str
    verdict: str
    value: str
    explanation: str
    figure: Figure | None
    parts: list[tuple[str, str, str, str, str, str]]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One claim on every data set.

    Args:
        name: Id in the page.
        number: 1 to 7.
        title: A few words.
        statement: The claim in one sentence.
        verdict: The common verdict, or ``"mixed"``.
        tally: The verdicts counted, in words.
        cases: One per data set.
        norms: Whether its figures compare norms, and need their legend.
        figure: The deciding numbers side by side; None where there are fewer than two.
    """

    name: str
    number: int
    title: str
    statement: str
    verdict: str
    tally: str
    cases: list[Case]
    norms: bool
    figure: Figure | None


def claims(found: Sequence[Verdict]) -> list[Claim]:
    """Gather verdicts by claim, in the order of the claims."""
    numbers = dict.fromkeys(verdict.claim for verdict in found)
    return [_claim([v for v in found if v.claim == n]) for n in numbers]


def _claim(rows: Sequence[Verdict]) -> Claim:
    """All verdicts on one claim; one over all data sets replaces the count of the others."""
    first = rows[0]
    whole = [row for row in rows if row.data == "all"]
    single = [row for row in rows if row.data != "all"]
    answers = {row.verdict for row in whole or single}
    verdict = answers.pop() if len(answers) == 1 else "mixed"
    counted = [(word, sum(row.verdict == word for row in single)) for word in _WORDS]
    tally = " · ".join(f"{word} {count} of {len(single)}" for word, count in counted if count)
    # A verdict over all data sets shows them side by side; their own figures stand elsewhere.
    shown = whole or single
    return Claim(
        name=f"claim-{first.claim}",
        number=first.claim,
        title=first.title[:1].upper() + pretty(first.title[1:]) if not first.title.startswith("l_")
        else pretty(first.title),
        statement=pretty(first.statement),
        verdict=verdict,
        tally=tally,
        cases=[_case(row) for row in shown],
        norms=any(row.figure.get("kind") in ("curves", "scatter") for row in shown),
        figure=_summary(single) if not whole else None,
    )  # fmt: skip


def _summary(rows: Sequence[Verdict]) -> Figure | None:
    """The deciding numbers of the data sets side by side."""
    known = [(row, row.estimate) for row in rows if row.estimate is not None]
    if len(known) < 2:
        return None
    lines = [
        {"label": data_title(row.data), "value": e.value, "low": e.low, "high": e.high}
        for row, e in known
    ]
    name = slug("claim", rows[0].claim, "summary")
    return forest(name, "By data set", lines, unit=pretty(known[0][0].unit), mark=None)


def _case(row: Verdict) -> Case:
    """One verdict as text and figure."""
    title = "All data sets" if row.data == "all" else data_title(row.data)
    return Case(
        title=title,
        verdict=row.verdict,
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
    ends = f"{number(estimate.low)} to {number(estimate.high)}"
    return f"{number(estimate.value)} ({ends}) {pretty(unit)}"


def _part(part: VerdictPart) -> tuple[str, str, str, str, str, str]:
    """A comparison as a row of a table."""
    value, interval = "–", "–"
    if part.estimate is not None:
        value = number(part.estimate.value)
        interval = f"{number(part.estimate.low)} to {number(part.estimate.high)}"
    name, unit, note = pretty(part.name), pretty(part.unit), pretty(part.note)
    return name, value, interval, unit, part.verdict, note
