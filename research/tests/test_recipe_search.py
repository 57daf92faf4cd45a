"""The search for the recipe: its section of the page of evidence, and its stored candidates."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

from research.multinorm_recipe import round3, search
from research.pages import training
from research.tests.page_rows import row


def searched(folder: Path) -> Path:
    """A made search: three candidates on ten items, two seeds of two of them, one on five items."""
    about = [("base", None, "", 10), ("wide", "base", "radius", 10), ("other", "base", "items", 5)]
    union = {("base", 0): 0.4, ("base", 1): 0.6, ("wide", 0): 0.7, ("other", 0): 0.9}
    shares = dict.fromkeys(("clean", "linf", "l2", "l1", "l0", "all4"), 0.9)
    content = {
        "machine": {"processor": "some", "cores": 2},
        "versions": {"python": "3", "torch": "2"},
        "clock": "seconds",
        "suite": "quick",
        "split": "validation",
        "note": "Made up.",
        "candidates": [
            {"data": "digits", "name": name, "beside": beside, "group": group, "items": items,
             "train_items": None, "epochs": 1}
            for name, beside, group, items in about
        ],
        "runs": [
            {"data": "digits", "name": name, "seed": seed, **shares, "union": share,
             "processor_s": 3.0}
            for (name, seed), share in union.items()
        ],
    }  # fmt: skip
    content["runs"][2] |= {"passes": 1234, "core": {"union": 0.25}}
    path = folder / "recipe_search.json"
    path.write_text(json.dumps(content))
    return path


def test_the_round_that_only_core_judged_is_told_by_core(tmp_path: Path) -> None:
    content = json.loads(searched(tmp_path).read_text())
    shares = {"clean": 0.8, "linf": 0.7, "l2": 0.6, "l1": 0.5, "l0": 0.3, "all4": 0.2}
    for number, run in enumerate(content["runs"]):
        union = run.pop("union")
        for name in shares:
            del run[name]
        run |= {"core": {**shares, "union": union / 2}, "passes": 1000 + number}
    (tmp_path / "recipe_search.json").unlink()
    (tmp_path / "recipe_third.json").write_text(json.dumps(content))
    text = training.page(tmp_path / "studies")
    assert "### Candidates of the third round on digits" in text
    shown = ["10", "80.0", "70.0", "60.0", "50.0", "25.0", "30.0", "20.0", "1,000", "3"]
    assert row(text, "base")[1:] == shown
    assert text.index("| other |") < text.index("| wide |") < text.index("| base |")


def test_the_search_is_told_candidate_by_candidate(tmp_path: Path) -> None:
    searched(tmp_path)
    text = training.page(tmp_path / "studies")
    assert "No study has been measured yet" not in text
    assert "3 candidates, 4 runs; suite `quick` on validation items" in text and "Made up." in text
    assert row(text, "base")[1:3] == ["2", "10"] and row(text, "base")[7] == "50.0"
    assert row(text, "wide")[10:12] == ["25.0", "1,234"] and row(text, "base")[10:12] == ["", ""]
    assert row(text, "wide")[-2:] == ["base", "+30.0"]  # over the seed that both have
    assert row(text, "other")[-2:] == ["", ""]  # other items do not compare
    assert row(text, "radius") == ["radius", "1", "+30.0", "+0.0"]
    assert text.index("| other |") < text.index("| wide |") < text.index("| base |")
    assert "Raised the union by 2 points or more, at least once: radius." in text
    assert "20.0 points apart on average" in text
    assert "the best of 3 candidates, other with 90.0 %" in text


@pytest.mark.parametrize("script", [search, round3], ids=["search", "round3"])
def test_the_stored_search_is_of_the_candidates_in_the_table(script: ModuleType) -> None:
    names = [(made.data, made.name) for made in script.CANDIDATES]
    assert len(set(names)) == len(names)
    if script is search:
        assert all((made.data, made.beside or made.name) in names for made in script.CANDIDATES)
    content = json.loads(script.PATH.read_text())
    stored = [{k: v for k, v in known.items() if k != "made"} for known in content["candidates"]]
    told = [{k: v for k, v in script.told(made).items() if k != "made"}
            for made in script.CANDIDATES]  # fmt: skip
    assert stored == told
    wanted = {(made.data, made.name, seed) for made in script.CANDIDATES for seed in made.seeds}
    assert {script.key(run) for run in content["runs"]} == wanted
