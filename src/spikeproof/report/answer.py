"""The answer in words, made from the verdicts and the signs of masking; nothing is decided here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from spikeproof.analysis import MaskingSigns, Verdict, VerdictPart
from spikeproof.report.labels import data_title, listed, pretty, threat_title
from spikeproof.threats import by_order, shown_facts

__all__ = ["Answer", "answer"]

_HELPS, _EVERYWHERE = "sparse-training-helps", "all"


class Answer(NamedTuple):
    """One sentence, and the sentences behind it."""

    short: str
    long: str


def answer(verdicts: Sequence[Verdict], signs: Sequence[MaskingSigns]) -> Answer:
    """Answer the question of the page from what was measured.

    Args:
        verdicts: On every claim; those on ``sparse-training-helps`` hold its gains.
        signs: The signs of masking of the sparse-gradient trainings.
    Returns:
        The short and the long answer.
    """
    gains = [v for v in verdicts if v.claim == _HELPS and v.data != _EVERYWHERE]
    known = [v for v in gains if v.estimate is not None]
    if not known:
        reasons = listed(sorted({v.explanation.rstrip(".") for v in gains}))
        text = [f"{reasons}." if reasons else "", _contradicted(verdicts)]
        asked = bool(gains) or not verdicts
        short = "This run cannot tell yet." if asked else "The plan of this run does not ask that."
        return Answer(short, " ".join(filter(None, text)))
    parts = [part for v in known for part in v.parts if shown_facts(part.name).order is not None]
    text = [_gains(known), _by_norm(parts), _contradicted(verdicts), _masking(signs)]
    return Answer(_short(parts, signs), " ".join(filter(None, text)))


def _count(parts: Sequence[VerdictPart], verdict: str) -> int:
    return sum(part.verdict == verdict for part in parts)


def _short(parts: Sequence[VerdictPart], signs: Sequence[MaskingSigns]) -> str:
    """One sentence that counts gains, losses and open questions."""
    gained, lost = _count(parts, "supported"), _count(parts, "contradicted")
    raised = [sign for sign in signs if sign.raised]
    if parts and gained == len(parts):
        first = "It transfers to every norm tested"
    elif parts and lost == len(parts):
        first = "It makes every norm tested worse"
    elif not gained:
        first = "No gain is shown in any norm"
    else:
        first = f"It transfers in part: {gained} of {len(parts)} pairs of data and norm gain"
        first += f", {lost} lose" if lost else ""
        open_ = len(parts) - gained - lost
        first += f", {open_} {'stays' if open_ == 1 else 'stay'} undecided" if open_ else ""
    if not signs:
        return f"{first}; masking was not checked."
    if raised:
        where = dict.fromkeys(data_title(sign.data).lower() for sign in raised)
        everywhere = len(where) == len({sign.data for sign in signs}) > 1
        on = "every data set" if everywhere else listed(list(where))
        return f"{first}, with signs of gradient masking on {on}."
    return f"{first}, with no sign of gradient masking in the checks made."


def _gains(verdicts: Sequence[Verdict]) -> str:
    """What sparse-gradient training did to robust accuracy, data set by data set."""
    words = {
        "supported": "raised robust accuracy, averaged over the norms, on {}",
        "contradicted": "lowered it on {}",
        "undecided": "changed it by less than the intervals resolve on {}",
    }
    clauses = []
    for verdict, phrase in words.items():
        rows = [v for v in verdicts if v.verdict == verdict]
        if rows:
            clauses.append(phrase.format(listed([_gain(v) for v in rows])))
    text = "; it ".join(clauses)
    if "raised robust" not in text:
        text = text.replace(" it ", " robust accuracy, averaged over the norms, ", 1)
    return f"Sparse-gradient training {text}."


def _gain(verdict: Verdict) -> str:
    """A data set with its gain."""
    estimate = verdict.estimate
    assert estimate is not None
    ends = f"{estimate.low:.1f} to {estimate.high:.1f}"
    gain = f"({estimate.value:+.1f} points, {ends})".replace("-", "−")
    return f"{data_title(verdict.data).lower()} {gain}"


def _by_norm(parts: Sequence[VerdictPart]) -> str:
    """In how many data sets each norm gained or lost."""
    counts = []
    for norm in by_order({part.name for part in parts}):
        rows = [part for part in parts if part.name == norm]
        if rows:
            lost = _count(rows, "contradicted")
            text = f"{threat_title(norm)} in {_count(rows, 'supported')} of {len(rows)}"
            counts.append(text + (f" (and loses in {lost})" if lost else ""))
    if not counts:
        return ""
    return f"Norm by norm, and counting data sets, it gains under {listed(counts)}."


def _contradicted(verdicts: Sequence[Verdict]) -> str:
    """Which claims the run contradicts, and on which data; losses stand with the gains."""
    where: dict[str, list[str]] = {}
    seen: dict[str, int] = {}
    overall = {v.claim for v in verdicts if v.data == _EVERYWHERE}
    for verdict in verdicts:
        # Data set by data set, the claim over all of them repeats the gains.
        if verdict.claim == _HELPS or (verdict.claim in overall) != (verdict.data == _EVERYWHERE):
            continue
        seen[verdict.title] = seen.get(verdict.title, 0) + 1
        if verdict.verdict == "contradicted":
            where.setdefault(verdict.title, []).append(verdict.data)
    if not where:
        return ""
    clauses = []
    for title, data in where.items():
        on = "" if data == [_EVERYWHERE] else listed([data_title(one).lower() for one in data])
        on = "every data set" if len(data) == seen[title] > 1 else on
        clauses.append(f"“{pretty(title)}”" + (f" on {on}" if on else ""))
    return f"Contradicted by this run: {'; '.join(clauses)}."


def _masking(signs: Sequence[MaskingSigns]) -> str:
    """Which signs of masking were raised, or what was looked for."""
    raised: dict[str, list[str]] = {}
    for sign in signs:
        for what in sign.raised:
            raised.setdefault(what, []).append(data_title(sign.data).lower())
    if raised:
        text = "; ".join(
            f"{what} ({listed(list(dict.fromkeys(on)))})" for what, on in raised.items()
        )
        return f"Signs of masking under sparse-gradient training: {text}."
    if not any(sign.flat is not None or sign.weaker is not None for sign in signs):
        return ""
    return (
        "No probed item was without a gradient, and attacks moved the answer further than noise "
        "did, within the limits of the checks."
    )
