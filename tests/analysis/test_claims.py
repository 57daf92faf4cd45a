"""Thresholds of the claims: as documented, on intervals, over parts, at equal lengths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from spikeproof.analysis.claims import SEVEN
from spikeproof.analysis.claims.claim import (
    AGREEMENT,
    ATTACK_BEATS_RANDOM,
    BOUND_HOLDS,
    FAR_BETTER,
    MONTE_CARLO_ERRORS,
    VerdictPart,
    above,
    cases_needed,
    combine,
    within,
)
from spikeproof.analysis.claims.robustness import survival_at, typical_lengths
from spikeproof.analysis.tables import Table
from spikeproof.metrics import Estimate, wilson


def test_lengths_are_those_of_the_perturbations_that_first_broke_an_item() -> None:
    alive = np.array([[[1, 1, 1], [1, 0, 1], [0, 0, 1]]], dtype=float)
    length = np.array([[[9, 9, 9], [9, 2, 9], [4, 2, 9]]], dtype=float)
    values = {"clean": np.ones((1, 3)), "alive": alive, "length": length}
    table = Table((0,), np.arange(3), (1.0, 2.0, 3.0), values)
    lengths = typical_lengths(table)
    assert np.isnan(lengths[0])
    assert lengths[1:].tolist() == [2.0, 4.0]
    assert survival_at(table, lengths, 0.0).mean() == 1.0
    assert survival_at(table, lengths, 1.0).tolist() == [[1.0, 0.5, 1.0]]
    assert survival_at(table, lengths, 3.0).tolist() == [[0.5, 0.0, 1.0]]
    assert survival_at(table, lengths, 99.0).tolist() == [[0.0, 0.0, 1.0]]


def test_the_page_of_claims_names_the_thresholds_of_the_code() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "claims.md").read_text("utf-8")
    rows = {int(row[2]): row for row in page.splitlines() if row[:2] == "| " and row[2].isdigit()}
    assert f"within {AGREEMENT[0]:g} to {AGREEMENT[1]:g}" in rows[1]
    assert f"at least {ATTACK_BEATS_RANDOM:.0%}".replace("%", " %") in rows[2]
    assert f"at least {100 * FAR_BETTER:.0f} points" in rows[4]
    assert f"at least {BOUND_HOLDS:.0%}".replace("%", " %") in rows[5]
    assert f"plus {MONTE_CARLO_ERRORS:g} standard errors" in page
    assert [f"`{key}`" in rows[number] for number, key in enumerate(SEVEN, 1)] == [True] * 7
    assert len(rows) == 7


def test_the_cases_needed_are_the_first_whose_interval_begins_at_the_threshold() -> None:
    for threshold in (0.5, 0.9, BOUND_HOLDS, ATTACK_BEATS_RANDOM):
        needed = cases_needed(threshold)
        assert wilson(needed, needed)[0] >= threshold > wilson(needed - 1, needed - 1)[0]
    assert cases_needed(0.99) == 381


def test_a_threshold_is_met_only_by_the_whole_interval() -> None:
    def interval(low: float, high: float) -> Estimate:
        return Estimate((low + high) / 2, low, high, 10, 2)

    assert above(interval(0.1, 0.3), 0.1) == "supported"
    assert above(interval(0.05, 0.3), 0.1) == "undecided"
    assert above(interval(-0.1, 0.09), 0.1) == "contradicted"
    assert above(interval(0.0, 0.0), 0.0) == "undecided"
    assert above(interval(float("nan"), float("nan")), 0.0) == "undecided"
    assert within(interval(0.6, 1.9), 0.5, 2.0) == "supported"
    assert within(interval(0.4, 1.0), 0.5, 2.0) == "undecided"
    assert within(interval(2.1, 9.0), 0.5, 2.0) == "contradicted"


def test_one_contradiction_is_enough_and_support_needs_all() -> None:
    def part(verdict: Any) -> VerdictPart:
        return VerdictPart(name="", verdict=verdict, estimate=None, unit="")

    assert combine([part("supported"), part("contradicted")]) == "contradicted"
    assert combine([part("supported"), part("undecided")]) == "undecided"
    assert combine([part("supported"), part("supported")]) == "supported"
