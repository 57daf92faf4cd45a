"""The grid of joint budgets as a cell of a run: the same numbers, resumed, shown and kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikeproof.analysis import extract, extracted, results, summarise
from spikeproof.base import SettingError
from spikeproof.cli.main import run as command
from spikeproof.data import load
from spikeproof.evaluate import FLAGS, JointGrid, grid_cells, joint_grid
from spikeproof.metrics import grid_violations
from spikeproof.models import build, save_model
from spikeproof.report import compose, figures_of
from spikeproof.runs import inspect_run
from spikeproof.study import Plan, audit_plan, cells_of, run

ITEMS, DESPITE = 5, FLAGS


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network of two views, untrained."""
    place = tmp_path_factory.mktemp("model") / "fusion.safetensors"
    save_model(build("fusion-early", load("digits-av"), width=1, timesteps=2, seed=1), place)
    return place


def plan_of(model: Path, **changes: Any) -> Plan:
    """An audit under the joint threat, with the smallest grid."""
    settings: dict[str, Any] = {"items": ITEMS, "draws": 1, "suite": "quick", "grid": 2}
    settings |= {"despite": DESPITE, "radii": {"joint": (1.0,)}}
    return audit_plan(model, load("digits-av"), ["joint"], **{**settings, **changes})


@pytest.fixture(scope="module")
def folder(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was stopped in its grid, and went on; do not change the folder."""
    place, plan = tmp_path_factory.mktemp("run") / "run", plan_of(model)
    attack, asked = grid_cells._attacked, []

    def stopped(*args: Any) -> Any:
        asked.append(1)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return attack(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grid_cells, "_attacked", stopped)
        with pytest.raises(KeyboardInterrupt):
            run(plan, place, workers=1)
        run(plan, place, workers=1)
    assert len(asked) == 3 + 1  # the cell that was cut off alone was begun again
    return place


def test_a_cell_says_what_a_grid_of_its_own_says(folder: Path, model: Path) -> None:
    (cell,) = (one for one in results(folder).cells if one.kind == "grid")
    found = JointGrid.rebuilt(cell.result, cell.items)
    from spikeproof.models import load_model

    alone = joint_grid(
        load_model(model), load("digits-av"), factors=(0.0, 1.0), suite="quick",
        items=ITEMS, draws=1, despite=DESPITE,
    )  # fmt: skip
    for name in ("items", "correct", "broken", "margin", "member", "found_cells"):
        assert np.array_equal(getattr(found, name), getattr(alone, name)), name
    assert found.factors == alone.factors and found.threats == alone.threats
    assert grid_violations(found.broken) == {"first": 0, "second": 0, "single": 0}
    assert not (cell.folder / "budgets").exists()
    assert not inspect_run(folder, strangers=True).problems


def test_the_report_draws_the_grid_and_the_extract_keeps_it(folder: Path, tmp_path: Path) -> None:
    found = results(folder)
    (row,) = found.grids
    summary = summarise(found)
    page = compose(summary)
    assert "Joint budgets" in page and 'id="budgets"' in page
    assert f"{row.summary.accuracy[0][0].value * 100:.1f} % are right when clean" in page
    assert "dBFS" in page[page.index('id="budgets"') :]
    names = [figure.name for figure in figures_of(summary)]
    assert len(set(names)) == len(names) and any(n.startswith("joint-grid") for n in names)
    assert found.to_dict()["grids"][0]["factors"] == [0.0, 1.0]
    (kept,) = extracted(extract(folder, tmp_path / "extract.json")).grids
    assert kept.summary.accuracy == row.summary.accuracy
    assert kept.summary.stealth == row.summary.stealth


def test_a_plan_without_two_views_asks_for_no_grid(model: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="none of its data sets is attacked with the threat"):
        cells_of(audit_plan(model, load("digits-av"), ["linf"], items=ITEMS, grid=3))
    with pytest.raises(SettingError, match="2 to 21, or 0 for no grid; got 1"):
        plan_of(model, grid=1)
    assert "grid" not in plan_of(model, grid=0).record()
    assert command(["audit", str(model), "--data=digits-av", "--grid=22"]) == 2
