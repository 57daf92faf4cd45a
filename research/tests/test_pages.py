"""The pages of evidence are those that the stored results make, and say what is not there."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

from research.pages import attacks, cost, training


@pytest.mark.parametrize("page", [attacks, cost, training], ids=["attacks", "cost", "training"])
def test_the_page_of_evidence_is_current(page: ModuleType) -> None:
    assert page.page() == page.PAGE.read_text(encoding="utf-8"), f"run python -m {page.__name__}"


def test_the_page_of_evidence_says_what_was_not_measured(tmp_path: Path) -> None:
    assert attacks.page(tmp_path).count("Not measured yet.") == len(attacks.PARTS)


def test_the_page_of_evidence_calls_a_missed_target_missed(tmp_path: Path) -> None:
    counted = {"attack": "pgd", "threat": "l2", "cases": 10_000, "violations": {"ball": 3}}
    about = {"machine": {"processor": "some"}, "versions": {"python": "3", "torch": "2"}}
    result = json.dumps({**about, "evidence": [counted]})
    (tmp_path / "legality.json").write_text(result, encoding="utf-8")
    told = attacks.page(tmp_path)
    assert "10,000 in all: 3 violations" in told
    assert "no violation: **missed**" in told
