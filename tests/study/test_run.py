"""Running: resuming, damage, failures, locks, folders that cannot be written."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from spikeproof.base import FileProblem, InputError, write_json
from spikeproof.runs import sealed_record
from spikeproof.study import CellFolder, CellsFailed, Plan, Progress, RunFolder, run, status
from support.run_files import contents, one


def without(record: dict[str, Any], *names: str) -> dict[str, Any]:
    """A record that lacks some of its entries."""
    return {key: value for key, value in record.items() if key not in names}


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    """A complete run that a test may damage."""
    return Path(shutil.copytree(whole, tmp_path / "copy"))


def test_a_second_run_computes_nothing_and_changes_no_byte(copy: Path, tiny: Plan) -> None:
    before = {path: path.stat().st_mtime_ns for path in copy.glob("cells/*/*")}
    steps: list[Progress] = []
    run(tiny, copy, progress=steps.append)
    assert [(step.done, step.total) for step in steps] == [(10, 10)]
    assert {path: path.stat().st_mtime_ns for path in copy.glob("cells/*/*")} == before


def test_progress_counts_up_and_ends_with_nothing_left(copy: Path, tiny: Plan) -> None:
    for folder in (one(copy, "attack"), one(copy, "probe")):
        (folder / "record.json").unlink()
    steps: list[Progress] = []
    run(tiny, copy, progress=steps.append)
    assert [step.done for step in steps] == [8, 9, 10]
    assert steps[0].seconds_left > 0  # type: ignore[operator]
    assert steps[-1].seconds_left == 0
    assert steps[-1].cost_done == pytest.approx(steps[-1].cost_total)
    assert steps[1].title.startswith("digits · ")


@pytest.mark.parametrize("kind", ["train", "attack", "probe"])
@pytest.mark.parametrize("damage", ["truncated", "flipped", "gone"])
def test_damage_is_named_by_status_and_mended_by_run(
    copy: Path, whole: Path, tiny: Plan, kind: str, damage: str
) -> None:
    folder = one(copy, kind)
    name = "record.json" if damage == "truncated" else next(
        n for n in ("items.npz", "model.safetensors") if (folder / n).exists()
    )  # fmt: skip
    path = folder / name
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    elif damage == "truncated":
        path.write_bytes(content[: len(content) // 2])
    else:
        middle = len(content) // 2
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :])
    with pytest.raises(FileProblem, match=name.replace(".", r"\.")):
        status(copy)
    with pytest.warns(UserWarning, match="is computed again"):
        run(tiny, copy)
    assert contents(copy) == contents(whole)


def test_a_record_that_was_edited_into_another_cell_is_refused(copy: Path) -> None:
    folder = one(copy, "attack")
    record = json.loads((folder / "record.json").read_text())
    record["id"] = "0" * 16
    (folder / "record.json").write_text(json.dumps(record))
    with pytest.raises(FileProblem, match="was changed after it was written"):
        status(copy)
    write_json(folder / "record.json", sealed_record(without(record, "sha256")))
    with pytest.raises(FileProblem, match="belongs to another cell"):
        status(copy)


def test_strays_of_a_killed_writer_are_swept_away(copy: Path, whole: Path, tiny: Plan) -> None:
    folder = one(copy, "probe")
    (folder / ".items.npz.123.0a1b2c3d").write_bytes(b"half")
    (copy / ".plan.json.123.0a1b2c3d").write_bytes(b"half")
    run(tiny, copy)
    assert contents(copy) == contents(whole)


def test_a_failing_cell_leaves_the_others_alone_and_is_tried_again(
    tmp_path: Path, tiny: Plan, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import spikeproof.study.compute as work

    real = work._KINDS["attack"]

    def failing(folder: CellFolder, cell: object, data: object) -> object:
        if cell.cell["threat"]["name"] == "l0" and cell.cell["training"] == "SR":  # type: ignore[attr-defined]
            raise InputError("This cell is bad.")
        return real(folder, cell, data)  # type: ignore[arg-type]

    folder = tmp_path / "run"
    monkeypatch.setitem(work._KINDS, "attack", failing)  # type: ignore[arg-type]
    sentence = (
        "1 of 10 cells failed, first digits · SR · seed 0 · l0: This cell is bad. "
        "The other 9 are complete"
    )
    with pytest.raises(CellsFailed, match=sentence) as caught:
        run(tiny, folder)
    found = status(folder)
    assert (found.done, found.pending) == (9, 1)
    assert found.failed == caught.value.failures
    assert found.seconds_left > 0  # type: ignore[operator]
    monkeypatch.undo()
    assert run(tiny, folder).complete
    assert contents(folder) == contents(whole)


def test_what_looks_at_a_network_that_failed_is_not_tried(
    tmp_path: Path, tiny: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    import spikeproof.study.compute as work

    def failing(*_: object) -> object:
        raise ZeroDivisionError("no")

    monkeypatch.setitem(work._KINDS, "train", failing)  # type: ignore[arg-type]
    with pytest.raises(
        CellsFailed, match="10 of 10 cells failed, .*: ZeroDivisionError: no"
    ) as caught:
        run(tiny, tmp_path / "run")
    assert sum("its network is missing" in f.error for f in caught.value.failures) == 8


def test_ctrl_c_ends_the_run_and_keeps_what_is_complete(
    tmp_path: Path, tiny: Plan, whole: Path
) -> None:
    def stop(step: Progress) -> None:
        if step.done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tiny, tmp_path / "run", progress=stop)
    assert status(tmp_path / "run").done == 3
    run(tiny, tmp_path / "run")
    assert contents(tmp_path / "run") == contents(whole)


def test_two_runs_of_one_folder_do_not_collide(copy: Path, tiny: Plan) -> None:
    with (
        RunFolder(copy).lock(),
        pytest.raises(FileProblem, match=f"Process {os.getpid()} on .* is already running"),
    ):
        run(tiny, copy)
    assert run(tiny, copy).complete


def test_a_lock_file_left_by_a_dead_process_does_not_hold(copy: Path, tiny: Plan) -> None:
    (copy / ".lock").write_text("999999")
    assert run(tiny, copy).complete


def test_cells_of_another_plan_are_kept_aside_and_come_back(copy: Path, tiny: Plan) -> None:
    shorter = dataclasses.replace(
        tiny, data=(dataclasses.replace(tiny.data[0], threats=("linf",)),)
    )
    before = contents(copy / "cells")
    steps: list[Progress] = []
    assert run(shorter, copy, progress=steps.append).stale == 4  # two l0 cells, two other probes
    assert [step.aside for step in steps] == [4, 0, 0]  # then two probes of one norm
    assert len(list((copy / "stale").iterdir())) == 4
    steps.clear()
    found = run(tiny, copy, progress=steps.append)
    assert (found.done, found.stale, steps[0].done, steps[0].aside) == (10, 2, 10, 2)
    assert contents(copy / "cells") == before


@pytest.mark.parametrize("workers", [1, 2])
def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_computed(
    tmp_path: Path, tiny: Plan, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = sys.modules["spikeproof.study.run"]  # the package's attribute is the function
    monkeypatch.setattr(module, "cells_of", lambda plan: pytest.fail("too late"))
    (tmp_path / "file").write_text("")
    with pytest.raises(FileProblem, match="Cannot write .*Not a directory"):
        run(tiny, tmp_path / "file" / "run", workers=workers)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write read-only folders")
def test_a_read_only_folder_is_refused(tmp_path: Path, tiny: Plan) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(FileProblem, match="Permission denied"):
        run(tiny, tmp_path / "run")
    tmp_path.chmod(0o700)


def test_a_full_disk_is_noticed_before_anything_is_computed(
    tmp_path: Path, tiny: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(FileProblem, match=r"needs about 20 MB and 0 MB are free"):
        run(tiny, tmp_path / "run")


def test_status_of_something_else_is_an_error(tmp_path: Path, copy: Path) -> None:
    with pytest.raises(FileProblem, match="There is no run at"):
        status(tmp_path / "nothing")
    plan = json.loads((copy / "plan.json").read_text())
    plan["plan"]["items"] = 7
    (copy / "plan.json").write_text(json.dumps(plan))
    with pytest.raises(FileProblem, match="changed by hand"):
        status(copy)
    (copy / "plan.json").write_text("[]")
    with pytest.raises(FileProblem, match="not the plan of a run"):
        status(copy)


def test_a_run_of_an_earlier_version_is_read_and_told(copy: Path, tiny: Plan) -> None:
    """Its plan.json knows neither files nor resources, and one hash of all code."""
    assert not status(copy).outdated
    path = copy / "plan.json"
    plan = json.loads(path.read_text())
    del plan["fingerprint"]
    for cell in plan["cells"]:
        del cell["files"], cell["resources"]
    path.write_text(json.dumps({**without(plan, "content_sha256"), "schema": 1}))
    (copy / "manifest.json").unlink()
    found = status(copy)
    assert (found.done, found.pending, found.outdated) == (10, 0, True)
    run(tiny, copy)
    assert not status(copy).outdated


def test_the_number_of_threads_is_put_back(whole: Path, copy: Path, tiny: Plan) -> None:
    before = torch.get_num_threads()
    (one(copy, "probe") / "record.json").unlink()
    try:
        torch.set_num_threads(2)
        run(tiny, copy)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert contents(copy) == contents(whole)


def test_code_that_changed_under_a_running_study_fails_its_cells(
    copy: Path, tiny: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one(copy, "probe") / "record.json").unlink()
    monkeypatch.setattr("spikeproof.study.compute.code_sha256", lambda *_: "0" * 64)
    with pytest.raises(CellsFailed, match="The code was changed while the study ran"):
        run(tiny, copy)
