"""How a run was attacked, which works it used, and what it was asked: all from its records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spikeproof.analysis import QUESTIONS, CellRecord, cited, question_of, suites_used, works_of
from spikeproof.attacks import PGD, SUITES


def attack_cell(suite: str, training: str, counts: list[dict[str, Any]]) -> CellRecord:
    """An attack cell whose members did these things."""
    record = SUITES[suite].record()
    names = [member["name"] for member in record["members"]]
    members: list[dict[str, Any]] = [
        {"name": name, **one} for name, one in zip(names, counts, strict=False)
    ]
    members.append({"name": "random draws", "first_breaks": [1, 2]})
    cell = {
        "kind": "attack", "data": "digits", "training": training, "seed": 0, "draws": 10,
        "suite": {"name": suite, **record},
        "threat": {"name": "linf", "geometry": {"kind": "linf"}, "radii": [0.1, 0.2]},
    }  # fmt: skip
    result = {"n": 5, "members": members, "passes": {"forward": 40, "backward": 20}}
    return CellRecord(
        folder=Path(), id="0", cell=cell, inputs={}, versions={}, result=result, files={}
    )


def did(broke: int, backward: int = 4) -> dict[str, Any]:
    return {"tried": 5, "broke": broke, "skipped": 0, "forward": 5, "backward": backward,
            "first_breaks": [broke, 0]}  # fmt: skip


def test_members_are_summed_over_cells_and_told_apart_by_training() -> None:
    cells = [attack_cell("quick", name, [did(1), did(2), did(0)]) for name in ("plain", "AT")]
    (found,) = suites_used(cells)
    assert (found.name, found.items, found.forward, found.backward) == ("quick", 20, 80, 40)
    swap, pgd, _, draws = found.members
    assert (pgd.tried, pgd.broke, pgd.forward, pgd.backward) == (10, 4, 10, 8)
    assert pgd.record["attack"]["kind"] == "pgd"
    assert pgd.broke_by == {("digits", "plain"): 2, ("digits", "AT"): 2}
    assert (draws.broke, draws.tried, draws.record) == (6, None, {})
    assert not found.gradient_free
    assert swap.record["attack"]["steps"] == 20


def test_what_larger_suites_hold_was_not_tried() -> None:
    (quick,) = suites_used([attack_cell("quick", "plain", [])])
    assert {"square", "sparse_rs", "fmn"} <= set(quick.untried)
    assert {"hart", "bptr"} <= set(quick.unused)
    assert "pgd" not in quick.untried
    (full,) = suites_used([attack_cell("full", "plain", [])])
    assert (full.untried, full.unused) == ((), ())


def test_an_attack_without_a_backward_pass_takes_no_gradient() -> None:
    (found,) = suites_used([attack_cell("quick", "plain", [did(1), did(1, backward=0)])])
    assert [member.record["attack"]["kind"] for member in found.gradient_free] == ["pgd"]


def test_works_are_those_that_the_parts_of_the_records_cite() -> None:
    assert cited(PGD) == ["madry2018"]
    found = works_of([attack_cell("quick", "plain", [did(1), did(2), did(0)])])
    assert {"madry2018", "wang2025assg", "wilson1927", "alpaydin1998optdigits"} <= set(found)
    assert "zhang2019trades" not in found
    assert "he2016" not in found
    assert works_of([]) == []


@pytest.mark.parametrize(
    ("plan", "trainings", "question"),
    [
        ({"question": "Who wins?"}, ["a"], "Who wins?"),
        ({"question": "sparse-gradient"}, ["a"], QUESTIONS["sparse-gradient"]),
        ({}, ["plain", "AT"], "Which training keeps most under attack: plain or AT?"),
        ({}, list("abcdefgh"), "Which of 8 trainings keeps most under attack?"),
        ({}, ["plain"], "What do attacks leave of plain?"),
        (
            {"network": [{"name": "mine"}]},
            ["mine"],
            "What do attacks in every norm leave of a trained network?",
        ),
    ],
)
def test_the_question_is_the_plans_or_follows_from_what_is_compared(
    plan: dict[str, Any], trainings: list[str], question: str
) -> None:
    assert question_of(plan, trainings) == question
