"""Cells: what decides an id, and what does not."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest

from spikeproof.base import InputError, SettingError, canonical_json
from spikeproof.data import describe
from spikeproof.study import Cell, InputsPlan, Plan, TrainingPlan, cells_of


def by_title(plan: Plan) -> dict[str, Cell]:
    return {cell.title: cell for cell in cells_of(plan)}


def test_a_plan_becomes_trainings_and_what_looks_at_them(tiny: Plan) -> None:
    cells = cells_of(tiny)
    assert [cell.kind for cell in cells] == ["train"] * 2 + [
        "diagnosis", "attack", "attack", "probe"
    ] * 2  # fmt: skip
    trains = {cell.id: cell for cell in cells[:2]}
    for cell in cells[2:]:
        assert cell.parent is not None
        assert trains[cell.parent].cell["training"] == cell.cell["training"]
        assert cell.cell["parent"] == cell.parent
    assert len({cell.id for cell in cells}) == 10
    assert all(len(cell.id) == 16 and cell.cost > 0 for cell in cells)
    attack = cells[3].cell
    assert attack["threat"]["name"] == "linf"
    assert attack["threat"]["radii"] == list(describe("digits").radii["linf"])
    assert [member["attack"]["kind"] for member in attack["suite"]["members"]] == [
        "swap",
        "pgd",
        "apgd",
    ]
    for cell in cells:
        canonical_json(dict(cell.cell))


def test_what_does_not_decide_a_result_does_not_change_an_id(tiny: Plan) -> None:
    renamed = dataclasses.replace(tiny, name="other", workers=7, seeds=(0, 5))
    before, after = by_title(tiny), by_title(renamed)
    assert all(after[title].id == cell.id for title, cell in before.items())
    assert len(after) == 2 * len(before)


def test_what_decides_a_result_changes_the_ids_that_depend_on_it(tiny: Plan) -> None:
    before = by_title(tiny)

    def changed(plan: Plan) -> set[str]:
        return {title.split(" · ", 1)[1] for title, cell in by_title(plan).items()
                if before[title].id != cell.id}  # fmt: skip

    everything = {title.split(" · ", 1)[1] for title in before}
    looks = {title for title in everything if not title.endswith("train")}
    data = (dataclasses.replace(tiny.data[0], epochs=4),)
    assert changed(dataclasses.replace(tiny, data=data)) == everything
    drawn = {title for title in looks if not title.endswith("diagnosis")}
    assert changed(dataclasses.replace(tiny, draws=3)) == drawn
    attacks = {title for title in drawn if not title.endswith("probe")}
    assert changed(dataclasses.replace(tiny, suite="standard")) == attacks
    heavier = dataclasses.replace(
        tiny.training[1],
        terms={**tiny.training[1].terms, "sparse": {"kind": "sparse_gradient", "weight": 0.2}},
    )
    sr = {title for title in everything if title.startswith("SR")}
    assert changed(dataclasses.replace(tiny, training=(tiny.training[0], heavier))) == sr


def test_the_code_decides_the_id(tiny: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {cell.id for cell in cells_of(tiny)}
    monkeypatch.setattr("spikeproof.study.cells.code_sha256", lambda *_: "0" * 64)
    assert not before & {cell.id for cell in cells_of(tiny)}


def test_adversarial_inputs_take_the_level_the_radius_or_the_middle(tiny: Plan) -> None:
    def radius(**where: Any) -> float:
        inputs = InputsPlan(attack={"kind": "pgd", "steps": 2}, threat="l2", **where)
        training = TrainingPlan(name="AT", terms=tiny.training[0].terms, inputs=inputs)
        cell = cells_of(dataclasses.replace(tiny, training=(training,)))[0].cell
        return float(cell["objective"]["inputs"]["threat"]["radius"])

    low, *_, high = radii = describe("digits").radii["l2"]
    assert (radius(), radius(level=0)) == (radii[len(radii) // 2], low)
    assert (radius(level=len(radii) - 1), radius(radius=0.3)) == (high, 0.3)
    assert radius(level=0, scales={"l2": 1.5}) == 1.5 * low
    for wrong in ({"l2": 0.0}, {"l2": math.inf}):
        with pytest.raises(SettingError, match="a number above 0"):
            radius(scales=wrong)
    with pytest.raises(SettingError, match="whose radius is given"):
        radius(radius=0.3, scales={"l2": 2.0})
    with pytest.raises(SettingError, match="'l1'"):
        radius(scales={"l1": 2.0})


def test_a_training_may_be_confined_to_some_data_sets_and_run_longer(tiny: Plan) -> None:
    audio = dataclasses.replace(tiny.data[0], name="digits-audio", model="tcn-small")
    long = dataclasses.replace(tiny.training[1], data=("digits",), epochs_factor=2.0)
    plan = dataclasses.replace(tiny, data=(tiny.data[0], audio), training=(tiny.training[0], long))
    trains = [cell.cell for cell in cells_of(plan) if cell.kind == "train"]
    found = {(cell["data"], cell["training"]): cell["epochs"] for cell in trains}
    assert found == {
        ("digits", "plain"): 3,
        ("digits", "SR"): 6,
        ("digits-audio", "plain"): 3,
    }


def test_more_items_than_there_are_is_refused_before_anything_runs(tiny: Plan) -> None:
    with pytest.raises(InputError, match="Cannot evaluate 100000 test items"):
        cells_of(dataclasses.replace(tiny, items=100_000))


def test_a_data_set_may_name_the_radii_that_are_attacked(tiny: Plan) -> None:
    part = dataclasses.replace(tiny.data[0], levels=(1, 2))
    cell = cells_of(dataclasses.replace(tiny, data=(part,)))[3].cell
    assert cell["threat"]["radii"] == list(describe("digits").radii["linf"][1:])


@pytest.mark.parametrize(
    ("levels", "said"), [((), "name one"), ((2, 1), "ascend"), ((0, 7), "has 3 radii")]
)
def test_radii_that_do_not_exist_are_refused(
    tiny: Plan, levels: tuple[int, ...], said: str
) -> None:
    def planned() -> list[Cell]:
        part = dataclasses.replace(tiny.data[0], levels=levels)
        return cells_of(dataclasses.replace(tiny, data=(part,)))

    with pytest.raises(SettingError, match=said):
        planned()
