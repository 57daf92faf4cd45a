"""Claims on the page: what came out decides their colour and their words."""

from __future__ import annotations

import pytest

from spikeproof.analysis import Verdict
from spikeproof.report.claims import claims


def verdict(outcome: str, data: str = "digits", detail: str = "") -> Verdict:
    return Verdict(
        claim="linf", title="l_inf destroys most", judged="Whether l_inf destroys most.",
        data=data, verdict=outcome, estimate=None, unit="", explanation="e",  # type: ignore[arg-type]
        detail=detail,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("outcomes", "verdict_of_all", "tally"),
    [
        ("ssss", "supported", ""),
        ("cccs", "mixed", "supported in 1, contradicted in 3 of 4"),
        ("cuuu", "contradicted", "contradicted in 1, undecided in 3 of 4"),
        ("ssuu", "supported", "supported in 2, undecided in 2 of 4"),
        ("uuuu", "undecided", ""),
    ],
)
def test_different_verdicts_are_counted_and_none_hides_a_contradiction(
    outcomes: str, verdict_of_all: str, tally: str
) -> None:
    words = {"s": "supported", "c": "contradicted", "u": "undecided"}
    (card,) = claims([verdict(words[sign], f"data{i}") for i, sign in enumerate(outcomes)])
    assert (card.verdict, card.tally) == (verdict_of_all, tally)
    assert (card.number, card.title) == (1, "ℓ∞ destroys most")


def test_cases_that_are_lacking_stand_beside_the_verdict() -> None:
    few = "n = 240 of the 381 cases needed"
    (card,) = claims([verdict("undecided", "a", few), verdict("undecided", "b", few)])
    assert card.tally == f"undecided: {few}"
    assert [case.detail for case in card.cases] == [few, few]
    (card,) = claims([verdict("undecided", "a", few), verdict("undecided", "b", "n = 9")])
    assert card.tally == "undecided: too few cases"


def test_a_verdict_over_all_data_decides_alone() -> None:
    rows = [verdict("supported", "a"), verdict("contradicted", "b"), verdict("contradicted", "all")]
    (card,) = claims(rows)
    assert (card.verdict, card.tally, len(card.cases)) == ("contradicted", "", 1)
