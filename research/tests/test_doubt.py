"""Beside the recipe's numbers stands what they rest on."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from research import RESULTS, ROOT
from research.pages.doubt import IF_NETWORK, SEARCHES, alone, broken_alone, searches
from research.tests.made_study import CROSS, Study, against
from spikeproof.attacks import ATTACKS, SUITES, serves
from spikeproof.data import Domain
from spikeproof.threats import L0, Linf, Threat


def test_the_searches_are_the_attacks_that_make_no_backward_pass() -> None:
    domain = Domain(kind="image", shape=(1, 8, 8))
    threats = (Threat(Linf(), 0.1, domain), Threat(L0(), 2, domain))
    free = set()
    for kind in ATTACKS:
        for attack in ATTACKS[kind].examples():
            costs = [attack.passes(threat) for threat in threats if serves(attack, threat)]
            if costs and all(cost is not None and cost[1] == 0 for cost in costs):
                free.add(kind)
    # One random draw is no search, and a transfer carries what others found.
    assert free - {"random", "transfer"} == set(SEARCHES)


@pytest.mark.parametrize(
    ("suite", "has"), [("quick", False), ("core", False), ("standard", True), ("full", True)]
)
def test_which_suites_hold_a_search(suite: str, has: bool) -> None:
    assert suite in SUITES
    assert searches(suite) is has


def test_what_searches_alone_broke_is_counted_from_the_turns_of_the_members() -> None:
    turns = [
        {"name": "pgd arctan-5 margin", "broke": 19},
        {"name": "square own margin", "broke": 9},
    ]
    contest: dict[str, Any] = {"tallies": turns, "standard": 28, "items": 40}
    assert alone(contest) == (9, 28, 40)
    assert alone({**contest, "tallies": turns[:1]}) == (0, 28, 40)


@pytest.mark.parametrize("page", ["README.md", "docs/methods/multinorm.md"])
def test_pages_about_the_recipe_repeat_what_was_measured(page: str) -> None:
    result = json.loads((RESULTS / "dominance.json").read_text(encoding="utf-8"))
    few, broken, _ = broken_alone(result)[IF_NETWORK]
    text = " ".join((ROOT / page).read_text(encoding="utf-8").split())
    said = re.search(r"[Oo]f the (\d+) items that `standard` broke on an IF network, Square", text)
    assert said is not None and int(said[1]) == broken
    alone_broke = re.match(r" alone(?:, which needs none,)? broke (\d+) ", text[said.end() :])
    assert alone_broke is not None and int(alone_broke[1]) == few
    assert re.search(r"suite `core`, which has no member that can do without gradients", text)


@pytest.mark.parametrize("suite", ["core", "standard"])
def test_a_contest_says_what_its_numbers_rest_on(suite: str, study: Study) -> None:
    study.add("AT", against("linf", terms=CROSS), linf=3)
    study.add("MSD", against("linf", "l2", "l1", terms=CROSS), linf=3)
    text = study.page("contest", suite=suite)
    assert f"Every number here is an upper bound: what the suite `{suite}` could not break." in text
    assert ("has no member that can do without gradients" in text) is (suite == "core")
