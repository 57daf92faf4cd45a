"""The answer follows the verdicts: other verdicts, other words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from spikeproof.analysis import (
    SPARSE_GRADIENT,
    MaskingChecks,
    MaskingSigns,
    Standing,
    Summary,
    Verdict,
    VerdictPart,
    results,
    summarise,
)
from spikeproof.metrics import Estimate
from spikeproof.report.answer import answer
from support import synthetic

CLEAN = VerdictPart(
    name="clean accuracy", verdict="undecided", estimate=Estimate(-3.0, -6.0, 1.0, 100, 3),
    unit="points",
)  # fmt: skip


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
        estimate=estimate, unit="points", explanation="e", parts=(*parts, CLEAN),
    )  # fmt: skip


def sign(flat: float = 0.0, weaker: float = 0.0) -> MaskingSigns:
    return MaskingSigns(data="digits", training="SR", flat=flat, weaker=weaker, left=0.0)


def told_of(
    verdicts: list[Verdict], signs: list[MaskingSigns], asks: str = SPARSE_GRADIENT
) -> tuple[str, str]:
    """The answer to the question of the demo, from these verdicts and signs alone."""
    one = SimpleNamespace(
        data="digits", masking=signs, sparse=("SR",), trainings=("SR",), best=(), undefended=None
    )
    summary: Any = SimpleNamespace(
        asks=asks, verdicts=verdicts, data=[one], withheld={}, suites=(),
        checks=MaskingChecks(made=("one thing",), lacking=("another",)),
    )  # fmt: skip
    short, long = answer(summary)
    return short, " ".join(long)


@pytest.mark.parametrize(
    ("verdict", "short"),
    [
        (gain("supported", linf="supported", l2="supported"), "It transfers to every norm tested"),
        (gain("contradicted", linf="contradicted"), "It makes every norm tested worse"),
        (gain("undecided", linf="undecided"), "No gain is shown in any norm"),
        (
            gain("supported", linf="supported", l1="undecided", l0="contradicted"),
            "It transfers in part: of 3 pairs of data set and norm, 1 gains, 1 loses, 1 stays "
            "undecided",
        ),
    ],
)
def test_the_short_answer_counts_what_was_measured(verdict: Verdict, short: str) -> None:
    found, long = told_of([verdict], [sign()])
    assert found == f"{short}; clean accuracy changes by −3.0 points on images."
    assert "no sign of" not in found + long
    assert "Gradient masking was looked for in 1 way; not looked at: another." in long


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (sign(flat=0.5), "50 % of the items without any gradient (SR on images)"),
        (
            sign(weaker=0.03),
            "weaker than random changes in 3 % of the cases (SR on images)",
        ),
    ],
)
def test_signs_of_masking_are_named(found: MaskingSigns, words: str) -> None:
    short, long = told_of([gain("supported", linf="supported")], [found])
    assert short.endswith("with signs of gradient masking on images.")
    assert words in long


def test_gains_and_losses_are_told_with_their_intervals() -> None:
    _, long = told_of([gain("supported", linf="supported")], [sign()])
    assert (
        "raised robust accuracy, averaged over the norms, on images (+9.0 points, 7.0 to 11.0)"
        in long
    )
    assert "it gains under ℓ∞ in 1 of 1" in long
    _, long = told_of([gain("contradicted", linf="contradicted")], [])
    assert "lowered robust accuracy, averaged over the norms, on images (−9.0 points" in long


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
    for asks in (SPARSE_GRADIENT, ""):
        _, long = told_of([helps, *rows], [sign()], asks)
        assert (
            "Contradicted by this run: “ℓ∞ destroys most” on images; “the bound” on every data "
            "set; “everywhere”." in long
        )
        assert "Contradicted" not in told_of([helps], [sign()], asks)[1]


def test_a_run_without_the_comparison_says_why() -> None:
    verdict = Verdict(
        claim="sparse-training-helps", title="t", judged="j", data="digits",
        verdict="undecided", estimate=None, unit="",
        explanation="Undecided: this run has no sparse-gradient training.",
    )  # fmt: skip
    short, long = told_of([verdict], [])
    assert short == "This run cannot tell yet."
    assert long.startswith("Undecided: this run has no sparse-gradient training.")


def test_curves_that_do_not_fall_are_named_with_what_is_left() -> None:
    left = Standing(threat="linf", radius=0.4, left=Estimate(0.425, 0.3, 0.6, 40, 1))
    stands = MaskingSigns(
        data="digits-events", training="SR+AT", flat=0.0, weaker=0.0, left=0.4, curves=2,
        standing=(left,),
    )  # fmt: skip
    _, long = told_of([gain("supported", linf="supported")], [stands])
    assert (
        "does not fall towards zero within the radii measured on 1 of 2 curves: SR+AT on event "
        "recordings under ℓ∞ (42.5 % left at 0.4)" in long
    )


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Summary]:
    """A made-up study of any trainings that asks nothing of its own."""

    def make(*trainings: str, data: tuple[str, ...] = ("digits",)) -> Summary:
        folder = tmp_path_factory.mktemp("study") / "run"
        synthetic.write_run(
            folder, trainings=trainings, data=data, seeds=(0,), gallery=False, probes=False,
            question=None, claims=(),
        )  # fmt: skip
        return summarise(results(folder, draws=40))

    return make


def test_any_study_is_answered_by_its_best_training_and_what_it_costs(
    study: Callable[..., Summary],
) -> None:
    summary = study("plain", "AT")
    short, long = answer(summary)
    best = {row.threat: row for row in summary.data[0].best}["union"]
    assert best.training == "AT"
    assert f"AT keeps most on images: {100 * best.estimate.value:.1f} % (" in short
    assert f"at a clean accuracy of {100 * best.clean.value:.1f} %" in short
    assert "; plain " in short
    text = " ".join((short, *long, summary.question)).lower()
    assert "sparse" not in text
    assert "claim" not in text
    assert summary.question == "Which training keeps most under attack: plain or AT?"
    assert any(told.startswith("Best on images, column by column: clean ") for told in long)
    assert summary.verdicts == ()


def test_every_data_set_is_in_the_first_sentence_with_its_clean_accuracy(
    study: Callable[..., Summary],
) -> None:
    short, _ = answer(study("plain", "AT", data=("digits", "digits-audio")))
    assert short.count("at a clean accuracy of") == 2
    assert "on images" in short
    assert "on sounds" in short


def test_one_training_alone_is_told_by_what_is_left(study: Callable[..., Summary]) -> None:
    summary = study("plain")
    short, long = answer(summary)
    assert short.startswith("plain answers ")
    assert "right when clean and " in short
    assert summary.question == "What do attacks leave of plain?"
    assert any("which a stronger attack can only lower" in told for told in long)
    assert not any("column by column" in told for told in long)


def test_a_run_without_attacks_says_so(tmp_path: Path) -> None:
    folder = synthetic.write_run(tmp_path / "run", question=None, claims=(), seeds=(0,))
    for path in (folder / "cells").glob("*/record.json"):
        if '"attack"' in path.read_text():
            path.unlink()
    short, _ = answer(summarise(results(folder, draws=40)))
    assert short == "Nothing that can be summed up has been measured yet."
