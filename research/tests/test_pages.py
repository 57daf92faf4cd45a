"""The pages of evidence are those that the stored results make, and say what is not there."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

from research.pages import attacks, cost, errata, foreign, reliability, training
from research.tests.made_study import CROSS, Study
from research.tests.page_rows import row


@pytest.mark.parametrize(
    "page",
    [attacks, cost, foreign, reliability, training],
    ids=["attacks", "cost", "foreign", "reliability", "training"],
)
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


def test_the_generated_part_of_the_errata_is_current() -> None:
    assert errata.page() == errata.PAGE.read_text(encoding="utf-8"), (
        "run python -m research.pages.errata"
    )


README = """
digits: robust accuracy in %, 50 test items × 2 networks

 training         clean     linf 0.1        union
 ────────────────────────────────────────────────
 plain      98 (94–100)   38 (24–52)    17 (8–28)
 SR+AT      97 (92–100)   76 (64–86)   36 (20–54)
```
later: 5 (1–9)
"""


def test_the_demos_tables_are_read_from_the_readme_and_compared_in_points() -> None:
    before = errata.demo(README)
    assert before == {
        "digits": {
            "plain": {"clean": 98, "linf": 38, "union": 17},
            "SR+AT": {"clean": 97, "linf": 76, "union": 36},
        }
    }
    now = README.replace("38 (24–52)", "25 (14–39)").replace("36 (20", "36 (21")
    studies = {"accuracy": {"digits": {}, "fashion-mnist": {}}, "code": [], "suite": "core",
               "items": {"digits": 1, "fashion-mnist": 1}, "seeds": 1}  # fmt: skip
    old = {"demo": before, "studies": dict.fromkeys([row[0] for row in errata.AGAIN], studies)}
    text = errata.part(old, errata.RESULTS / "nowhere", now)
    assert "| plain | 98 → 98 (+0) | 38 → 25 (-13) | 17 → 17 (+0) |" in text
    assert text.count("Not measured again yet") == len(errata.AGAIN)
    assert errata.part(old, errata.RESULTS / "nowhere", README).count("again yet") == 5


def test_a_study_measured_again_stands_beside_what_it_said_before(study: Study) -> None:
    plain = {"terms": CROSS, "inputs": None}
    study.add("plain", plain, linf=4, l2=8, l1=4, l0=4)
    study.store(study.folder / "studies", "contest-standard-digits", "standard")
    old = {"suite": "core", "items": {"digits": 300}, "seeds": 3, "code": ["other"],
           "accuracy": {"digits": {"plain": {"clean": 100.0, "linf": 25.0, "l1": 12.5},
                                   "gone": {"clean": 1.0}}}}  # fmt: skip
    away = {**old, "items": {"fashion-mnist": 1}, "accuracy": {"fashion-mnist": {}}}
    studies = {row[0]: old if row[2] == "digits" else away for row in errata.AGAIN}
    text = errata.part({"demo": {}, "studies": studies}, study.folder / "studies", "")
    # 40, 4 and 4 of 40 items.
    found = row(text, "plain")
    assert found[1:3] == ["100.0 → 100.0 (+0.0)", "25.0 → 10.0 (-15.0)"]
    assert found[4] == "12.5 → 10.0 (-2.5)"
    assert "gone" not in text
    assert "Before: suite `core`, 300 items, 3 seed(s); now: suite `standard`, 40 items" in text
