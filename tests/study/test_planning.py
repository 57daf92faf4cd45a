"""Planning: the same ids as ever, and no network built on the way."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from spikeproof.base import SettingError, digest
from spikeproof.models import Network
from spikeproof.study import DataPlan, Plan, cells_of, expected_seconds, load_plan

# What the ids of two plans were made from, with code and versions left out.
STORED = json.loads(Path(__file__).with_name("cell_ids.json").read_text(encoding="utf-8"))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Id → what it is the hash of, for every cell planned from now on."""
    found: dict[str, Any] = {}

    def noted(content: Any) -> str:
        name = digest(content)
        found[name[:16]] = json.loads(json.dumps(content))
        return name

    monkeypatch.setattr("spikeproof.runs.record.digest", noted)
    monkeypatch.setattr("spikeproof.study.cells.code_sha256", lambda *_: "code")
    monkeypatch.setattr("spikeproof.study.cells.versions", lambda: {"python": "any"})
    return found


def test_the_quick_plan_asks_for_what_it_always_asked_for(told: dict[str, Any]) -> None:
    cells = cells_of(load_plan("quick"))
    assert {cell.title: told[cell.id] for cell in cells} == STORED["quick"]


def test_the_demo_has_the_ids_it_always_had(told: dict[str, Any]) -> None:
    assert {cell.title: cell.id for cell in cells_of(load_plan("demo"))} == STORED["demo"]


def test_planning_builds_no_network(tiny: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Network, "__init__", lambda *_: pytest.fail("a network was built"))
    assert len(cells_of(tiny)) == 10


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"model": "vgg-13"}, "halves its images 5 times and needs at least 32 x 32"),
        ({"model": "sew-resnet-18", "pooling": "max"}, "pools only in the stem 'imagenet'"),
        ({"name": "digits-events", "model": "recurrent", "neuron": "psn"}, "cannot be recurrent"),
        ({"model": "tcn-small"}, "tcn-small reads audio, not image"),
        ({"model": "dense", "stem": "imagenet"}, "dense has no choice of stem"),
    ],
)
def test_a_network_that_cannot_be_is_refused_in_planning(
    tiny: Plan, changes: dict[str, Any], sentence: str
) -> None:
    part: DataPlan = dataclasses.replace(tiny.data[0], **changes)
    with pytest.raises(SettingError, match=sentence):
        cells_of(dataclasses.replace(tiny, data=(part,)))


def test_a_name_that_does_not_exist_is_named_with_its_place(tiny: Plan) -> None:
    wrong = dataclasses.replace(tiny.training[1], terms={"e": {"kind": "mse", "weight": 1.0}})
    with pytest.raises(SettingError, match=r"\[\[training\]\] 'SR': Unknown term 'mse'"):
        cells_of(dataclasses.replace(tiny, training=(wrong,)))


def test_few_items_are_expected_to_take_longer_each(
    tiny: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = cells_of(tiny)
    asked: list[int | None] = []

    def expected(training: float, attack: float) -> float:
        def pace(_: object, x: Any, *, attacked: int | None) -> float:
            asked.append(attacked)
            return training if attacked is None else attack

        monkeypatch.setattr("spikeproof.study.expected.seconds_per_pass", pace)
        return expected_seconds(tiny, cells)

    both = expected(1.0, 1.0)
    assert tiny.items in asked and None in asked
    assert expected(1.0, 2.0) > both and expected(2.0, 1.0) > both
    assert expected(1.0, 2.0) + expected(2.0, 1.0) == pytest.approx(3 * both)
