"""Timing cells: what a plan may ask for, known accuracies, and what results say of them."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikeproof.analysis import Table, extract, extracted, results
from spikeproof.base import FileProblem, SettingError, read_arrays
from spikeproof.data import load
from spikeproof.evaluate import open_test, timing
from spikeproof.models import load_model
from spikeproof.study import DataPlan, Plan, TimingPlan, TrainingPlan, cells_of, load_plan, run
from support import made_run

ERROR = {"kind": "cross_entropy", "weight": 1.0}
LEVELS = {"jitter": (1.0, 1e-9), "deletion": (0.2, 1.0), "insertion": (1e-9, 0.5)}


def part(**changes: Any) -> DataPlan:
    """Event data with a tiny network."""
    given: dict[str, Any] = {"name": "digits-events", "model": "cnn-small", "width": 4}
    given |= {"epochs": 2, "batch_size": 128, "threats": ("counts",), "levels": (0,)}
    return DataPlan(**{**given, **changes})


def asking(settings: TimingPlan | None, **changes: Any) -> Plan:
    """A plan of one training."""
    training = (TrainingPlan(name="plain", terms={"error": ERROR}),)
    data = (part(timing=settings, **changes),)
    return Plan(name="tiny", data=data, training=training, items=6, draws=2, probe_items=3)


@pytest.fixture(scope="module")
def asked() -> Plan:
    """Levels that change nothing, a little, and everything, on 12 items."""
    levels = {kind: tuple(sorted(each)) for kind, each in LEVELS.items()}
    return asking(TimingPlan(**levels, draws=2, items=12))


@pytest.fixture(scope="module")
def done(asked: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plan, run without interruption."""
    folder = tmp_path_factory.mktemp("timing") / "run"
    run(asked, folder, workers=1)
    return folder


def timing_folder(folder: Path) -> Path:
    """The folder of the one timing cell."""
    (found,) = (
        path.parent
        for path in folder.glob("cells/*/record.json")
        if json.loads(path.read_text())["cell"]["kind"] == "timing"
    )
    return found


def test_a_plan_that_asks_gets_one_more_cell_and_the_others_stay(asked: Plan) -> None:
    silent = asking(None)
    without, cells = cells_of(silent), cells_of(asked)
    assert [c.kind for c in without] == ["train", "diagnosis", "attack", "probe"]
    assert [c.id for c in cells[:4]] == [c.id for c in without]
    (cell,) = cells[4:]
    assert cell.title == "digits-events · plain · seed 0 · timing"
    assert cell.parent == cells[0].id
    assert cell.cell["levels"]["deletion"] == [0.2, 1.0]
    assert (cell.cell["items"], cell.cell["draws"], cell.cell["split"]) == (12, 2, "test")
    every = asking(TimingPlan())
    assert cells_of(every)[4].cell["items"] == every.items


def test_levels_of_nothing_and_of_everything_have_known_answers(done: Path) -> None:
    place = timing_folder(done)
    arrays = read_arrays(place / "items.npz")
    correct = arrays["correct"]
    assert arrays["items"].shape == correct.shape == (12,)
    for kind in ("jitter", "insertion"):  # 1e-9 moves no event and adds none
        np.testing.assert_array_equal(arrays[kind][0], 2 * correct)
    # Without any event every item looks the same: right are those of one class, in every draw.
    nothing = arrays["deletion"][1]
    assert set(nothing.tolist()) <= {0, 2}
    assert len(set(arrays["y"][nothing == 2].tolist())) <= 1
    record = json.loads((place / "record.json").read_text())["result"]
    assert record["clean_accuracy"] == correct.mean()
    assert record["accuracy"]["jitter"] == (arrays["jitter"].mean(1) / 2).tolist()


def test_a_cell_agrees_with_the_protocol_and_with_clean_accuracy(asked: Plan, done: Path) -> None:
    arrays = read_arrays(timing_folder(done) / "items.npz")
    train, _, attack, *_ = cells_of(asked)
    model = load_model(done / "cells" / train.id / "model.safetensors")
    data = load("digits-events")
    for kind, levels in LEVELS.items():
        still, *found = timing(model, data, kind, (0.0, *sorted(levels)), items=12, draws=2)
        assert still.accuracy == arrays["correct"].mean()
        assert [one.accuracy for one in found] == (arrays[kind].mean(1) / 2).tolist()
    met = read_arrays(done / "cells" / attack.id / "items.npz")
    shared = np.isin(arrays["items"], met["items"])
    assert shared.sum() == len(met["items"]) == 6
    np.testing.assert_array_equal(arrays["correct"][shared], met["correct"])
    assert np.array_equal(arrays["items"], open_test(data, 12).items.numpy())


def test_a_cell_that_is_resumed_ends_with_the_same_bytes(
    asked: Plan, done: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(done, tmp_path / "copy"))
    place = timing_folder(copy)
    before = {p.name: p.read_bytes() for p in place.iterdir() if p.name != "wall.json"}
    (place / "record.json").unlink()
    (place / "items.npz").write_bytes(b"half")
    assert run(asked, copy).complete
    assert {p.name: p.read_bytes() for p in place.iterdir() if p.name != "wall.json"} == before
    (place / "items.npz").write_bytes(b"damaged")
    with pytest.warns(UserWarning, match="is computed again"):
        run(asked, copy)
    assert (place / "items.npz").read_bytes() == before["items.npz"]


