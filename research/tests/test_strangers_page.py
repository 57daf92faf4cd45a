"""The pages about the contest against strangers: counts, targets, and what is not there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from research.attack_evidence import strangers
from research.pages import attacks, cost, sounds
from research.pages.design import Hard
from research.pages.strangers import at_most
from research.tests import made_contest as made
from research.tests.page_rows import row


@pytest.fixture
def contest(tmp_path: Path) -> Path:
    """Two networks: one with every target missed, one with every target met."""
    bad = {
        "standard": made.suite(19, missed=1, passes=4200, seconds=30.0),
        "core": made.suite(17),
        "published": made.suite(18, seconds=10.0),
    }
    good = {
        "standard": made.suite(20, passes=2000, seconds=20.0),
        "core": made.suite(19),
        "published": made.suite(10, seconds=10.0),
    }
    old = {"old-standard": made.rival(21, 1, passes=8000), "assg-sapgd": made.rival(21, 1)}
    more = {"old-standard": made.rival(20, 0, passes=10_000)}
    made.store(
        tmp_path,
        made.table("digits-at-lif", "l2", 20, bad, old),
        made.table("digits-sr-lif", "linf", 20, good, more),
    )
    return tmp_path


def test_misses_are_pooled_and_said_plainly(contest: Path) -> None:
    text = attacks.page(contest)
    assert "`standard` breaks 97.50 % of the 40 items that anybody broke: 1 missed" in text
    # Clopper and Pearson's one-sided bound for 1 of 40.
    assert "misses at most 11.32 %" in text
    assert "Target 99.5 %: **missed**." in text
    assert "on every network: **missed** on 1 of 2 (digits-at-lif 95.0 %)" in text
    cells = row(text, "digits-at-lif", "l2 0.1")
    assert cells[2:8] == ["50", "40", "19", "17", "20", "1"]
    assert cells[8] == "assg-sapgd 1, core 1"


def test_a_network_that_a_rule_was_changed_for_is_shown_and_counts_in_no_sentence(
    tmp_path: Path,
) -> None:
    seen = {"standard": made.suite(10, missed=10), "core": made.suite(1)}
    made.store(
        tmp_path,
        made.table("digits-at-lif", "l2", 20, {"standard": made.suite(20)}, {}),
        made.table("digits-latency-plain", "l2", 20, seen, {}),
    )
    text = attacks.page(tmp_path)
    assert "A rule of a suite was changed for what was measured on digits-latency-plain" in text
    assert row(text, "digits-latency-plain", "l2 0.1")[2:8] == ["50", "40", "10", "1", "20", "10"]
    assert "Over 1 networks and 1 tables, `standard` breaks 100.00 %" in text
    assert "`core` is not measured on these networks yet" in text


def test_core_and_the_published_protocol_are_judged_in_points_of_accuracy(contest: Path) -> None:
    text = attacks.page(contest)
    # 2 and 1 of 50 items: 4 and 2 points.
    assert "leaves 3.0 points of accuracy more standing than `standard`" in text
    assert "More than 3 points in 1: digits-at-lif l2 4.0" in text
    # The core of the contest takes 10 s and breaks 17 and 19 where the protocol breaks 18 and 10.
    bad = row(text, "digits-at-lif", "l2", "10.0")
    assert bad[3:] == ["3.00", "2.0", "**missed**", "1.00", "-2.0", "**missed**"]
    good = row(text, "digits-sr-lif", "linf", "10.0")
    assert good[3:] == ["2.00", "20.0", "met", "1.00", "18.0", "met"]


def test_the_page_of_cost_compares_passes_per_standing_item(contest: Path) -> None:
    text = cost.page(contest)
    # 4200 / 21 beside 8000 / 20, 2000 / 20 beside 10000 / 20.
    assert row(text, "digits-at-lif", "200", "400")[3:] == ["0.50", "**missed**", "**missed**"]
    assert row(text, "digits-sr-lif", "100", "500")[3:] == ["0.20", "met", "met"]
    assert "met on 1 of 2. The goal of 1/4: met on 1" in text
    assert row(text, "pgd arctan-5 margin")[1:5] == ["80", "39", "6", "6,200"]


def test_an_undefended_network_has_no_target_of_cost(tmp_path: Path) -> None:
    one = {"standard": made.suite(20, passes=2000)}
    old = {"old-standard": made.rival(20, 0, passes=2000)}
    made.store(tmp_path, made.table("digits-plain-lif", "linf", 20, one, old))
    assert row(cost.page(tmp_path), "digits-plain-lif", "100")[3:] == [
        "1.00", "no target", "no target",
    ]  # fmt: skip


def test_what_was_not_measured_is_named(tmp_path: Path) -> None:
    made.store(tmp_path, made.table("digits-at-lif", "l2", 0, {"core": made.suite(3)}))
    text = attacks.page(tmp_path)
    assert "No table has a whole `standard` yet." in text
    assert "contestants standard, published, old-standard" in text
    assert "networks digits-plain-if, digits-plain-lif, digits-sr-lif, digits-at-if" in text
    assert "No table has a whole `standard` yet." in cost.page(tmp_path)
    made.store(tmp_path, made.table("digits-at-lif", "l2", 3, {"standard": made.suite(3)}))
    text = attacks.page(tmp_path)
    assert "`core` is not measured on these networks yet." in text
    assert "The published protocol is not measured on these networks yet." in text
    assert row(cost.page(tmp_path), "digits-at-lif")[3] == "not measured"
    assert "Not measured yet." in cost.page(tmp_path / "nowhere")


@pytest.mark.parametrize(("missed", "of", "bound"), [(0, 304, 0.0098), (14, 388, 0.0558)])
def test_the_bound_on_what_is_missed_is_exact(missed: int, of: int, bound: float) -> None:
    # 1 - .05^(1/n) for none; otherwise the share at which so few misses have a chance of 5 %.
    assert at_most(missed, of) == pytest.approx(bound, abs=5e-5)
    assert at_most(1, 1) == 1.0


def cell(**candidates: tuple[str, int]) -> dict[str, object]:
    """A network under l_inf with three hard items; candidate → who broke, and passes."""
    found = {name: {"broke": bits, "left": [0.5, 0.1, 0.2], "passes": [passes, 0]}
             for name, (bits, passes) in candidates.items()}  # fmt: skip
    return {"network": "some", "threat": "linf", "hard": [1, 2, 3], "candidates": found}


def test_candidates_are_ordered_by_what_they_add_per_pass() -> None:
    found = Hard([cell(a=("110", 30), b=("100", 3), c=("011", 90), d=("000", 3))])
    # b has 1 item per pass of an item, a 2 / 10, then c 1 / 30.
    assert found.order() == [("b", 1, 1.0), ("a", 1, 10.0), ("c", 1, 30.0)]
    assert int(found.union.sum()) == 3


def test_resets_are_compared_candidate_by_candidate() -> None:
    found = Hard([cell(**{"pgd, kept": ("100", 3), "pgd, detached": ("110", 3), "x": ("111", 3)})])
    assert found.resets() == [("pgd", 1, 2)]


def test_a_record_keeps_tables_of_networks_that_are_not_in_the_folder(tmp_path: Path) -> None:
    stored = tmp_path / "strangers.json"
    made.store(tmp_path, made.table("b", "l2", 20, {}), made.table("b", "linf", 20, {}))
    folder = tmp_path / "cells"
    for network, threat, anyone in (("a", "l2", 5), ("b", "linf", 7)):
        (folder / network).mkdir(parents=True)
        found = json.dumps(made.table(network, threat, anyone, {}))
        (folder / network / f"{threat}.json").write_text(found, encoding="utf-8")
    strangers.record(folder, stored)
    tables = json.loads(stored.read_text(encoding="utf-8"))["tables"]
    found = {(table["network"], table["threat"]): table["anyone"] for table in tables}
    assert list(found.items()) == [(("a", "l2"), 5), (("b", "l2"), 20), (("b", "linf"), 7)]


def test_the_section_on_sounds_counts_items_and_not_candidates() -> None:
    def cell(network: str, threat: str, *broke: str) -> dict[str, object]:
        made_by = {
            f"c{i}": {"broke": bits, "left": [0.5] * len(bits), "passes": [30, 30]}
            for i, bits in enumerate(broke)
        }
        return {"network": network, "threat": threat, "radius": 0.1, "items": 50,
                "hard": list(range(len(broke[0]))), "candidates": made_by}  # fmt: skip

    cells = [cell("audio-a", "linf", "110", "010"), cell("audio-b", "l2", "000", "001"),
             cell("digits-a", "linf", "000", "000")]  # fmt: skip
    text = sounds.sounds({"evidence": cells})
    assert "Of 6 hard sounds the candidates together broke 3" in text
    assert row(text, "audio-a", "linf 0.1") == ["audio-a", "linf 0.1", "50", "3", "2", "2"]
    assert row(text, "digits-a", "linf 0.1")[3:5] == ["3", "0"]
    # 60 passes on each of two networks of three items: 20 per item.
    assert row(text, "c0") == ["c0", "2", "0", "20"]
    assert row(text, "any") == ["any", "2", "1", ""]
    assert "c0 +2 (20); c1 +1 (20)." in text
