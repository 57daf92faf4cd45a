"""Verdicts on masking in the records of a run: rows, words, claims, and what the page says."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from spikeproof.analysis import NOT_DIAGNOSED, CellRecord, MaskingRow, masking_rows, masking_word
from spikeproof.analysis.claims.claim import believed
from spikeproof.evaluate import Check, Diagnosis, Thresholds, judged
from spikeproof.report.answer import verdict_clause
from spikeproof.report.masking import shown_verdicts


def diagnosis(**numbers: float | None) -> Diagnosis:
    """A diagnosis with one proof per threat, which counts above one half."""
    verdicts = tuple(
        judged(
            f"{threat}:0.1",
            [
                Check(
                    name="overstated", weight="proof", number=number, threshold=0.5, needed=True,
                    seen=f"It was {number}.", why="Why.", settles="Settles.", mend="Mend.",
                )
            ],
            Thresholds(), items=20, claimed=0.9, strongest=0.25,
        )
        for threat, number in numbers.items()
    )  # fmt: skip
    return Diagnosis(data="digits", seed=0, items=20, attack={}, verdicts=verdicts)


def cell(training: str, seed: int, found: Diagnosis) -> CellRecord:
    """A cell as a study writes it."""
    return CellRecord(
        folder=Path("none"), id="0" * 16, inputs={}, versions={},
        cell={"kind": "doctor", "data": "digits", "training": training, "seed": seed},
        result={"n": 20, "diagnosis": found.record()},
    )  # fmt: skip


ROWS = masking_rows(
    [
        cell("plain", 0, diagnosis(linf=0.1, l2=0.2)),
        cell("plain", 1, diagnosis(linf=0.1, l2=0.2)),
        cell("SR", 0, diagnosis(linf=0.1, l2=0.9)),
        cell("AT", 0, diagnosis(linf=None)),
    ]
)


def test_every_network_and_threat_has_a_row() -> None:
    assert [(row.training, row.seed, row.threat, row.verdict) for row in ROWS] == [
        ("plain", 0, "linf:0.1", "sound"),
        ("plain", 0, "l2:0.1", "sound"),
        ("plain", 1, "linf:0.1", "sound"),
        ("plain", 1, "l2:0.1", "sound"),
        ("SR", 0, "linf:0.1", "sound"),
        ("SR", 0, "l2:0.1", "masked"),
        ("AT", 0, "linf:0.1", "undecided"),
    ]
    assert ROWS[5].raised == ("overstated",) and ROWS[6].not_made == ("overstated",)


@pytest.mark.parametrize(
    ("training", "word"),
    [("plain", "sound"), ("SR", "masked"), ("AT", "undecided"), ("TRADES", NOT_DIAGNOSED)],
)
def test_the_gravest_verdict_is_the_word(training: str, word: str) -> None:
    assert masking_word(ROWS, "digits", training) == word
    assert masking_word(ROWS, "other", training) == NOT_DIAGNOSED
    assert masking_word(ROWS) == "masked"


def test_a_masked_gain_is_not_supported() -> None:
    assert believed("supported", masking_word(ROWS, "digits", "SR")) == "undecided"
    assert believed("supported", masking_word(ROWS, "digits", "plain")) == "supported"
    assert believed("contradicted", "masked") == "contradicted"


def shown(rows: tuple[MaskingRow, ...]) -> Any:
    """A summary of three trainings on one data set."""
    one = SimpleNamespace(data="digits", trainings=("plain", "SR", "AT"))
    return SimpleNamespace(suites=("quick",), data=(one,), masking=rows)


def test_the_headline_names_every_verdict_or_that_there_is_none() -> None:
    assert verdict_clause(shown(())) == "Gradient masking: not diagnosed."
    assert verdict_clause(shown(ROWS)) == (
        "Verdict on gradient masking: sound (plain); masked (SR); undecided (AT)."
    )
    attacked = SimpleNamespace(suites=(), data=(), masking=())
    assert verdict_clause(attacked) == ""  # type: ignore[arg-type]


def test_the_page_shows_numbers_reasons_and_what_was_not_made() -> None:
    row = shown_verdicts(shown(ROWS))[5]
    assert (row.verdict, row.claimed, row.strongest, row.raised) == (
        "masked", "90.0", "25.0", "overstated",
    )  # fmt: skip
    assert "SR, seed 0" in row.where and row.not_made == "none"


def test_symptoms_that_were_settled_stand_beside_the_checks_that_count() -> None:
    def check(name: str, number: float, *, symptom: bool) -> Check:
        return Check(
            name=name, weight="sign", number=number, threshold=0.5, symptom=symptom,
            seen=f"{name} was {number}.", why="Why.", settles="Settles.", mend="Mend.",
        )  # fmt: skip

    checks = [check("rising", 0.9, symptom=True), check("moved", 0.0, symptom=False)]
    found = judged("linf:0.1", checks, Thresholds(), items=20, claimed=0.5, strongest=0.5)
    whole = Diagnosis(data="digits", seed=0, items=20, attack={}, verdicts=(found,))
    (row,) = masking_rows([cell("plain", 0, whole)])
    assert row.verdict == "sound" and row.raised == () and row.settled == ("rising",)
    (page,) = shown_verdicts(shown((row,)))
    assert page.raised == "none; settled: rising"
