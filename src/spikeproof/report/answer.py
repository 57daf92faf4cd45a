"""The answer in words, made from the verdicts and the signs of masking; nothing is decided here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from spikeproof.analysis import MaskingSigns, Verdict, VerdictPart
from spikeproof.report.labels import data_title, listed, pretty, threat_title

__all__ = ["Answer", "answer"]

_NORMS = ("linf", "l2", "l1", "l0")
_HELPS, _EVERYWHERE = "sparse-training-helps", "all"


class Answer(NamedTuple):
    """One sentence, and the sentences behind it."""

    short: str
    long: str


def answer(judged: Sequence[Verdict], masked: Sequence[MaskingSigns]) -> Answer:
    """Answer the question of the page from what was measured.

    Args:
        judged: The verdicts; those on ``sparse-training-helps`` hold its gains.
        masked: The signs of masking of the sparse-gradient trainings.
    Returns:
        The short and the long answer.
    """
    verdicts = [v for v in judged if v.claim == _HELPS and v.data != _EVERYWHERE]
    known = [v for v in verdicts if v.estimate is not None]
    if not known:
        reasons = listed(sorted({v.explanation.rstrip(".") for v in verdicts}))
        text = [f"{reasons}." if reasons else "", _contradicted(judged)]
        return Answer("This run cannot tell yet.", " ".join(filter(None, text)))
    parts = [part for v in known for part in v.parts if part.name in _NORMS]
    text = [_gains(known), _by_norm(parts), _contradicted(judged), _masking(masked)]
    return Answer(_short(parts, masked), " ".join(filter(None, text)))


def _count(parts: Sequence[VerdictPart], verdict: str) -> int:
    return sum(part.verdict == verdict for part in parts)


def _short(parts: Sequence[VerdictPart], masked: Sequence[MaskingSigns]) -> str:
    """One sentence that counts gains, losses and open questions."""
    gained, lost = _count(parts, "supported"), _count(parts, "contradicted")
    raised = [sign for sign in masked if sign.raised]
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
    if not masked:
        return f"{first}; masking was not checked."
    if raised:
        where = dict.fromkeys(data_title(sign.data).lower() for sign in raised)
        everywhere = len(where) == len({sign.data for sign in masked}) > 1
        on = "every data set" if everywhere else listed(list(where))
        return f"{first}, with signs of gradient masking on {on}."
    return f"{first}, with no sign of gradient masking in the checks made."


def _gains(verdicts: Sequence[Verdict]) -> str:
    """What sparse-gradient training did to robust accuracy, data set by data set."""
    words = {
        "supported": "raised robust accuracy, averaged over the norms, on {}",
        "contradicted": "lowered it on {}",
        "undecided": "changed it by less than can be told on {}",
    }
    clauses = []
    for verdict, phrase in words.items():
        here = [v for v in verdicts if v.verdict == verdict]
        if here:
            clauses.append(phrase.format(listed([_gain(v) for v in here])))
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
    told = []
    for norm in _NORMS:
        here = [part for part in parts if part.name == norm]
        if here:
            lost = _count(here, "contradicted")
            text = f"{threat_title(norm)} in {_count(here, 'supported')} of {len(here)}"
            told.append(text + (f" (and loses in {lost})" if lost else ""))
    return f"Norm by norm, and counting data sets, it gains under {listed(told)}." if told else ""


def _contradicted(judged: Sequence[Verdict]) -> str:
    """Which claims the run contradicts, and on which data; losses are told with the gains."""
    where: dict[str, list[str]] = {}
    seen: dict[str, int] = {}
    overall = {v.claim for v in judged if v.data == _EVERYWHERE}
    for verdict in judged:
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


def _masking(masked: Sequence[MaskingSigns]) -> str:
    """Which signs of masking were raised, or what was looked for."""
    raised: dict[str, list[str]] = {}
    for sign in masked:
        for what in sign.raised:
            raised.setdefault(what, []).append(data_title(sign.data).lower())
    if raised:
        told = "; ".join(
            f"{what} ({listed(list(dict.fromkeys(on)))})" for what, on in raised.items()
        )
        return f"Signs of masking under sparse-gradient training: {told}."
    if not any(sign.flat is not None or sign.weaker is not None for sign in masked):
        return ""
    return (
        "No probed item was without a gradient, and attacks moved the answer further than noise "
        "did, within the limits of the checks."
    )
