"""A changed byte anywhere in a run is named by every reader, and mended by another run."""

from __future__ import annotations

import base64
import json
import os
import shutil
import tarfile
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikeproof.analysis import compare, extract, extracted, results, verify
from spikeproof.base import (
    DiskFull,
    FileProblem,
    SettingError,
    UnreadableFile,
    digest,
    digest_file,
    read_arrays,
    write_arrays,
    write_json,
)
from spikeproof.report import write_report
from spikeproof.runs import inspect_run, sealed_plan, sealed_record
from spikeproof.study import CellsFailed, Plan, run, status
from spikeproof.study.store import RunFolder
from support.resealed import write_plan
from support.run_files import contents, one

# Made from the records whenever a run ends or is shown; nothing reads them back.
WRITTEN_AFTER = {"report.html", "index.csv"}

READERS: dict[str, Callable[[Path], object]] = {
    "status": status,
    "report": write_report,
    "extract": lambda folder: extract(folder, folder.parent / "extract.json"),
    "compare": lambda folder: compare(folder, folder),
    "results": results,
}


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    """A complete run that a test may damage."""
    return Path(shutil.copytree(whole, tmp_path / "copy"))


def load(path: Path) -> Any:
    """The content of a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def refused(folder: Path, name: str) -> None:
    """Every reader refuses the run, and names the file."""
    for reader, read in READERS.items():
        with pytest.raises(FileProblem) as problem:
            read(folder)
        assert name in str(problem.value), reader
    found = verify(folder)
    assert not found.sound
    assert any(name in sentence for sentence in found.changed)


def test_a_whole_run_is_what_its_records_say_and_names_every_file(whole: Path) -> None:
    found = verify(whole)
    assert (found.sound, found.cells, found.missing, found.ended) == (True, 10, 0, True)
    assert "10 of 10 cells complete" in found.sentence
    named = load(whole / "manifest.json")["files"]
    there = set(contents(whole)) - {"manifest.json", *WRITTEN_AFTER}
    assert set(named) == there
    assert all(digest_file(whole / name) == sha256 for name, sha256 in named.items())


def test_a_flipped_bit_of_any_file_is_noticed(whole: Path) -> None:
    """Of every file the first, the middle and the last byte that say anything."""
    for name in sorted(set(contents(whole)) - {"index.csv"}):
        path, content = whole / name, (whole / name).read_bytes()
        for place in (0, len(content) // 3, len(content) // 2, len(content) - 2):
            spoilt = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
            try:
                path.write_bytes(spoilt)
                assert not verify(whole).sound, (name, place)
            finally:
                path.write_bytes(content)
    assert verify(whole).sound


def test_rewritten_verdicts_are_not_published(copy: Path) -> None:
    path = one(copy, "attack") / "items.npz"
    arrays = read_arrays(path)
    write_arrays(path, {**arrays, "broken": np.zeros_like(arrays["broken"])})
    refused(copy, str(path))


def test_a_split_that_was_changed_in_the_plan_is_not_published(copy: Path) -> None:
    path = copy / "plan.json"
    path.write_text(path.read_text().replace('"split": "test"', '"split": "validation"'))
    refused(copy, str(path))


def test_cells_that_were_dropped_from_the_list_are_noticed(copy: Path) -> None:
    content = load(copy / "plan.json")
    content["cells"] = content["cells"][:3]
    write_json(copy / "plan.json", content)
    refused(copy, "plan.json")
    # Also where its hash was made anew: the manifest knows the file.
    write_plan(copy, content)
    refused(copy, "plan.json")


def sealed(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a record and make its own hash anew."""
    record = load(path)
    del record["sha256"], record["schema"]
    change(record)
    write_json(path, sealed_record(record))


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "no files": lambda record: record.update(files={}),
    "a device": lambda record: record.update(files={"/dev/zero": "0" * 64}),
    "another name": lambda record: record["files"].update({"../../plan.json": "0" * 64}),
    "no hash": lambda record: record["files"].update({"items.npz": "0"}),
    "a setting": lambda record: record["cell"].update(draws=100),
    "a version": lambda record: record["versions"].update(torch="9"),
    "the code": lambda record: record["inputs"].update(code_sha256="0" * 64),
    "the network": lambda record: record["inputs"].update(model_sha256="0" * 64),
    "the parent": lambda record: record["inputs"].update(parent="0" * 16),
    "the kind": lambda record: record["cell"].update(kind=["attack"]),
    "resources": lambda record: record.update(resources={"threads": 2}),
    "the result": lambda record: record["result"].update(clean_accuracy=1.0),
}


