"""What a complete run leaves: whole records, arrays that add up, a gallery."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from spikeproof.base import read_arrays
from spikeproof.models import load_model, model_digest
from spikeproof.study import CellFolder, Plan, cells_of, status
from support.run_files import one


def test_a_run_leaves_one_whole_record_per_cell_and_nothing_else(whole: Path, tiny: Plan) -> None:
    found = status(whole)
    assert (found.done, found.pending, found.failed, found.complete) == (10, 0, (), True)
    assert found.seconds > 0
    assert found.seconds_left == 0
    for cell in cells_of(tiny):
        names = {path.name for path in (whole / "cells" / cell.id).iterdir()}
        more = {"train": {"model.safetensors"}, "diagnosis": set()}.get(cell.kind, {"items.npz"})
        assert names - {"gallery.npz"} == {"record.json", "wall.json"} | more


def test_a_record_says_what_it_depends_on(whole: Path, tiny: Plan) -> None:
    trained = {}
    for cell in cells_of(tiny):
        record = CellFolder(whole / "cells" / cell.id).read()
        assert record["id"] == cell.id
        assert record["cell"] == json.loads(json.dumps(cell.cell))
        inputs = record["inputs"]
        assert inputs["data_sha256"] == cell.data_sha256
        assert inputs["parent"] == cell.parent
        assert set(record["versions"]) == {"numpy", "python", "spikeproof", "torch"}
        if cell.kind == "train":
            model = load_model(whole / "cells" / cell.id / "model.safetensors")
            trained[cell.id] = inputs["model_sha256"] = model_digest(model)
            assert len(record["result"]["history"]) == record["result"]["epochs"] == 3
        else:
            assert inputs["model_sha256"] == trained[cell.parent]


def test_the_arrays_of_an_attack_cell_add_up_to_its_result(whole: Path) -> None:
    folder = one(whole, "attack")
    result = json.loads((folder / "record.json").read_text())["result"]
    arrays = read_arrays(folder / "items.npz")
    assert arrays["broken"].shape == arrays["distance"].shape == (3, result["n"])
    assert arrays["member"].dtype == np.int16
    assert result["robust_accuracy"] == (~arrays["broken"]).mean(1).tolist()
    assert result["random_accuracy"] == pytest.approx(arrays["random_correct"].mean(1).tolist())
    assert result["clean_accuracy"] == arrays["correct"].mean()
    assert (arrays["broken"][1:] >= arrays["broken"][:-1]).all()
    first = [member["first_breaks"] for member in result["members"]]
    fresh = (arrays["broken"] & arrays["correct"]).sum(1)
    assert np.cumsum(np.sum(first, axis=0)).tolist() == fresh.tolist()


def test_the_gallery_shows_items_that_the_middle_radius_broke(whole: Path) -> None:
    shown = [read_arrays(path) for path in sorted(whole.glob("cells/*/gallery.npz"))]
    assert shown
    for arrays in shown:
        assert 1 <= len(arrays["x"]) <= 4
        assert (arrays["predicted"] == arrays["y"]).all()
        assert (arrays["predicted_adv"] != arrays["y"]).all()
        assert (arrays["x"] != arrays["x_adv"]).reshape(len(arrays["x"]), -1).any(1).all()
