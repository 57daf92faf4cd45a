"""The contest on the page of evidence: targets of the recipe judged by the numbers."""

from __future__ import annotations

import pytest

from research.tests.made_study import CROSS, Study, against


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
    text = study.page("contest-standard", suite="standard")
    assert "beside AT-l1, the single-norm training" in text
    found = verdicts(text)
    found.pop("target"), found.pop("---")
    assert list(found.values()) == [each or "**missed**" for each in wanted]


def test_both_contests_have_a_section_and_the_older_ones_a_paragraph(study: Study) -> None:
    recipe(study, standing=30, clean=31, passes=26)
    study.store(study.folder / "studies", "contest-standard-digits", "standard")
    text = study.page("contest-standard", suite="standard")
    parts = text.split("\n## ")
    assert [part.splitlines()[0] for part in parts[1:]] == [
        "The recipe against its rivals",
        "The recipe against its rivals, with five seeds",
    ]
    assert "their numbers are superseded" in parts[1]
    assert all("| target | measured |" in part for part in parts[1:])


def test_a_contest_without_the_recipe_has_no_verdict(study: Study) -> None:
    study.add("AT", against("linf"), linf=3)
    text = study.page("contest-standard", suite="core")
    assert "No verdict: the recipe or one kind of rival is not in this study." in text
    assert "missed" not in text
