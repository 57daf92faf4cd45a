"""Reading a run folder: whatever its name, and whatever is damaged in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikeproof.analysis import results
from spikeproof.base import FileProblem
from support.resealed import reseal

Made = Callable[[Path], Any]


@pytest.mark.parametrize(
    "name",
    [
        "a[1]*?",
        "id=7",
        "data=other/seed=9",
        'cell={"kind": "train"}',
        "result=null",
        "filename=record.json",
        "it's {x} %20 $HOME",
        "~",
    ],
)
def test_the_names_of_folders_say_nothing_about_what_is_in_them(
    tmp_path: Path, name: str, four_items: Made
) -> None:
    plain = results(four_items(tmp_path / "run").plan())
    shutil.copytree(plain.folder, tmp_path / name / "run")
    found = results(tmp_path / name / "run")
    assert len(found.cells) == 16
    for cell, known in zip(found.cells, plain.cells, strict=True):
        assert (cell.id, cell.cell, cell.result) == (known.id, known.cell, known.result)
    assert found.to_dict() == plain.to_dict()


def test_a_record_that_is_no_ordinary_file_is_refused_by_name(
    tmp_path: Path, four_items: Made
) -> None:
    made = four_items(tmp_path / "run")
    path = made.plan() / "cells" / made.ids[2] / "record.json"
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(FileProblem, match=made.ids[2]):
        results(made.folder)


@pytest.mark.parametrize(
    "content", [b"", b'{"schema": 1, "id"', b"[1, 2]", b'{"id": "x"}', b'{"cell": {}}', b"{}{}"]
)
def test_a_corrupt_record_is_refused_by_name(
    tmp_path: Path, content: bytes, four_items: Made
) -> None:
    made = four_items(tmp_path / "run")
    folder = made.plan()
    bad = folder / "cells" / made.ids[4] / "record.json"
    bad.write_bytes(content)
    with pytest.raises(FileProblem, match=made.ids[4]):
        results(folder)


@pytest.mark.parametrize("damage", ["absent", "truncated", "array missing", "wrong shape"])
def test_corrupt_arrays_are_refused_by_name(tmp_path: Path, damage: str, four_items: Made) -> None:
    made = four_items(tmp_path / "run")
    folder = made.plan()
    path = sorted(folder.glob("cells/*/items.npz"))[0]
    name = path.parent.name
    with np.load(path) as file:
        arrays = dict(file)
    if damage == "absent":
        path.unlink()
    elif damage == "truncated":
        path.write_bytes(path.read_bytes()[:100])
    elif damage == "array missing":
        del arrays["broken"]
        np.savez(path, **arrays)
    else:
        arrays["broken"] = arrays["broken"][:, :2]
        np.savez(path, **arrays)
    with pytest.raises(FileProblem, match=name):
        results(folder)
    if damage not in ("absent", "truncated"):  # whole, but not what such a cell holds
        renamed = reseal(folder)[name]
        with pytest.raises(FileProblem, match=renamed):
            results(folder).matrix("digits")


def test_a_missing_run_and_a_missing_plan_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="no run folder"):
        results(tmp_path / "nowhere")
    with pytest.raises(FileProblem, match="plan"):
        results(tmp_path)
