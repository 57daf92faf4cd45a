"""The tidy table of a run, the matrix that shows itself, and the works that a run used."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spikeproof.analysis import (
    FRAME_COLUMNS,
    CellRecord,
    breaks,
    cited,
    results,
    share_text,
    suites_used,
    works_of,
)
from spikeproof.analysis.results import Results
from spikeproof.attacks import ATTACKS
from spikeproof.metrics import wilson
from spikeproof.train import HOOKS, INPUTS, TERMS
from support import made_run

T, F = True, False
Made = Callable[[Path], Any]


@pytest.fixture
def run(tmp_path: Path, four_items: Made) -> Results:
    return results(four_items(tmp_path / "run").plan(("plain", "SR", "AT")))


def rows_of(run: Results) -> list[dict[str, Any]]:
    columns = run.frame()
    assert tuple(columns) == FRAME_COLUMNS
    assert len({len(values) for values in columns.values()}) == 1
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def test_a_row_is_one_network_at_one_radius_with_counted_numbers(run: Results) -> None:
    rows = rows_of(run)
    found = {(r["training"], r["seed"], r["threat"], r["level"]): r for r in rows}
    assert len(found) == len(rows)
    # plain at linf .2 leaves items 2 and 3; seed 0 answers item 3 wrong when clean.
    assert found["plain", 0, "linf", 1]["accuracy"] == 1 / 4
    assert found["plain", 1, "linf", 1]["accuracy"] == 2 / 4
    assert found["plain", 0, "clean", None]["accuracy"] == 3 / 4
    assert found["plain", 0, "union", 1]["accuracy"] == 0 / 4
    assert found["plain", 1, "union", 1]["accuracy"] == 1 / 4
    one = found["plain", 1, "linf", 1]
    assert (one["radius"], one["n"], one["data"], one["split"]) == (0.2, 4, "digits", "test")
    low, high = wilson(2, 4)
    assert (one["low"], one["high"]) == pytest.approx((low, high), abs=0.12)
    assert one["low"] < one["accuracy"] < one["high"]


def test_every_cell_and_level_has_a_row_and_the_mean_over_seeds_is_the_matrix(
    run: Results,
) -> None:
    rows = rows_of(run)
    for cell in run.matrix("digits"):
        own = [
            row["accuracy"]
            for row in rows
            if (row["training"], row["threat"], row["level"])
            == (cell.training, cell.threat, cell.level)
        ]
        assert len(own) == 2
        assert sum(own) / 2 == pytest.approx(cell.estimate.value)
    # AT was attacked under linf alone, so it has no union; the others have.
    assert {row["training"] for row in rows if row["threat"] == "union"} == {"plain", "SR"}
    assert {cell.training for cell in run.matrix("digits") if cell.threat == "union"} == {
        "plain",
        "SR",
    }


def test_a_matrix_shows_itself_escaped_with_its_suite_and_without_anything_loaded(
    tmp_path: Path,
) -> None:
    made = made_run.MadeRun(tmp_path / "run")
    name = "<img src=x onerror=alert(1)>"
    made.train("digits", name, 0, made_run.PLAIN)
    made.attack(
        "digits", name, 0, "linf", (0.1, 0.2, 0.4), [T] * 4, [[F] * 4, [T, F, F, F]] * 1 + [[T] * 4]
    )
    found = results(made.plan())
    for shown in (found._repr_html_(), found.matrix("digits")._repr_html_()):
        assert "<img" not in shown and "&lt;img" in shown
        assert not re.search(r"(src|href)=", re.sub(r"&lt;.*?&gt;", "", shown))
        assert "75 (" in shown
    assert "suite not recorded" in found._repr_html_()
    (standard,) = [c for c in found.matrix("digits").standard() if c.threat == "linf"]
    assert standard.radius == 0.2
    assert share_text(standard.estimate) in found._repr_html_()


def test_the_works_of_a_run_are_those_that_its_records_name(tmp_path: Path) -> None:
    made = made_run.MadeRun(tmp_path / "run")
    made.train("digits", "plain", 0, made_run.PLAIN)
    made.attack("digits", "plain", 0, "linf", (0.1,), [T], [[F]])
    plain = set(works_of(results(made.plan()).cells))
    assert {"wilson1927", "alpaydin1998optdigits"} <= plain
    assert not {"liu2024sparse", "krizhevsky2009", "ituq23"} & plain
    made.train("digits", "SR", 0, made_run.SPARSE)
    assert set(works_of(results(made.plan()).cells)) - plain == {
        "liu2024sparse",
        "finlay2019scaleable",
    }


@pytest.mark.parametrize("family", [ATTACKS, TERMS, INPUTS, HOOKS], ids=lambda one: one.family)
def test_the_references_of_most_members_are_found(family: Any) -> None:
    """The reading of docstrings would otherwise fail without a word."""
    members = family.working()
    naming = [member for member in members if "References:" in (member.__doc__ or "")]
    assert len(naming) > 2
    assert all(cited(member) for member in naming)


def test_members_fitted_to_a_network_find_their_record_and_the_idle_cite_nothing() -> None:
    members = [
        {"name": "pgd arctan-5 margin", "attack": {"kind": "pgd"}, "loss": "margin"},
        {"name": "fgsm own margin", "attack": {"kind": "fgsm"}, "loss": "margin"},
    ]
    done = [
        {
            "name": "pgd own margin",
            "tried": 3,
            "broke": 1,
            "forward": 9,
            "backward": 9,
            "rising": 2,
        },
        {"name": "fgsm own margin", "tried": 0, "broke": 0, "forward": 0, "backward": 0},
        {"name": "random draws", "first_breaks": [2, 1]},
    ]
    names = {"data": "digits", "training": "mine", "seed": 0}
    suite = {"name": "quick", "members": members}
    threat = {"name": "linf", "geometry": {"kind": "linf"}, "radii": [0.1, 0.2]}
    cell = CellRecord(
        folder=Path("cells/a"),
        id="a",
        cell={
            "kind": "attack",
            **names,
            "threat": threat,
            "suite": {"name": "quick", "members": members},
        },
        inputs={},
        versions={},
        result={"n": 3, "members": done},
    )
    (suite,) = suites_used([cell])
    told = {
        one.name: (one.record.get("name"), one.ran, one.broke, one.rising) for one in suite.members
    }
    assert told == {
        "pgd own margin": ("pgd arctan-5 margin", True, 1, 2),
        "fgsm own margin": ("fgsm own margin", False, 0, 0),
        "random draws": (None, True, 3, 0),
    }
    works = works_of([cell])
    assert "madry2018" in works and "goodfellow2015" not in works
    assert [row["first_breaks"] for row in breaks([cell])] == [2, 1]
