"""The answer follows the verdicts: other verdicts, other words."""

from __future__ import annotations

import pytest

from spikeproof.analysis import MaskingSigns, Verdict, VerdictPart
from spikeproof.metrics import Estimate
from spikeproof.report.answer import answer


def gain(verdict: str, **norms: str) -> Verdict:
    """A verdict on claim 6 for the images."""
    value = {"supported": 9.0, "contradicted": -9.0, "undecided": 0.5}[verdict]
    estimate = Estimate(value, value - 2, value + 2, 100, 3)
    parts = tuple(
        VerdictPart(name=name, verdict=told, estimate=estimate, unit="points")  # type: ignore[arg-type]
        for name, told in norms.items()
    )
    return Verdict(
        claim="sparse-training-helps", title="t", judged="j", data="digits", verdict=verdict,  # type: ignore[arg-type]
        estimate=estimate, unit="points", explanation="e", parts=parts,
    )  # fmt: skip


def sign(flat: float = 0.0, weaker: float = 0.0) -> MaskingSigns:
    return MaskingSigns(data="digits", training="SR", flat=flat, weaker=weaker, left=0.0)


@pytest.mark.parametrize(
    ("verdict", "short"),
    [
        (gain("supported", linf="supported", l2="supported"), "It transfers to every norm tested"),
        (gain("contradicted", linf="contradicted"), "It makes every norm tested worse"),
        (gain("undecided", linf="undecided"), "No gain is shown in any norm"),
        (
            gain("supported", linf="supported", l1="undecided", l0="contradicted"),
            "It transfers in part: 1 of 3 pairs of data and norm gain, 1 lose, 1 stays undecided",
        ),
    ],
)
def test_the_short_answer_counts_what_was_measured(verdict: Verdict, short: str) -> None:
    told = answer([verdict], [sign()])
    assert told.short == f"{short}, with no sign of gradient masking in the checks made."


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (sign(flat=0.5), "50 % of the items without any gradient (images)"),
        (sign(weaker=0.03), "attacks weaker than noise in 3 % of the cases (images)"),
    ],
)
def test_signs_of_masking_are_named(found: MaskingSigns, words: str) -> None:
    told = answer([gain("supported", linf="supported")], [found])
    assert told.short.endswith("with signs of gradient masking on images.")
    assert words in told.long


def test_gains_and_losses_are_told_with_their_intervals() -> None:
    told = answer([gain("supported", linf="supported")], [sign()])
    assert (
        "raised robust accuracy, averaged over the norms, on images (+9.0 points, 7.0 to 11.0)"
        in told.long
    )
    assert "it gains under ℓ∞ in 1 of 1" in told.long
    assert "No probed item was without a gradient" in told.long
    told = answer([gain("contradicted", linf="contradicted")], [])
    assert "lowered robust accuracy, averaged over the norms, on images (−9.0 points" in told.long
    assert told.short.endswith("masking was not checked.")


def contradiction(title: str, data: str, verdict: str = "contradicted") -> Verdict:
    return Verdict(
        claim=title, title=title, judged="j", data=data, verdict=verdict,  # type: ignore[arg-type]
        estimate=None, unit="", explanation="e",
    )  # fmt: skip


def test_contradicted_claims_are_told_with_their_data() -> None:
    helps = gain("contradicted", linf="contradicted")  # told as a loss
    rows = [
        contradiction("l_inf destroys most", "digits"),
        contradiction("l_inf destroys most", "digits-audio", "undecided"),
        contradiction("the bound", "digits"),
        contradiction("the bound", "digits-audio"),
        contradiction("everywhere", "digits"),
        contradiction("everywhere", "all"),
        contradiction("noise", "digits", "supported"),
    ]
    told = answer([helps, *rows], [sign()])
    assert (
        "Contradicted by this run: “ℓ∞ destroys most” on images; “the bound” on every data set; "
        "“everywhere”." in told.long
    )
    assert "Contradicted" not in answer([helps], [sign()]).long


def test_a_plan_that_asks_something_else_says_so() -> None:
    told = answer([contradiction("the bound", "digits")], [])
    assert told.short == "The plan of this run does not ask that."
    assert told.long == "Contradicted by this run: “the bound” on images."
    assert answer([], []).short == "This run cannot tell yet."


def test_a_run_without_the_comparison_says_why() -> None:
    verdict = Verdict(
        claim="sparse-training-helps", title="t", judged="j", data="digits",
        verdict="undecided", estimate=None, unit="",
        explanation="Undecided: this run has no sparse-gradient training.",
    )  # fmt: skip
    told = answer([verdict], [])
    assert told == ("This run cannot tell yet.",
                    "Undecided: this run has no sparse-gradient training.")  # fmt: skip