def test_results_and_extracts_tell_the_same(done: Path, tmp_path: Path) -> None:
    ran, kept = results(done), extracted(extract(done, tmp_path / "it.json"))
    rows = ran.timing("digits-events")
    assert [(row.kind, row.level) for row in rows] == [
        ("undisturbed", 0.0),
        *((kind, level) for kind in sorted(LEVELS) for level in sorted(LEVELS[kind])),
    ]
    assert kept.timing("digits-events") == rows
    for row in rows:
        assert ran.share(ran.right_under_timing("digits-events", "plain", row.what)) == row.estimate
    clean = ran.share(ran.right_under_timing("digits-events", "plain", "undisturbed"))
    assert (
        clean
        == rows[0].estimate
        == ran.share(ran.right_under_timing("digits-events", "plain", "jitter 1e-09"))
    )
    assert ran.to_dict()["data"]["digits-events"]["timing"][0]["estimate"]["n"] == 12
    assert ran.right_under_timing("digits-events", "plain", "jitter 7") is None
    assert ran.provenance()["cells"] == {"complete": 5, "total": 5}


def test_the_layers_spikes_are_disturbed_where_data_have_no_events(tmp_path: Path) -> None:
    image = {"name": "digits", "timesteps": 2, "width": 2, "threats": ("linf",)}
    levels = TimingPlan(jitter=(), deletion=(1.0,), insertion=(), hidden=True, draws=1, items=8)
    folder = tmp_path / "run"
    run(asking(levels, **image), folder, workers=1)
    arrays = read_arrays(timing_folder(folder) / "items.npz")
    assert len(set(arrays["y"][arrays["deletion"][0] > 0].tolist())) <= 1


def test_a_run_written_by_hand_gives_shares_and_paired_differences(tmp_path: Path) -> None:
    made = made_run.MadeRun(tmp_path / "run")
    for training, objective, right in (
        ("plain", made_run.PLAIN, (4, 2)),
        ("SR", made_run.SPARSE, (4, 3)),
    ):
        for seed in (0, 1):
            made.train("digits-events", training, seed, objective)
            counts = np.tile(np.array(right)[:, None], (1, 10))
            made.timing("digits-events", training, seed, {"jitter": ([1, 2], counts)}, draws=4)
    found = results(made.plan())

    def right(training: str, level: str) -> Table | None:
        return found.right_under_timing("digits-events", training, level)

    whole, half = (found.mean(right("plain", f"jitter {x}")) for x in (1, 2))
    assert whole is not None and half is not None
    assert (whole.value, half.value, half.low, half.high) == (1.0, 0.5, 0.5, 0.5)
    gap = found.difference(right("SR", "jitter 2"), right("plain", "jitter 2"))
    assert gap is not None
    assert (gap.value, gap.n, gap.seeds) == (0.25, 10, 2)


def test_an_array_of_another_shape_is_named(tmp_path: Path) -> None:
    made = made_run.MadeRun(tmp_path / "run")
    made.timing("digits-events", "plain", 0, {"jitter": ([1, 2], np.ones((3, 5)))}, draws=4)
    with pytest.raises(FileProblem, match="'jitter' must have shape .2, 5.; got .3, 5."):
        results(made.plan()).timing("digits-events")


PLAN = """
name = "it"
[[data]]
name = "{data}"
model = "cnn-small"
timing = {timing}
[[training]]
name = "plain"
terms = {{ error = {{ kind = "cross_entropy", weight = 1.0 }} }}
"""


def planned(folder: Path, value: str, data: str = "digits-events") -> Plan:
    """A plan with this ``timing``."""
    (folder / "it.toml").write_text(PLAN.format(data=data, timing=value), encoding="utf-8")
    return load_plan(folder / "it.toml")


def test_true_asks_for_the_levels_of_the_protocol(tmp_path: Path) -> None:
    assert planned(tmp_path, "true").data[0].timing == TimingPlan()
    assert planned(tmp_path, "false").data[0].timing is None
    plan = planned(tmp_path, "{ jitter = [1, 2], deletion = [] }")
    assert plan.data[0].timing == TimingPlan(jitter=(1.0, 2.0), deletion=())
    assert Plan.from_record(plan.record()) == plan
    assert Plan.from_record(json.loads(json.dumps(plan.record()))) == plan


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ('"yes"', "timing must be true or a table of levels; got 'yes'"),
        ("{ jiter = [1] }", "timing: unknown setting 'jiter'. Did you mean 'jitter'"),
        ("{ jitter = [0, 1] }", "timing.jitter must ascend, each level above 0 and finite"),
        ("{ insertion = [2, 1] }", "timing.insertion must ascend"),
        ("{ deletion = [0.5, 1.5] }", "timing.deletion must ascend, .* at most 1"),
        ("{ jitter = [inf] }", "above 0 and finite"),
        ("{ jitter = [], deletion = [], insertion = [] }", "needs at least one level"),
        ("{ draws = 0 }", "draws must be a whole number >= 1"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(value: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=said):
        planned(tmp_path, value)


@pytest.mark.parametrize("name", ["digits", "digits-av"])
def test_data_without_events_are_refused_before_anything_is_computed(
    name: str, tmp_path: Path
) -> None:
    plan = planned(tmp_path, "true")
    data = dataclasses.replace(plan.data[0], name=name)
    said = f".*data.* '{name}': timing: {name} holds .*, not event counts, .* set hidden to true"
    with pytest.raises(SettingError, match=said):
        cells_of(dataclasses.replace(plan, data=(data,)))