@pytest.mark.parametrize("change", CHANGES)
def test_records_that_were_changed_are_named(copy: Path, change: str) -> None:
    path = one(copy, "attack") / "record.json"
    before = path.read_bytes()
    record = load(path)
    CHANGES[change](record)
    write_json(path, record)
    refused(copy, str(path))
    path.write_bytes(before)
    sealed(path, CHANGES[change])  # also with a hash of its own: id and manifest know better
    refused(copy, str(path))


def test_junk_beside_an_empty_list_of_files_is_not_read(copy: Path, tiny: Plan) -> None:
    place = one(copy, "attack")
    sealed(place / "record.json", CHANGES["no files"])
    (place / "items.npz").write_bytes(b"junk")
    refused(copy, "record.json")
    with pytest.warns(UserWarning, match="is computed again"):
        assert run(tiny, copy).complete
    assert verify(copy).sound
    kept = list((copy / "damaged").iterdir())
    assert [path.name for path in kept] == [f"{place.name}-1"]
    assert (kept[0] / "items.npz").read_bytes() == b"junk"


def test_files_that_no_record_names_are_told_and_never_read(copy: Path) -> None:
    place = next(
        p.parent for p in copy.glob("cells/*/items.npz") if not (p.parent / "gallery.npz").exists()
    )
    write_arrays(place / "gallery.npz", {"x": np.zeros(3)})
    assert not any(cell.gallery() for cell in results(copy).cells if cell.id == place.name)
    assert [str(place / "gallery.npz") in one for one in verify(copy).changed] == [True]


def test_a_cell_that_was_taken_away_is_missing(copy: Path, tiny: Plan) -> None:
    shutil.rmtree(one(copy, "probe"))
    assert status(copy).pending == 1
    assert len(results(copy).cells) == 9
    found = verify(copy)
    assert (found.sound, found.missing) == (False, 1)
    assert all("is missing" in sentence for sentence in found.changed)
    run(tiny, copy)
    assert verify(copy).sound


@pytest.mark.parametrize("how", ["file", "link"])
@pytest.mark.parametrize("of", ["cells", "cell"])
def test_what_is_no_folder_is_not_taken_for_cells_to_come(copy: Path, of: str, how: str) -> None:
    place = copy / "cells" if of == "cells" else one(copy, "attack")
    place.rename(copy.parent / "kept")
    if how == "file":
        place.write_text("x", encoding="utf-8")
    else:
        place.symlink_to(copy.parent / "kept")
    refused(copy, str(place))


@pytest.mark.parametrize("what", ["record.json", "items.npz"])
@pytest.mark.parametrize("how", ["pipe", "link", "folder"])
def test_no_file_of_a_cell_is_a_pipe_or_a_link(copy: Path, what: str, how: str) -> None:
    path = one(copy, "attack") / what
    path.rename(copy.parent / "kept")
    if how == "pipe":
        os.mkfifo(path)
    elif how == "link":
        path.symlink_to(copy.parent / "kept")
    else:
        path.mkdir()
    refused(copy, str(path))


@pytest.mark.parametrize(
    "content", ["5", "[]", '{"seconds": "x"}', '{"seconds": -1}', "{", '{"host": 5}']
)
def test_a_wall_time_that_is_none_is_named_and_left_out_by_a_run(
    copy: Path, tiny: Plan, content: str
) -> None:
    path = one(copy, "attack") / "wall.json"
    path.write_text(content)
    refused(copy, str(path))
    assert run(tiny, copy).complete
    assert not path.exists()
    assert not (copy / "damaged").exists(), "nothing was computed again"


def test_a_wall_time_may_be_another_one(copy: Path) -> None:
    (one(copy, "attack") / "wall.json").write_text('{"seconds": 5, "host": {"cpus": 1}}')
    assert verify(copy).sound


