"""Two runs side by side, with numbers known by hand."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import spikeproof as sp
from spikeproof.analysis import Comparison, compare
from spikeproof.cli.main import run as command
from spikeproof.metrics import wilson
from spikeproof.report import write_report
from support import made_run
from support.resealed import reseal_cell, write_plan

N = 40


def written(
    folder: Path, kept: int, *, radius: float = 0.2, items: int = N, networks: int = 2
) -> Path:
    """A run of some networks in which so many items survive."""
    made = made_run.MadeRun(folder)
    for seed in range(networks):
        made.train("digits", "plain", seed, made_run.PLAIN)
        broken = [np.arange(items) >= kept]
        made.attack("digits", "plain", seed, "linf", (radius,), [True] * items, broken)
    return made.plan()


def numbers(found: Comparison) -> dict[str, tuple[float, float, float, bool]]:
    return {r.threat: (r.first, r.second, r.difference, r.paired) for r in found.numbers}


def test_the_difference_is_second_minus_first_and_paired_on_the_same_items(tmp_path: Path) -> None:
    first, second = written(tmp_path / "a", 10), written(tmp_path / "b", 30)
    found = compare(first, second)
    assert found.settings == ()
    assert found.splits == ("test", "test")
    assert numbers(found) == {"clean": (1.0, 1.0, 0.0, True), "linf": (0.25, 0.75, 0.5, True)}
    (row,) = (row for row in found.numbers if row.threat == "linf")
    assert 0.3 < row.low < 0.5 < row.high < 0.7
    back = compare(second, first)
    assert numbers(back)["linf"] == (0.75, 0.25, -0.5, True)


def test_other_items_are_not_paired_and_other_radii_are_not_compared(tmp_path: Path) -> None:
    first = written(tmp_path / "a", 10)
    more = compare(first, written(tmp_path / "b", 10, items=20))
    assert numbers(more)["linf"] == (0.25, 0.5, 0.25, False)
    assert "linf" not in numbers(compare(first, written(tmp_path / "c", 10, radius=0.3)))


def test_settings_are_named_by_their_place(tmp_path: Path) -> None:
    first, second = written(tmp_path / "a", 10), written(tmp_path / "b", 10)
    path = second / "plan.json"
    write_plan(second, json.loads(path.read_text().replace('"weight": 1.0', '"weight": 2.0')))
    (row,) = compare(first, second).settings
    assert (row.setting, row.first, row.second) == ("training.plain.terms.error.weight", 1.0, 2.0)


def test_the_same_call_gives_the_same_intervals(tmp_path: Path) -> None:
    sides = written(tmp_path / "a", 10), written(tmp_path / "b", 30)
    assert compare(*sides) == compare(*sides)


@pytest.mark.parametrize(("networks", "over"), [(1, "items"), (2, "items"), (3, "networks")])
def test_an_interval_says_whether_it_allows_for_other_networks(
    tmp_path: Path, networks: int, over: str
) -> None:
    """Paired or not: with fewer than three networks on a side it is given these networks."""
    first = written(tmp_path / "a", 10, networks=networks)
    for items in (N, 20):
        other = written(tmp_path / f"b{items}", 10, items=items, networks=networks)
        assert {row.over for row in compare(first, other).numbers} == {over}
    more = written(tmp_path / "c", 10, networks=4)
    found = compare(first, more).numbers
    assert {(row.paired, row.over) for row in found} == {(False, over)}


def test_an_unpaired_difference_is_that_of_newcombe(tmp_path: Path) -> None:
    """10 of 40 against 10 of 20 in one network a side, from the Wilson intervals of both."""
    first = written(tmp_path / "a", 10, networks=1)
    found = compare(first, written(tmp_path / "b", 10, items=20, networks=1))
    (row,) = (row for row in found.numbers if row.threat == "linf")
    ends = [wilson(10, 40), wilson(10, 20)]
    low = 0.25 - math.hypot(0.5 - ends[1][0], ends[0][1] - 0.25)
    high = 0.25 + math.hypot(ends[1][1] - 0.5, 0.25 - ends[0][0])
    assert (row.low, row.high) == pytest.approx((low, high), abs=0.02)


def seen(folder: Path, kept: int, *, weights: str = "a", data: str = "da") -> Path:
    """A run of one network with hashes of one's choice."""
    made = written(folder, kept, networks=1)
    for record in sorted(made.glob("cells/*/record.json")):
        content = json.loads(record.read_text())
        content["inputs"] |= {"model_sha256": weights, "data_sha256": data}
        record.write_text(json.dumps(content))
        reseal_cell(record.parent)
    ids = [{"id": path.name} for path in sorted(made.glob("cells/*"))]
    write_plan(made, {**json.loads((made / "plan.json").read_text()), "cells": ids})
    return made


