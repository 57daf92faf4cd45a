"""The contest on the page of evidence: targets of the recipe judged by the numbers."""

from __future__ import annotations

import pytest

from research.tests.made_study import CROSS, Study, against
from research.tests.page_rows import row


def recipe(study: Study, *, standing: int, clean: int, passes: int) -> None:
    """A contest: the best single norm leaves 12 of 40 standing under the union, MSD 20."""
    study.add("AT-linf", against("linf"), clean=32, linf=24, l2=20, l1=4, l0=2, passes=20)
    study.add("AT-l1", against("l1"), clean=32, linf=12, l2=20, l1=20, l0=2, passes=20)
    study.add("MSD", against("linf", "l2", "l1"), clean=30, linf=20, l2=20, l1=20, passes=60)
    terms = {**CROSS, "sparse": {"kind": "sparse_gradient", "weight": 0.1}}
    ours = against("linf", "l1", terms=terms)
    each = dict.fromkeys(("linf", "l2", "l1"), standing)
    study.add("multinorm", ours, clean=clean, passes=passes, l0=2, **each)


def verdicts(text: str) -> dict[str, str]:
    """Target → verdict."""
    shown = text[text.index("| target |") :]
    rows = [line.split("|")[1:-1] for line in shown.splitlines() if line.startswith("| ")]
    return {cells[0].strip(): cells[2].strip() for cells in rows if "no target" not in cells[0]}


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        ({"standing": 30, "clean": 31, "passes": 26}, ["met", "met", "met", "met", "met"]),
        ({"standing": 20, "clean": 30, "passes": 28}, ["met", "", "", "", ""]),
        ({"standing": 13, "clean": 31, "passes": 26}, ["", "", "met", "met", "met"]),
    ],
)
def test_the_recipes_targets_are_judged_by_the_numbers(
    made: dict[str, int], wanted: list[str], study: Study
) -> None:
    recipe(study, **made)
    text = study.page("contest", suite="standard")
    assert "beside AT-l1, the single-norm training" in text
    found = verdicts(text)
    found.pop("target"), found.pop("---")
    assert list(found.values()) == [each or "**missed**" for each in wanted]


def test_another_recipe_is_judged_by_the_same_targets_and_beside_the_shipped_one(
    study: Study,
) -> None:
    recipe(study, standing=16, clean=31, passes=26)
    terms = {**CROSS, "sparse": {"kind": "sparse_gradient", "weight": 0.0}}
    each = dict.fromkeys(("linf", "l2", "l1"), 22)
    study.add("refined", against("linf", "l1", terms=terms), clean=30, passes=20, l0=2, **each)
    text = study.page("contest-refined", suite="core")
    part = text[text.index("## A second candidate") :]
    assert row(part, "union 10 points above AT-l1, interval above 0")[1].startswith("**+25.0 [")
    assert row(part, "union of l_inf, l_2, l_1 beside multinorm: no target")[1].startswith(
        "**+15.0 ["
    )
    assert row(part, "passes at most 1.3 times those of AT-l1")[1:] == ["1.00", "met"]
    study.add("first-round", against("linf", "l1", terms=terms), clean=30, passes=20, **each)
    both = study.page("contest-fresh", suite="core")
    part = both[both.index("## A third candidate") :]
    assert row(part, "union of l_inf, l_2, l_1 beside first-round: no target")[1].startswith(
        "**-15.0 ["
    )
    assert "MSD is the plain multi-norm training with the largest" in part
    ours = both[both.index("## The recipe on new items") : both.index("## A third candidate")]
    assert "the recipe as it is shipped is `first-round`" in ours
    assert row(ours, "union of l_inf, l_2, l_1 beside multinorm: no target")[1].startswith(
        "**+15.0 ["
    )


def test_a_contest_without_the_recipe_has_no_verdict(study: Study) -> None:
    study.add("AT", against("linf"), linf=3)
    text = study.page("contest", suite="core")
    assert "No verdict: the recipe or one kind of rival is not in this study." in text
    assert "missed" not in text