def test_a_complete_cell_is_never_thrown_away_because_it_cannot_be_read(
    copy: Path, tiny: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As root reads everything, the system's refusal is made up."""
    path, before, real = one(copy, "attack") / "record.json", contents(copy), os.open

    def denied(name: Any, *rest: Any, **more: Any) -> int:
        if str(name) == str(path):
            raise PermissionError(13, "Permission denied", str(name))
        return real(name, *rest, **more)

    monkeypatch.setattr(os, "open", denied)
    for act in (
        lambda: run(tiny, copy),
        *(lambda read=read: read(copy) for read in READERS.values()),
    ):
        with pytest.raises(UnreadableFile, match="Permission denied") as problem:
            act()
        assert str(path) in str(problem.value)
    monkeypatch.undo()
    after = contents(copy)
    assert {name: after[name] for name in before} == before
    assert run(tiny, copy).complete


def test_a_full_disk_ends_the_run_at_the_first_cell(
    tmp_path: Path, tiny: Plan, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, tried = os.fsync, []

    def full(handle: int) -> None:
        name = os.readlink(f"/proc/self/fd/{handle}")
        if "items.npz" in name:
            tried.append(name)
            raise OSError(28, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFull, match=r"is full: .* 4 of 10 cells are complete and safe"):
        run(tiny, tmp_path / "run")
    assert len(tried) == 1, "the other five were not computed"
    assert verify(tmp_path / "run").sound
    monkeypatch.undo()
    assert run(tiny, tmp_path / "run").complete
    assert contents(tmp_path / "run") == contents(whole)


@pytest.mark.usefixtures("quick_workers")
@pytest.mark.parametrize("workers", [1, 2])
def test_a_folder_that_is_moved_away_in_mid_run_is_not_made_again(
    tmp_path: Path, tiny: Plan, workers: int
) -> None:
    def move(step: Any) -> None:
        if step.done == 1:
            (tmp_path / "run").rename(tmp_path / "away")

    with pytest.raises(FileProblem, match="renamed or removed"):
        run(tiny, tmp_path / "run", progress=move, workers=workers)
    assert not (tmp_path / "run").exists()
    assert run(tiny, tmp_path / "away").complete


def test_a_cell_folder_that_is_a_link_is_not_written_through(
    tmp_path: Path, copy: Path, tiny: Plan
) -> None:
    place = one(copy, "probe")
    shutil.rmtree(place)
    (tmp_path / "elsewhere").mkdir()
    place.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CellsFailed, match="is a link"):
        run(tiny, copy)
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize("name", ["../x", "/tmp/x", "a\x1b[31m", "..", ""])
def test_the_name_of_a_plan_is_no_path(tiny: Plan, name: str) -> None:
    with pytest.raises(SettingError, match="can be part of a path"):
        Plan.from_record({**tiny.record(), "name": name})


def test_an_extract_that_was_changed_is_refused(whole: Path, tmp_path: Path) -> None:
    path = extract(whole, tmp_path / "extract.json")
    assert verify(path).sound
    before = extracted(path).to_dict()
    text = path.read_text()
    for old, new in (('"split": "test"', '"split": "validation"'), ('"draws": 2', '"draws": 3')):
        assert old in text
        path.write_text(text.replace(old, new, 1))
        with pytest.raises(FileProblem, match="was changed after it was written"):
            extracted(path)
        assert not verify(path).sound
    early = json.loads(text)
    del early["sha256"]
    write_json(path, {**early, "schema": 1})  # as earlier versions wrote them
    assert extracted(path).to_dict() == before


def bomb(record: dict[str, Any]) -> None:
    """An array that unpacks to another size than it says."""
    record["content"] = base64.b64encode(zlib.compress(bytes(1 << 28), 9)).decode()


EXTRACTS: dict[str, Callable[[dict[str, Any]], object]] = {
    "bomb": bomb,
    "huge": lambda record: record.update(shape=[10**12]),
    "negative": lambda record: record.update(shape=[-1]),
    "kind": lambda record: record.update(kind="object"),
    "no base64": lambda record: record.update(content="\n!"),
    "no zlib": lambda record: record.update(content="AAAA"),
    "number": lambda record: record.update(content=5),
    "no shape": lambda record: record.pop("shape"),
}


@pytest.mark.parametrize("change", EXTRACTS)
def test_arrays_of_an_extract_are_unpacked_no_further_than_they_say(
    whole: Path, tmp_path: Path, change: str
) -> None:
    path = extract(whole, tmp_path / "extract.json")
    content = load(path)
    del content["sha256"]
    cell = next(cell for cell in content["cells"] if cell["arrays"])
    EXTRACTS[change](cell["arrays"]["items"])
    write_json(path, {**content, "sha256": digest(content)})
    tracemalloc.start()
    with pytest.raises(FileProblem, match="is not a whole extract"):
        assert [cell.items for cell in extracted(path).cells]
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()


@pytest.mark.parametrize(
    "content",
    [
        {"schema": 2},
        {"schema": 1, "cells": 5, "plan": {}},
        {"schema": 1, "cells": [5], "plan": {}},
        {"schema": 1, "cells": [], "plan": 5},
        {"schema": 1, "cells": [{"id": "x"}], "plan": {}},
    ],
)
def test_what_is_no_extract_is_one_sentence(tmp_path: Path, content: object) -> None:
    write_json(tmp_path / "x.json", content)
    with pytest.raises(FileProblem, match=r"x\.json"):
        extracted(tmp_path / "x.json")


def test_the_run_and_the_extract_of_the_version_before_are_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """``before.tar.gz``: three cells and an extract of commit 5251e80, before there were seals."""
    monkeypatch.setattr("spikeproof.base.notices._told", set())
    with tarfile.open(Path(__file__).with_name("before.tar.gz")) as archive:
        archive.extractall(tmp_path, filter="data")
    found = status(tmp_path / "run")
    assert (found.done, found.pending) == (3, 0)
    told = capsys.readouterr().err
    assert told.count("earlier version") == 2, "of the plan and of the records, once each"
    known, kept = (
        json.loads(json.dumps(each.to_dict(), sort_keys=True))
        for each in (results(tmp_path / "run"), extracted(tmp_path / "extract.json"))
    )
    rows = [side["data"]["digits"]["matrix"] for side in (known, kept)]
    assert [row["estimate"] for row in rows[0]] == [row["estimate"] for row in rows[1]]
    assert rows[0]
    assert verify(tmp_path / "run").sound
    # What its hashes protect is protected, its settings among it, as they make the id.
    path = one(tmp_path / "run", "attack") / "record.json"
    before = path.read_text()
    for old, new in (('"draws": 2', '"draws": 3'), ('"items.npz": "', '"other.npz": "')):
        assert old in before
        path.write_text(before.replace(old, new, 1))
        with pytest.raises(FileProblem, match=r"record\.json"):
            results(tmp_path / "run")


def test_a_run_that_was_killed_has_no_manifest_and_is_sound(copy: Path, tiny: Plan) -> None:
    RunFolder(copy).begin()
    shutil.rmtree(one(copy, "probe"))
    found = verify(copy)
    assert (found.sound, found.ended, found.missing) == (True, False, 1)
    assert "no manifest, as it has not ended" in found.sentence


def test_a_complete_run_whose_manifest_is_gone_is_told_so_and_gets_one(
    copy: Path, tiny: Plan
) -> None:
    manifest = (copy / "manifest.json").read_bytes()
    (copy / "manifest.json").unlink()
    assert "though every cell is complete: run it again" in verify(copy).sentence
    assert run(tiny, copy, workers=1).complete
    assert (copy / "manifest.json").read_bytes() == manifest


def test_a_plan_with_nonsense_for_cells_is_one_sentence(copy: Path) -> None:
    content = load(copy / "plan.json")
    del content["content_sha256"], content["schema"]
    ids = [cell["id"] for cell in content["cells"]]
    for cells in (5, None, {}, [5], [{}], [{"id": "../x"}], [{"id": 7}], [{"id": ids[0]}] * 2):
        write_json(copy / "plan.json", sealed_plan({**content, "cells": cells}))
        with pytest.raises(FileProblem, match=r"plan\.json"):
            results(copy)


def test_the_manifest_cannot_be_changed_either(copy: Path) -> None:
    content = load(copy / "manifest.json")
    content["files"].popitem()
    write_json(copy / "manifest.json", content)
    refused(copy, "manifest.json")
    for broken in ("[]", "{}", "{", '{"schema": 1, "files": 5}'):
        (copy / "manifest.json").write_text(broken)
        assert inspect_run(copy).problems
