"""An export's folder: nothing of another's is written over, and a killed export is completed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from spikeproof.base import FileProblem, SettingError
from spikeproof.export import folder
from spikeproof.export.folder import LIST, file_name, write_files


def test_the_same_again_and_a_newer_export_replace_their_own_files(tmp_path: Path) -> None:
    write_files(tmp_path, {"a.csv": b"1", "in/b.svg": b"2"}, {"run": "x"})
    write_files(tmp_path, {"a.csv": b"1", "in/b.svg": b"2"}, {"run": "x"})
    write_files(tmp_path, {"a.csv": b"3"}, {"run": "x"})
    assert (tmp_path / "a.csv").read_bytes() == b"3"
    content = json.loads((tmp_path / LIST).read_text())
    # What an earlier export left is still known as an export's.
    assert sorted(content["files"]) == ["a.csv", "in/b.svg"] and content["run"] == "x"
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == ["a.csv", "b.svg", LIST]


def test_a_file_of_another_and_a_changed_one_stay_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("mine")
    with pytest.raises(FileProblem, match="is of no export and would be written over"):
        write_files(tmp_path, {"b.csv": b"2", "a.csv": b"1"}, {})
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]  # nothing else was written
    write_files(tmp_path, {"a.csv": b"1"}, {}, force=True)
    (tmp_path / "a.csv").write_text("edited")
    with pytest.raises(FileProblem, match="was changed since it was exported"):
        write_files(tmp_path, {"a.csv": b"1"}, {})
    assert (tmp_path / "a.csv").read_text() == "edited"


def test_a_damaged_list_protects_everything(tmp_path: Path) -> None:
    write_files(tmp_path, {"a.csv": b"1"}, {})
    (tmp_path / LIST).write_text("{}")
    with pytest.raises(FileProblem, match="is no list of an export"):
        write_files(tmp_path, {"a.csv": b"2"}, {})
    assert (tmp_path / "a.csv").read_bytes() == b"1"


@pytest.mark.parametrize("killed_at", range(1, 4))
def test_killed_between_any_two_files_the_same_call_completes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_at: int
) -> None:
    old = {"a": b"1", "b": b"1", "c": b"1"}
    new = {"a": b"2", "b": b"2", "c": b"2"}
    write_files(tmp_path, old, {})
    count = 0
    write = folder.write_atomic

    def dies(path: Path, content: bytes) -> None:
        nonlocal count
        count += 1
        if count == killed_at:
            raise KeyboardInterrupt
        write(path, content)

    monkeypatch.setattr(folder, "write_atomic", dies)
    with pytest.raises(KeyboardInterrupt):
        write_files(tmp_path, new, {})
    monkeypatch.setattr(folder, "write_atomic", write)
    write_files(tmp_path, new, {})
    assert {name: (tmp_path / name).read_bytes() for name in new} == new


def test_no_path_leaves_the_folder_and_no_link_is_followed(tmp_path: Path) -> None:
    for name in ("../x", "/x", "", LIST):
        with pytest.raises(SettingError, match="is no file inside an export"):
            write_files(tmp_path / "to", {name: b""}, {})
    outside = tmp_path / "outside"
    outside.write_text("theirs")
    (tmp_path / "to").mkdir()
    os.symlink(outside, tmp_path / "to" / "a.csv")
    with pytest.raises(FileProblem, match="link"):
        write_files(tmp_path / "to", {"a.csv": b"1"}, {})
    write_files(tmp_path / "to", {"a.csv": b"1"}, {}, force=True)
    assert outside.read_text() == "theirs"
    (tmp_path / "file").write_text("")
    with pytest.raises(FileProblem, match="is a file; an export needs a folder"):
        write_files(tmp_path / "file", {}, {})


def test_names_become_names_of_files() -> None:
    hostile = ["../../etc", "a b", "日本", "x" * 300, "a/b", "a-b", "%", ".hidden"]
    names = [file_name(one) for one in hostile]
    assert len(set(names)) == len(names)
    assert all(name.isascii() and "/" not in name and len(name) < 100 for name in names)
    assert all(name[0] != "." for name in names)
