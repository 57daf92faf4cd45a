"""Files are whole or absent, also when the disk is full, read-only or the process is killed."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from spikeproof.base import (
    FileProblem,
    canonical_json,
    check_folder,
    digest,
    digest_arrays,
    digest_file,
    is_sealed,
    read_json,
    sealed,
    write_atomic,
    write_json,
)


def test_json_comes_back_and_equal_values_give_equal_bytes(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": [1, 2.5], "a": "é"})
    write_json(tmp_path / "b.json", {"a": "é", "b": [1, 2.5]})
    assert read_json(tmp_path / "a.json") == {"a": "é", "b": [1, 2.5]}
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_folders_on_the_way_are_made(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a" / "b" / "c", b"x")
    assert (tmp_path / "a" / "b" / "c").read_bytes() == b"x"


def test_others_may_read_what_the_umask_lets_them(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        write_atomic(tmp_path / "report.html", b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "report.html").stat().st_mode & 0o777 == 0o644


def test_numbers_that_json_cannot_say_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical_json(float("nan"))
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", float("inf"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EDQUOT])
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_or_read_only_disk_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, call: str
) -> None:
    path = tmp_path / "record.json"
    write_json(path, {"old": True})

    def fail(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(FileProblem, match=os.strerror(code)) as problem:
        write_json(path, {"new": True})
    assert str(path) in str(problem.value)
    assert "what was written before is intact" in str(problem.value)
    monkeypatch.undo()
    assert read_json(path) == {"old": True}
    assert [p.name for p in tmp_path.iterdir()] == ["record.json"], "nothing half-written stays"


def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FileProblem, match="Cannot write"):
        write_atomic(tmp_path / "file" / "record.json", b"x")


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path: Path) -> None:
    check_folder(tmp_path / "new" / "deep")
    (tmp_path / "note").write_text("x", encoding="utf-8")
    for folder in (tmp_path / "note", tmp_path / "note" / "deep"):
        with pytest.raises(FileProblem, match="note is no folder; name another"):
            check_folder(folder)


def test_a_writer_killed_at_any_moment_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from spikeproof.base import write_json\n"
        "print('ready', flush=True)\n"
        "n = 0\n"
        "while True:\n"
        "    n += 1\n"
        "    write_json(Path(sys.argv[1]), {'n': n, 'load': [n] * 20000})\n"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    writer.stdout.readline()
    while not path.exists():
        assert writer.poll() is None
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    record = read_json(path)
    assert record["load"] == [record["n"]] * 20000


@pytest.mark.parametrize("content", [b"", b'{"a": 1', b"\xff\xfe", b"[1,\n2,\n"])
def test_a_broken_json_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "record.json"
    path.write_bytes(content)
    with pytest.raises(FileProblem, match=r"record\.json"):
        read_json(path, "record")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="There is no plan at"):
        read_json(tmp_path / "plan.json", "plan")
    with pytest.raises(FileProblem, match="There is no file at"):
        digest_file(tmp_path / "plan.json")


def test_hashes_see_every_bit_and_ignore_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest({"a": 1}) != digest({"a": 1.0})
    a = np.arange(6, dtype=np.float32)
    same = {"x": a.astype(">f4"), "y": a[::-1]}
    assert digest_arrays({"x": a, "y": a[::-1].copy()}) == digest_arrays(same)
    assert digest_arrays({"x": a}) != digest_arrays({"x": a.reshape(2, 3)})
    assert digest_arrays({"x": a}) != digest_arrays({"y": a})
    assert digest_arrays({"x": a}) != digest_arrays({"x": a.astype(np.float64)})


def test_the_hash_of_a_file_is_its_sha256(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert digest_file(tmp_path / "empty") == empty


def test_a_sealed_record_tells_every_change() -> None:
    record = sealed({"b": [1, 2.5], "a": None})
    text = b'{"a":null,"b":[1,2.5]}'
    assert record == {"a": None, "b": [1, 2.5], "sha256": hashlib.sha256(text).hexdigest()}
    assert is_sealed(record)
    for changed in ({**record, "a": 0}, {**record, "c": 1}, {"b": [1, 2.5]}, {"a": None, "b": []}):
        assert not is_sealed(changed)
    assert is_sealed(sealed(record, "outer"), "outer")
