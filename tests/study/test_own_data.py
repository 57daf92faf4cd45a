"""Studies of a user's own data: known by hash, refused where they moved or changed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from spikeproof.analysis import extract, results, summarise
from spikeproof.base import FileProblem, InputError, SettingError, SpikeproofError
from spikeproof.report import write_report
from spikeproof.study import DataPlan, Plan, cells_of, load_plan, run, status
from support.tiny_study import make_plan

RNG = np.random.default_rng(3)
Y = np.arange(60) % 2
X = (RNG.random((60, 1, 8, 8)) * 0.4 + 0.5 * Y[:, None, None, None]).astype(np.float32)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Data in a file."""
    np.savez(tmp_path / "mine.npz", x=X, y=Y)
    return tmp_path / "mine.npz"


def plan_of(file: Path, **changes: object) -> Plan:
    """A tiny study on it."""
    part = DataPlan(
        name="mine", source=str(file), model="cnn-small", timesteps=2, width=2, epochs=1,
        batch_size=256, threats=("linf",), **changes,
    )  # fmt: skip
    plan = make_plan(data=(part,))
    return make_plan(data=(part,), training=plan.training[:1])


def ids(plan: Plan) -> list[str]:
    return [cell.id for cell in cells_of(plan)]


def test_what_the_data_are_enters_the_ids_and_where_they_lie_does_not(
    file: Path, tmp_path: Path
) -> None:
    here = ids(plan_of(file))
    elsewhere = file.rename(tmp_path / "elsewhere.npz")
    assert ids(plan_of(elsewhere)) == here
    np.savez(elsewhere, x=X[::-1], y=Y[::-1])
    assert not set(ids(plan_of(elsewhere))) & set(here)


def test_a_study_of_own_data_runs_in_workers_and_is_read(file: Path, tmp_path: Path) -> None:
    plan, folder = plan_of(file), tmp_path / "run"
    assert run(plan, folder, workers=2).complete
    assert status(folder).complete
    assert summarise(results(folder)).data
    extract(folder, tmp_path / "extract.json")
    page = write_report(folder, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "mine" in page
    record = json.loads((folder / "plan.json").read_text())
    assert record["cells"][0]["data_source"] == str(file)
    assert Plan.from_record(record["plan"]) == plan
    cells = {path: path.read_bytes() for path in (folder / "cells").rglob("record.json")}
    file.touch()
    assert run(plan, folder).complete  # nothing is computed again
    assert {path: path.read_bytes() for path in cells} == cells


def test_moved_and_changed_data_are_refused_and_nothing_is_lost(file: Path, tmp_path: Path) -> None:
    plan, folder = plan_of(file), tmp_path / "run"
    run(plan, folder)
    kept = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    moved = file.rename(tmp_path / "moved.npz")
    with pytest.raises(FileProblem, match="'mine': There are no data at .*mine.npz"):
        run(plan, folder)
    np.savez(file, x=X * 0.5, y=Y)
    with pytest.raises(FileProblem, match="not those that .* was begun with .* restore them"):
        run(plan, folder)
    with pytest.raises(FileProblem, match="not those that the plan means"):
        cells_of(plan_of(file, sha256="0" * 64))
    assert {path: path.read_bytes() for path in kept} == kept
    moved.replace(file)
    assert run(plan, folder).complete


def test_a_plan_file_names_data_beside_it(file: Path, tmp_path: Path) -> None:
    text = """
name = "own"
items = 6
[[data]]
name = "mine"
source = "mine.npz"
model = "cnn-small"
threats = ["linf"]
[[training]]
name = "plain"
terms.error = {kind = "cross_entropy", weight = 1.0}
"""
    path = file.with_name("plan.toml")
    path.write_text(text)
    plan = load_plan(path)
    assert plan.data[0].source == str(file)
    assert {"train", "attack"} <= {cell.kind for cell in cells_of(plan)}
    for old, new, sentence in (
        ('"mine.npz"', '"gone.npz"', "There are no data at .*gone.npz"),
        ('["linf"]', '["linff"]', "Unknown threat for mine 'linff'"),
        ('name = "mine"', 'name = "digits"', "name of a data set of the package"),
        ('source = "mine.npz"', "", "Unknown data set 'mine'"),
        ('source = "mine.npz"', f'sha256 = "{"0" * 64}"', "name their source"),
        ('"mine.npz"', '""', "source is empty"),
        ("model =", 'sha256 = "x"\nmodel =', "64 digits 0-9 and a-f"),
        ("model =", f'sha256 = "{"0" * 64}"\nmodel =', "not those that the plan means"),
    ):
        path.write_text(text.replace(old, new))
        with pytest.raises(SpikeproofError, match=sentence) as caught:
            load_plan(path)
        assert "\n" not in str(caught.value)


def test_sets_of_the_package_stand_in_plans_as_they_did() -> None:
    record = make_plan().record()["data"][0]
    assert {"source", "sha256"} & set(record) == set()


def test_items_for_a_test_alone_cannot_be_trained_on(tmp_path: Path) -> None:
    np.savez(tmp_path / "test.npz", x_test=X, y_test=Y)
    with pytest.raises(InputError, match="mine has test items only"):
        cells_of(plan_of(tmp_path / "test.npz"))


def test_an_empty_source_is_refused() -> None:
    with pytest.raises(SettingError, match="source is empty"):
        DataPlan(name="mine", source="")
