"""The gallery says of every example what the record says of it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from spikeproof.analysis import Example, ExampleItem, results, summarise
from spikeproof.analysis.examples import examples
from spikeproof.base import write_arrays
from spikeproof.report import compose
from spikeproof.report.colours import DIVERGING, hexed
from spikeproof.report.gallery import gallery_item
from spikeproof.report.pictures import EVENT_COLOURS
from spikeproof.report.shown import CHANGE_DB, ViewSlice
from support.resealed import reseal


def made(**changes: object) -> Example:
    """An example that the smaller of two radii broke."""
    fields = {
        "training": "SR", "threat": "linf", "outcome": "broken", "radii": (0.05, 0.1),
        "clean_lead": -2.0, "lead": math.log(3), "level": 0, "distance": 0.048, "member": "pgd own",
        "predicted": 3, "predicted_adv": 5,
    }  # fmt: skip
    return Example(**{**fields, **changes})  # type: ignore[arg-type]


def shown_item(*found: Example, parts: list[ViewSlice], x: np.ndarray) -> ExampleItem:
    return ExampleItem(item=7, seed=0, y=3, x=x, examples=found)


def test_an_item_shows_each_of_its_views() -> None:
    x = np.concatenate([np.linspace(0, 1, 4), np.sin(np.arange(100) / 3)])
    x_adv = x.copy()
    x_adv[1] += 0.1
    parts = [
        ViewSlice(kind="image", shape=(1, 2, 2)),
        ViewSlice(kind="audio", shape=(100,), start=4, rate_hz=8000, low=-1.0),
    ]
    found = shown_item(made(x_adv=x_adv), parts=parts, x=x)
    item = gallery_item(found, parts, ["SR"], ["linf"])
    ((training, (cell,)),) = item.rows
    assert (training, cell.outcome, cell.head) == ("SR", "broken", "3 → 5")
    assert [view.kind for view in cell.views] == ["image", "audio"]
    assert "1 of 4 pixels changed, at most by 0.1" in cell.views[0].words
    assert "noise ∞ dB" in cell.views[1].words
    assert [bool(panel.sound) for panel in cell.views[1].panels] == [True, True, False]
    apart = cell.views[1].panels[2]
    assert apart.name == "difference" and (apart.pixels == apart.pixels[0, 0]).all()
    assert [panel.name for view in item.clean for panel in view.panels] == ["clean", "clean"]


def test_a_cell_says_radius_distance_member_and_lead() -> None:
    parts = [ViewSlice(kind="image", shape=(1, 2, 2))]
    x = np.zeros((1, 2, 2))
    rows = [
        made(x_adv=x + 0.05),
        made(training="plain", predicted_adv=None),
        made(training="AT", outcome="survived", level=None, lead=-0.5, distance=None),
        made(training="free", outcome="wrong", level=None),
    ]
    found = shown_item(*rows, parts=parts, x=x)
    item = gallery_item(found, parts, ["SR", "plain", "AT", "free", "none"], ["linf"])
    cells = {training: row[0] for training, row in item.rows}
    assert cells["SR"].lines == [
        "fell at radius 0.05, distance 0.048", "by pgd own",
        "wrong class leads by 1.1 (3.0\u00a0:\u00a01)",
    ]  # fmt: skip
    assert cells["plain"].head == "broken"
    assert cells["plain"].lines[-1] == "input not kept"
    assert cells["AT"].lines == ["up to radius 0.1", "true class leads by 0.5 (1.6\u00a0:\u00a01)"]
    assert cells["free"].head == "wrong without an attack"
    assert cells["none"].head == "not attacked"


def test_the_colours_of_a_column_are_shared_and_their_ends_are_said() -> None:
    parts = [ViewSlice(kind="image", shape=(1, 1, 2))]
    x = np.full((1, 1, 2), 0.5)
    small, large = x + np.array([[[0.1, 0.0]]]), x + np.array([[[0.4, 0.0]]])
    rows = [made(x_adv=small), made(training="plain", x_adv=large), made(threat="l0", x_adv=small)]
    found = shown_item(*rows, parts=parts, x=x)
    item = gallery_item(found, parts, ["SR", "plain"], ["linf", "l0"])
    assert [(c.scale.low, c.scale.high) for c in item.columns if c.scale] == [
        ("−0.4", "+0.4"), ("−0.1", "+0.1"),
    ]  # fmt: skip
    change = {
        (training, column.threat): cell.views[0].panels[1].pixels[0, 0].tolist()
        for training, row in item.rows
        for column, cell in zip(item.columns, row, strict=True)
        if cell.views
    }
    assert change["plain", "linf"] == change["SR", "l0"] == [0x21, 0x66, 0xAC]
    assert change["SR", "linf"] != change["SR", "l0"]


def test_events_and_their_changes_have_one_scale() -> None:
    parts = [ViewSlice(kind="events", shape=(2, 2, 1, 2))]
    x = np.zeros((2, 2, 1, 2))
    x[0, 0, 0, 0] = 2.0
    found = shown_item(made(x_adv=x + 0.025), parts=parts, x=x)
    item = gallery_item(found, parts, ["SR"], ["linf"])
    assert {(s.low, s.high) for s in item.scales} == {("0", "2 or more per pixel and frame")}
    change = item.rows[0][1][0].views[0].panels[1]
    night = change.pixels.reshape(-1, 3).min(0)
    assert np.abs(change.pixels.astype(int) - night).max() <= 4, "a hundredth of the full colour"
    assert (
        "0.2 events added, 0 removed, of 2; at most 0.025 per" in item.rows[0][1][0].views[0].words
    )
    assert "full colour is 2 per pixel" in item.clean[0].words


def test_louder_is_blue_and_softer_is_orange_on_one_scale_of_decibels() -> None:
    parts = [ViewSlice(kind="audio", shape=(512,), rate_hz=8000, low=-1.0)]
    x = 0.1 * np.sin(2 * np.pi * np.arange(512) / 8)
    for factor, corner in ((10 ** (CHANGE_DB / 20), DIVERGING[-1]), (0.001, DIVERGING[0])):
        found = shown_item(made(x_adv=factor * x), parts=parts, x=x)
        view = gallery_item(found, parts, ["SR"], ["linf"]).rows[0][1][0].views[0]
        row = view.panels[2].pixels.shape[0] - 1 - 16  # an eighth of the rate is bin 16 of 64
        assert hexed(view.panels[2].pixels[row, 3]) == corner
    (clean,) = gallery_item(found, parts, ["SR"], ["linf"]).clean
    assert [(s.name, s.high) for s in clean.scales][1] == ("difference", "+30 dB")


def test_spikes_on_lines_are_rasters_with_what_was_added_and_removed_in_colour() -> None:
    parts = [ViewSlice(kind="events", shape=(4, 200), high=2.0)]
    x = np.zeros((4, 200))
    x[0, 0] = x[1, 199] = x[2, 100] = 1.0
    x_adv = x.copy()
    x_adv[1, 199], x_adv[3, 0] = 0.0, 1.0
    found = shown_item(made(x_adv=x_adv), parts=parts, x=x)
    item = gallery_item(found, parts, ["SR"], ["linf"])
    assert [panel.name for panel in item.clean[0].panels] == ["raster"]
    assert "200 lines in groups of 3 upwards" in item.clean[0].words
    (view,) = item.rows[0][1][0].views
    assert [panel.name for panel in view.panels] == ["raster", "raster, change"]
    moved = view.panels[1].pixels
    assert moved.shape == (67, 4, 3)
    assert tuple(moved[0, 1]) == EVENT_COLOURS["removed"]
    assert tuple(moved[-1, 3]) == EVENT_COLOURS["added"]
    assert tuple(moved[-1, 0]) == tuple(moved[33, 2]) == EVENT_COLOURS["kept"]
    assert "33 % of the events change their frame" in view.words


def test_a_recording_of_pixels_has_films_and_rasters() -> None:
    parts = [ViewSlice(kind="events", shape=(3, 2, 4, 5), high=2.0)]
    x = np.zeros((3, 2, 4, 5))
    x[0, 0, 0, 0] = x[1, 1, 3, 4] = 1.0
    x_adv = x.copy()
    x_adv[1, 1, 3, 4], x_adv[1, 0, 2, 2] = 0.0, 1.0
    found = shown_item(made(x_adv=x_adv), parts=parts, x=x)
    item = gallery_item(found, parts, ["SR"], ["linf"])
    names = [panel.name for panel in item.rows[0][1][0].views[0].panels]
    assert names == ["adversarial", "change", "raster", "raster, change"]
    film, raster = (item.rows[0][1][0].views[0].panels[at] for at in (1, 3))
    assert film.frames == 3 and film.pixels.shape == (4, 15, 3) and raster.raster
    assert tuple(film.pixels[0, 0]) == EVENT_COLOURS["kept"]
    assert tuple(film.pixels[3, 9]) == EVENT_COLOURS["removed"]
    assert tuple(film.pixels[2, 7]) == EVENT_COLOURS["added"]
    assert tuple(raster.pixels[0, 0]) == EVENT_COLOURS["kept"]  # the first row of the sensor


def test_every_example_has_the_radius_distance_and_member_of_its_record(
    tmp_path: Path, write_run: Callable[..., Path]
) -> None:
    folder = write_run(tmp_path / "run", n=30, probes=False, seeds=(0, 1))
    run = results(folder, draws=40)
    found = run.gallery("digits")
    assert len(found) == 2
    assert len({item.y for item in found}) == 2, "items of different classes"
    checked = fallen = 0
    for path in sorted((folder / "cells").glob("*/record.json")):
        record = json.loads(path.read_text())
        cell = record["cell"]
        if cell["kind"] != "attack" or cell["seed"] != 0:
            continue
        with np.load(path.with_name("items.npz")) as file:
            arrays = dict(file)
        for item in found:
            (i,) = np.flatnonzero(arrays["items"] == item.item)
            example = item.under(cell["training"], cell["threat"]["name"])
            assert example is not None
            broken = np.flatnonzero(arrays["broken"][:, i])
            assert (example.outcome == "wrong") == (not arrays["correct"][i])
            if example.outcome == "broken":
                level = int(broken[0])
                assert example.radius == cell["threat"]["radii"][level]
                assert example.distance == arrays["distance"][level, i]
                assert example.lead == arrays["margin"][level, i]
                name = record["result"]["members"][arrays["member"][level, i]]["name"]
                assert example.member == name
                fallen += level == 0
            checked += 1
    assert checked == 3 * 4 * 2
    assert fallen > 3, "some fell at the lowest radius, which is not the one they are kept for"


def test_the_page_never_says_more_than_the_record(
    tmp_path: Path, write_run: Callable[..., Path]
) -> None:
    folder = write_run(tmp_path / "run", n=30, probes=False, seeds=(0,))
    summary = summarise(results(folder, draws=40))
    html = compose(summary)
    said = re.findall(r"fell at radius ([0-9.]+), distance ([0-9.]+)", html)
    rows = [e for item in summary.gallery["digits"] for e in item.examples]
    expected = [e for e in rows if e.outcome == "broken"]
    assert sorted(said) == sorted((f"{e.radius:.3g}", f"{e.distance:.3g}") for e in expected)


def test_pictures_that_are_not_those_of_the_items_are_left_out(
    tmp_path: Path, write_run: Callable[..., Path]
) -> None:
    folder = write_run(tmp_path / "run", n=30, probes=False, seeds=(0,), trainings=("plain",))
    before = results(folder).gallery("digits")
    assert before
    for path in (folder / "cells").glob("*/gallery.npz"):
        with np.load(path) as file:
            arrays = dict(file)
        write_arrays(path, {**arrays, "y": (arrays["y"] + 1) % 10})
    reseal(folder)
    assert results(folder).gallery("digits") == []
    assert examples([]) == []


@pytest.mark.parametrize("kind", ["image", "events"])
def test_an_attack_that_changes_nothing_has_a_scale_too(kind: str) -> None:
    shape = (1, 2, 2) if kind == "image" else (2, 2, 1, 2)
    parts = [ViewSlice(kind=kind, shape=shape)]
    x = np.zeros(shape)
    found = shown_item(made(x_adv=x.copy()), parts=parts, x=x)
    item = gallery_item(found, parts, ["SR"], ["linf"])
    assert item.rows[0][1][0].views[0].panels
