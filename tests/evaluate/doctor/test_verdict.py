"""Checks, verdicts and their records: every rule of the decision on made-up checks."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from spikeproof.base import SettingError
from spikeproof.evaluate import Check, Diagnosis, MaskingVerdict, Thresholds, judged

LIMITS = Thresholds(fewest=4, hints=2)


def check(
    weight: str, number: float | None, *, needed: bool = False, name: str = "spread"
) -> Check:
    """A check that counts above one half."""
    return Check(
        name=name, weight=weight, number=number, threshold=0.5, needed=needed,
        seen=f"{name} was {number}.", why="Why.", settles="Settles.", mend="Mend.",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("checks", "items", "verdict"),
    [
        ([check("proof", 0.9)], 9, "masked"),
        ([check("proof", 0.9)], 1, "masked"),
        ([check("proof", 0.9), check("stop", 0.9)], 9, "suspicious"),
        ([check("proof", 0.4), check("sign", 0.9)], 9, "suspicious"),
        ([check("hint", 0.9)], 9, "sound"),
        ([check("hint", 0.9), check("hint", 0.9)], 9, "suspicious"),
        ([check("sign", 0.5)], 9, "sound"),  # the threshold itself does not count
        ([check("sign", None)], 9, "sound"),  # not made, and not needed
        ([check("sign", None, needed=True)], 9, "undecided"),
        ([check("sign", 0.1, needed=True)], 3, "undecided"),
        ([], 4, "sound"),
    ],
)
def test_the_gravest_check_that_counts_decides(
    checks: list[Check], items: int, verdict: str
) -> None:
    assert judged("linf:0.1", checks, LIMITS, items=items).verdict == verdict


def test_a_check_that_was_not_made_is_never_clear() -> None:
    found = judged("linf:0.1", [check("sign", None), check("sign", 0.1)], LIMITS, items=9)
    assert [one.state for one in found.checks] == ["not made", "clear"]
    assert len(found.not_made) == 1 and "1 checks" in found.because


def test_a_number_may_count_below_its_threshold() -> None:
    low = Check(
        name="cosine", weight="hint", number=0.1, threshold=0.5, below=True,
        seen="A.", why="B.", settles="C.", mend="D.",
    )  # fmt: skip
    assert low.raised and low.state == "raised"


def test_a_share_that_is_its_threshold_does_not_count_for_its_last_bit() -> None:
    number = 1 - 17 / 20  # 0.15000000000000002
    assert number > 0.15
    check = Check(
        name="spread", weight="sign", number=number, threshold=0.15,
        seen="A.", why="B.", settles="C.", mend="D.",
    )  # fmt: skip
    assert check.state == "clear"
    assert replace(check, number=4 / 20).state == "raised"


def test_records_come_back_as_they_were() -> None:
    verdict = judged(
        "l2:1", [check("proof", 0.9), check("hint", None)], LIMITS, items=9, claimed=0.9,
        strongest=0.1,
    )  # fmt: skip
    diagnosis = Diagnosis(
        data="digits", seed=3, items=9, attack={"kind": "pgd"}, verdicts=(verdict,),
        thresholds=LIMITS, forward=7, backward=5,
    )  # fmt: skip
    record = json.loads(json.dumps(diagnosis.record()))
    assert (
        record["verdict"] == "masked" and record["verdicts"][0]["checks"][1]["state"] == "not made"
    )
    assert Diagnosis.from_record(record) == diagnosis
    assert (
        diagnosis.of("l2:1") == verdict and MaskingVerdict.from_record(verdict.record()) == verdict
    )


def test_the_gravest_threat_is_the_verdict_of_the_network() -> None:
    kinds = ("sound", "undecided", "suspicious")
    several = tuple(
        MaskingVerdict(threat=kind, verdict=kind, because=".", items=9, claimed=1.0, strongest=1.0)
        for kind in kinds
    )
    found = Diagnosis(data="own", seed=0, items=9, attack={}, verdicts=several)
    assert found.verdict == "suspicious"
    with pytest.raises(SettingError, match="no verdict under 'linf:9'"):
        found.of("linf:9")


@pytest.mark.parametrize("record", [{}, {"schema": "spikeproof/diagnosis/1"}, {"schema": 3}])
def test_what_is_no_diagnosis_is_refused(record: dict[str, object]) -> None:
    with pytest.raises(SettingError, match="not the record of a diagnosis"):
        Diagnosis.from_record(record)


def test_thresholds_are_numbers() -> None:
    with pytest.raises(SettingError, match="overstated must be a number"):
        Thresholds(overstated=float("nan"))
    with pytest.raises(SettingError, match="hints must be a whole number"):
        Thresholds(hints=0)
    assert Thresholds.from_record(Thresholds(spread=0.3).record()) == Thresholds(spread=0.3)