def test_networks_of_the_same_settings_and_other_weights_differ(tmp_path: Path) -> None:
    """Settings alone are the same: another version of torch, or another machine, trained it."""
    first, second = seen(tmp_path / "a", 10), seen(tmp_path / "b", 10, weights="b")
    found = compare(first, second)
    (row,) = found.settings
    assert (row.kind, row.values) == ("networks", ("a", "b"))
    assert row.setting == "sha256 of network digits · plain · seed 0"
    assert found.same == {"networks": 0, "data": 1, "code": 2}
    same = compare(first, seen(tmp_path / "c", 30))
    assert same.settings == () and same.same["networks"] == 1


def test_the_same_numbers_of_items_of_other_data_are_not_paired(tmp_path: Path) -> None:
    found = compare(seen(tmp_path / "a", 10), seen(tmp_path / "b", 10, data="other"))
    assert {row.paired for row in found.numbers} == {False}
    assert [row.kind for row in found.settings] == ["data"]
    assert {r.paired for r in compare(tmp_path / "a", seen(tmp_path / "c", 9)).numbers} == {True}


def test_many_runs_are_compared_with_the_first(tmp_path: Path) -> None:
    folders = [written(tmp_path / name, kept) for name, kept in (("a", 10), ("b", 30), ("c", 20))]
    found = compare(*folders)
    assert len(found.splits) == len(found.flags) == len(found.names) == 3
    linf = {row.side: row for row in found.numbers if row.threat == "linf"}
    assert {side: row.difference for side, row in linf.items()} == {1: 0.5, 2: 0.25}
    for side, other in ((1, folders[1]), (2, folders[2])):
        (alone,) = (r for r in compare(folders[0], other).numbers if r.threat == "linf")
        assert (alone.low, alone.high) == (linf[side].low, linf[side].high)
    path = folders[2] / "plan.json"
    write_plan(folders[2], json.loads(path.read_text().replace('"weight": 1.0', '"weight": 2.0')))
    (row,) = compare(*folders).settings
    assert row.values == (1.0, 1.0, 2.0)


def test_what_is_on_one_side_only_is_told_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = written(tmp_path / "a", 10), written(tmp_path / "b", 10)
    content = json.loads((second / "plan.json").read_text())
    long = {"name": "events", **{f"setting_{n}": list(range(50)) for n in range(30)}}
    content["plan"]["data"].append(long)
    write_plan(second, content)
    assert command(["compare", str(first), str(second)]) == 0
    out = capsys.readouterr().out
    assert "there (31 settings)" in out and "setting_7" not in out
    assert len(out.splitlines()) < 25


def test_numbers_of_given_items_are_named_so(tmp_path: Path) -> None:
    """On test items and on items of a call the same attack is not the same question."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = nn.Sequential(nn.Flatten(), nn.Linear(4, 2)).eval()
    x, y = torch.rand(12, 1, 2, 2, generator=torch.Generator().manual_seed(0)), [0, 1] * 6
    found = sp.robust_accuracy(net, x, y, threats="linf:0.05", suite="quick", despite=["chance"])
    found.save(tmp_path / "given")
    again = dataclasses.replace(found.audit, split="test")
    again.save(tmp_path / "test")
    both = compare(tmp_path / "given", tmp_path / "test")
    assert both.splits == ("given", "test")
    assert [row.values for row in both.settings if row.setting == "split"] == [("given", "test")]
    page = write_report(tmp_path / "given", tmp_path / "page.html").read_text()
    assert "about items that were given in a call" in page
