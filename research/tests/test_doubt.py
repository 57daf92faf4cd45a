"""Beside numbers stands the suite they rest on."""

from __future__ import annotations

import pytest

from research import ROOT
from research.pages import doubt, training
from research.pages.doubt import QUERIES, SEARCHES, can, named, of_before, searches
from research.tests.made_study import CROSS, Study, against
from spikeproof.analysis import extracted
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
    assert free - {"random", "transfer"} == set(QUERIES)


@pytest.mark.parametrize("suite", list(SUITES))
def test_the_searches_of_a_suite_are_read_from_its_members(suite: str) -> None:
    kinds = {type(member.attack) for member in SUITES[suite].members}
    assert set(searches(suite)) == {kind for kind in SEARCHES if ATTACKS[kind] in kinds}
    assert bool(searches(suite)) is (suite != "quick")


@pytest.mark.parametrize("page", ["README.md", "docs/methods/multinorm.md"])
def test_pages_about_the_recipe_name_the_suite_and_the_errata(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert "`standard`" in text and "`core`" in text and "errata.md" in text
    assert "follows gradients only" not in text


@pytest.mark.parametrize("suite", list(SUITES))
def test_a_contest_says_what_its_numbers_rest_on(suite: str, study: Study) -> None:
    study.add("AT", against("linf", terms=CROSS), linf=3)
    study.add("MSD", against("linf", "l2", "l1", terms=CROSS), linf=3)
    text = study.page("contest-standard", suite=suite)
    assert f"Every number here is an upper bound: what the suite `{suite}` could not break." in text
    wanted = ", ".join(searches(suite))
    assert (f"It holds searches: {wanted};" if wanted else "It holds no search.") in text


def test_a_study_of_before_says_that_its_suite_was_another_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = extracted(training.STUDIES / "synchrony.json")
    assert not of_before(run) and named(run) == "`core`"
    codes = frozenset(str(code)[:12] for code in run.provenance()["code_sha256"])
    monkeypatch.setattr(doubt, "_old_codes", lambda: codes)
    assert of_before(run)
    assert named(run) == "`core` as it was before it was redesigned ([errata](../errata.md))"
    assert "followed gradients only" in can(run)


def test_no_study_of_the_page_was_measured_by_a_suite_of_before() -> None:
    assert not any(of_before(extracted(path)) for path in training.STUDIES.glob("*.json"))


def test_a_study_of_today_is_not_of_before(study: Study) -> None:
    study.add("AT", against("linf", terms=CROSS), linf=3)
    study.store(study.folder / "studies", "training", "core")
    assert not of_before(extracted(study.folder / "studies" / "training.json"))
