"""Verdicts, confusion tables and pages of the evidence on masking, on rows worked out by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from research.masking.judging import confusion, rates, rejudged, restated
from research.masking.record import kept
from research.pages import masking
from spikeproof.evaluate.doctor import Thresholds
from tests.zoo import broken, fresh, second, sound
from tests.zoo.entry import ENTRIES

_ = broken, fresh, second, sound


def check(name: str, number: float | None, threshold: float, **more: Any) -> dict[str, Any]:
    """One check of a row."""
    usual = {"weight": "sign", "below": False, "needed": False, "symptom": False}
    return {"name": name, "number": number, "threshold": threshold, **usual, **more}


def row(truth: str, *checks: dict[str, Any], items: int = 32) -> dict[str, Any]:
    """An entry with its checks."""
    return {"truth": truth, "threat": "linf:0.1", "items": items, "checks": list(checks)}


def test_the_verdict_follows_the_thresholds_and_not_what_was_stored() -> None:
    one = row("sound", check("spread", 0.3, 0.15))
    assert rejudged(one, Thresholds()) == "suspicious"
    assert rejudged(one, Thresholds(spread=0.4)) == "sound"
    # What a flag says has no threshold that could move.
    assert rejudged(row("broken", check("state", 1.0, 0.5, weight="stop")), Thresholds()) == (
        "suspicious"
    )


def test_symptoms_count_where_the_number_moved_and_are_settled_where_it_stayed() -> None:
    symptom = check("silent", 0.3, 0.05, symptom=True)
    for number, verdict, state in ((0.0, "sound", "settled"), (0.2, "suspicious", "raised")):
        one = row("sound", symptom, check("moved", number, 0.05))
        assert rejudged(one, Thresholds()) == verdict
        assert restated(one)[0]["state"] == state
    assert rejudged(row("sound", symptom), Thresholds()) == "suspicious"


def test_the_table_counts_every_entry_once_and_undecided_is_not_found() -> None:
    rows = [
        row("broken", check("overstated", 0.5, 0.15, weight="proof")),
        row("broken", check("spread", 0.5, 0.15)),
        row("broken", check("spread", 0.1, 0.15)),
        row("broken", check("spread", 0.1, 0.15), items=3),
        row("sound", check("spread", 0.1, 0.15)),
    ]
    table = confusion(rows, Thresholds())
    assert table["broken"] == {"masked": 1, "suspicious": 1, "undecided": 1, "sound": 1}
    assert table["sound"] == {"masked": 0, "suspicious": 0, "undecided": 0, "sound": 1}
    found = rates(table)
    assert (found["found"]["count"], found["found"]["of"]) == (2, 4)
    assert found["found"]["interval"] == pytest.approx([0.15, 0.85], abs=1e-2)  # Wilson, 2 of 4
    assert found["false_alarms"]["share"] == 0


def test_the_page_is_current_and_no_entry_is_counted_whose_truth_was_not_shown() -> None:
    assert masking.PAGE.read_text(encoding="utf-8") == masking.page()
    result = json.loads(masking.RESULT.read_text(encoding="utf-8"))
    rows, summary = result["entries"], result["summary"]
    shown = [row for row in rows if row["agrees"]]
    counted = [
        sum(sum(counts.values()) for counts in summary["tables"][group]["table"].values())
        for group in ("seen", "second")
    ]
    assert sum(counted) == len(shown)
    assert {row["entry"] for row in rows} <= set(ENTRIES)
    assert all(rejudged(row, Thresholds()) == row["fixed"] for row in rows)


def test_a_record_keeps_what_a_later_machine_has_not_measured() -> None:
    names = [*ENTRIES][:3]
    stored = [{"entry": name, "verdict": "old"} for name in (names[0], names[2])]
    found = [{"entry": name, "verdict": "new"} for name in (names[2], names[1])]
    told = [(row["entry"], row["verdict"]) for row in kept(stored, found, "entry")]
    assert told == [(names[0], "old"), (names[1], "new"), (names[2], "new")]
    gone = [{"network": "no network of today", "verdict": "old"}]
    assert kept(gone, [], "network") == []
