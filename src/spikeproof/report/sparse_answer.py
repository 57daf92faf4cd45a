"""The answer to the question of the demo, made from the verdicts on what sparse gradients gain."""

from __future__ import annotations

from collections.abc import Sequence

from spikeproof.analysis import MaskingSigns, Summary, Verdict, VerdictPart
from spikeproof.report.labels import data_words, listed, threat_title
from spikeproof.threats import by_order, shown_facts

__all__ = ["EVERYWHERE", "HELPS", "sparse_answer"]

HELPS, EVERYWHERE = "sparse-training-helps", "all"
_CLEAN = "clean accuracy"


def sparse_answer(summary: Summary) -> list[str]:
    """Say whether sparse-gradient training transfers, and what it costs.

    Args:
        summary: What a run says whose plan asks the question of the demo.
    Returns:
        Sentences, the answer first; it names the cost in clean accuracy.
    """
    gains = [v for v in summary.verdicts if v.claim == HELPS and v.data != EVERYWHERE]
    known = [v for v in gains if v.estimate is not None]
    signs = [sign for one in summary.data for sign in one.masking if sign.training in one.sparse]
    if not known:
        reasons = listed(sorted({v.explanation.rstrip(".") for v in gains}))
        return ["This run cannot tell yet.", f"{reasons}." if reasons else ""]
    parts = [part for v in known for part in v.parts if shown_facts(part.name).order is not None]
    return [_short(parts, known, signs), _gains(known), _by_norm(parts)]


def _count(parts: Sequence[VerdictPart], verdict: str) -> int:
    return sum(part.verdict == verdict for part in parts)


def _short(
    parts: Sequence[VerdictPart], known: Sequence[Verdict], signs: Sequence[MaskingSigns]
) -> str:
    """One sentence that counts gains, losses and open questions, and names the cost."""
    gained, lost = _count(parts, "supported"), _count(parts, "contradicted")
    if parts and gained == len(parts):
        first = "It transfers to every norm tested"
    elif parts and lost == len(parts):
        first = "It makes every norm tested worse"
    elif not gained:
        first = "No gain is shown in any norm"
    else:
        pairs = "pair" if len(parts) == 1 else "pairs"
        first = f"It transfers in part: of {len(parts)} {pairs} of data set and norm, {gained} gain"
        first = first if gained != 1 else f"{first}s"
        first += f", {lost} {'loses' if lost == 1 else 'lose'}" if lost else ""
        open_ = len(parts) - gained - lost
        first += f", {open_} {'stays' if open_ == 1 else 'stay'} undecided" if open_ else ""
    first += _cost(known)
    where = dict.fromkeys(data_words(sign.data) for sign in signs if sign.raised)
    if not where:
        return f"{first}."
    everywhere = len(where) == len({sign.data for sign in signs}) > 1
    on = "every data set" if everywhere else listed(list(where))
    return f"{first}, with signs of gradient masking on {on}."


def _cost(known: Sequence[Verdict]) -> str:
    """What it does to clean accuracy, data set by data set."""
    told = []
    for verdict in known:
        for part in verdict.parts:
            if part.name == _CLEAN and part.estimate is not None:
                change = round(part.estimate.value, 1)
                points = f"{change:+.1f}".replace("-", "−") if change else "0.0"
                told.append(f"{points} points on {data_words(verdict.data)}")
    return f"; clean accuracy changes by {listed(told)}" if told else ""


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
    return f"{data_words(verdict.data)} {gain}"


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
