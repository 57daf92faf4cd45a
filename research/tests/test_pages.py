"""The pages of evidence are those that the stored results make, and say what is not there."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

from research.pages import attacks, cost, training
from research.pages.page import stored
from spikeproof.analysis import extracted


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


def test_a_study_is_read_with_its_trainings_under_the_names_of_today() -> None:
    path = training.STUDIES / "contest.json"
    then, now = extracted(path), stored(path)
    names = [name.replace("multinorm-sparse", "multinorm") for name in then.trainings("digits")]
    assert now.trainings("digits") == names
    assert "multinorm" in names
    before = [cell for cell in then.matrix("digits") if cell.training == "multinorm-sparse"]
    after = [cell for cell in now.matrix("digits") if cell.training == "multinorm"]
    assert len(after) == len(before) > 0
    assert [cell.estimate for cell in after] == [cell.estimate for cell in before]
