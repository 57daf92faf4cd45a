"""What a plan says of devices and batches, and what of it enters plans, ids and records."""

from __future__ import annotations

from typing import Any

import pytest

from spikeproof.base import SettingError
from spikeproof.study import Cell, ComputePlan, Plan, cells_of
from support.tiny_study import make_plan


def plan(**compute: Any) -> Plan:
    return make_plan(compute=ComputePlan(**compute))


def test_only_a_device_changes_ids() -> None:
    usual = {cell.title: cell.id for cell in cells_of(plan())}
    batched = cells_of(plan(batch_size=3))
    assert {cell.title: cell.id for cell in batched} == usual
    assert all(cell.resources.batch_size == 3 for cell in batched)
    there = cells_of(plan(device="cuda"))
    assert not {cell.id for cell in there} & set(usual.values())
    assert [cell.id for cell in cells_of(plan(device="cuda:1"))] == [cell.id for cell in there]


def test_plans_and_cells_that_say_nothing_keep_their_bytes() -> None:
    assert "compute" not in plan().record()
    assert plan(executor="processes").record()["compute"] == {"executor": "processes"}
    cell = cells_of(plan())[0]
    assert cell.record()["resources"] == {"threads": 1, "device": "cpu"}


@pytest.mark.parametrize("compute", [{"device": "cuda:1"}, {"batch_size": 7}])
def test_records_rebuild_plan_and_cells(compute: dict[str, Any]) -> None:
    asked = plan(**compute)
    assert Plan.from_record(asked.record()) == asked
    assert asked.record()["compute"] == {"executor": None, **compute}
    cell = cells_of(asked)[0]
    assert Cell.from_record(cell.record()) == cell


@pytest.mark.parametrize(
    ("compute", "said"),
    [
        ({"device": "gpu"}, r"\[compute\] device: unknown device 'gpu'; write cpu, cuda or cuda:0"),
        ({"device": 3}, r"\[compute\] device: unknown device 3"),
        ({"device": "cuda:"}, "unknown device 'cuda:'"),
        ({"batch_size": 0}, r"\[compute\] batch_size must be a whole number >= 1; got 0"),
    ],
)
def test_what_makes_no_sense_is_refused(compute: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingError, match=said):
        plan(**compute)


def test_mixed_precision_is_judged_by_the_device_of_the_plan() -> None:
    record = plan(device="cuda").record()
    record["data"][0]["settings"] = {"precision": "bfloat16"}
    assert cells_of(Plan.from_record(record))
    del record["compute"]
    with pytest.raises(SettingError, match="mixed precision on CUDA, and the model is on cpu"):
        cells_of(Plan.from_record(record))
