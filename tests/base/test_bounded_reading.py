"""Files that someone made to hurt: links, pipes, devices, bombs, depths, lengths; one sentence."""

from __future__ import annotations

import errno
import io
import os
import struct
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from spikeproof.base import (
    DiskFull,
    FileProblem,
    SettingError,
    UnreadableFile,
    append_line,
    check_name,
    digest_file,
    parse_json,
    printable,
    read_arrays,
    read_bytes,
    read_json,
    read_text,
    sweep,
    write_arrays,
    write_atomic,
)

READERS: list[Callable[[Path], object]] = [read_bytes, read_json, read_arrays, digest_file]


def made(path: Path, what: str) -> Path:
    """Something other than a regular file under this name."""
    if what == "pipe":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    elif what == "device":
        path = Path("/dev/zero")
    else:
        goal = path.with_name("goal")
        if what == "link":
            goal.write_text("{}")
        path.symlink_to(goal)
    return path


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("what", ["pipe", "folder", "device", "link", "link to nothing"])
def test_only_regular_files_are_read_and_nothing_waits(
    tmp_path: Path, read: Callable[[Path], object], what: str
) -> None:
    path = made(tmp_path / "x", what)
    with pytest.raises(FileProblem, match="no ordinary file|is a link"):
        read(path)


def test_what_a_person_names_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "goal").write_bytes(b"\xef\xbb\xbftext")
    (tmp_path / "link").symlink_to(tmp_path / "goal")
    assert read_text(tmp_path / "link") == "text"
    assert read_bytes(tmp_path / "link", follow=True)[3:] == b"text"


def test_a_file_of_more_bytes_than_allowed_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as stream:
        stream.truncate(1 << 40)  # holds nothing and takes no room
    for read in READERS:
        with pytest.raises(FileProblem, match=r"1,099,511,627,776 bytes; at most"):
            read(tmp_path / "huge")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_told_from_one_that_is_broken(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("{}")
    (tmp_path / "x").chmod(0)
    with pytest.raises(UnreadableFile, match="Permission denied"):
        read_json(tmp_path / "x")


@pytest.mark.parametrize("code", [errno.EIO, errno.EACCES, errno.ESTALE])
def test_a_disk_that_fails_is_told_from_a_broken_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    (tmp_path / "x").write_text("{}")

    def fail(*_: object, **__: object) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(UnreadableFile, match=os.strerror(code)):
        read_json(tmp_path / "x")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"[" * 100_000 + b"]" * 100_000, "nested 100,000 deep"),
        (b'{"a":' * 70 + b"1" + b"}" * 70, "nested 70 deep"),
        (b"1" * 5000, "whole number of 5,000 digits"),
        (b"[1e999]", "not finite"),
        (b"[NaN]", "NaN"),
        (b"[-Infinity]", "-Infinity"),
        (b'["\\ud800"]', "not UTF-8"),
        (b"[" + b"0," * 5_000_001 + b"0]", "5,000,002 values"),
        (b'"' + b'\\"' * 400_000, "not whole JSON"),
        (b"", "not whole JSON"),
    ],
)
def test_json_beyond_bounds_is_one_sentence_at_once(
    tmp_path: Path, text: bytes, sentence: str
) -> None:
    (tmp_path / "x.json").write_bytes(text)
    begun = time.perf_counter()
    with pytest.raises(FileProblem, match=sentence):
        read_json(tmp_path / "x.json", "record")
    assert time.perf_counter() - begun < 5


def test_brackets_in_strings_are_no_depth() -> None:
    assert parse_json(b'["' + b"[" * 1000 + b'", "\\"[[", "\\ud83d\\ude00"]')[2] == "😀"
    assert parse_json(b'{"a": [1.5, -2, 18446744073709551615]}')["a"][2] == 2**64 - 1


def npy(array: np.ndarray | None = None, header: bytes | None = None) -> bytes:
    """A member of an archive, with another header where one is given."""
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.zeros(3) if array is None else array)
    content = stream.getvalue()
    if header is None:
        return content
    size = struct.unpack("<H", content[8:10])[0]
    return content[:8] + struct.pack("<H", len(header)) + header + content[10 + size :]


def zipped(path: Path, *members: bytes, name: str = "x.npy", encrypted: bool = False) -> Path:
    """An archive of such members."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, content in enumerate(members):
            archive.writestr(f"{number}{name}", content)
    if encrypted:
        content = bytearray(path.read_bytes())
        for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            content[content.find(mark) + place] |= 1
        path.write_bytes(content)
    return path


HUGE = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }\n"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(lambda p: p.write_bytes(npy()), id="a plain npy"),
        pytest.param(lambda p: zipped(p, npy(), encrypted=True), id="encrypted"),
        pytest.param(lambda p: zipped(p, npy(header=HUGE)), id="a header of 8 TB"),
        pytest.param(lambda p: zipped(p, npy(header=b"(" * 9000)), id="a deep header"),
        pytest.param(lambda p: zipped(p, npy(header=b"{}")), id="an empty header"),
        pytest.param(lambda p: zipped(p, npy(header=b"5")), id="a header that is a number"),
        pytest.param(
            lambda p: zipped(p, npy(header=HUGE.replace(b"(1000000000000,)", b"(-3,)"))), id="-3"
        ),
        pytest.param(
            lambda p: zipped(p, npy(header=HUGE.replace(b"<f8", b"|O"))), id="pickled objects"
        ),
        pytest.param(lambda p: zipped(p, npy()[:-8]), id="cut off"),
        pytest.param(lambda p: zipped(p, npy() + b"more"), id="more than the array"),
        pytest.param(lambda p: zipped(p, b"no array"), id="no array"),
        pytest.param(lambda p: zipped(p, npy(), name="x.txt"), id="another name"),
        pytest.param(lambda p: zipped(p, bytes(1 << 29), bytes(1 << 29)), id="a bomb of 1 GiB"),
        pytest.param(lambda p: zipped(p, *[b""] * 10_001), id="many members"),
        pytest.param(lambda p: p.write_bytes(b"PK\x05\x06" + b"\xff" * 18), id="an end alone"),
    ],
)
def test_archives_that_are_none_of_ours_are_one_sentence_without_memory(
    tmp_path: Path, content: Callable[[Path], object]
) -> None:
    path = tmp_path / "items.npz"
    content(path)
    tracemalloc.start()
    with pytest.raises(FileProblem, match=r"items\.npz is not whole"):
        read_arrays(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50e6


def test_arrays_of_every_plain_type_and_order_come_back(tmp_path: Path) -> None:
    arrays = {
        "a": np.arange(6.0).reshape(2, 3)[:, ::-1],
        "b": np.asfortranarray(np.arange(6, dtype=np.int16).reshape(2, 3)),
        "c": np.array(True),
        "d": np.zeros((0, 4), dtype=np.float32),
    }
    write_arrays(tmp_path / "ours.npz", arrays)
    np.savez(tmp_path / "numpy.npz", **arrays)
    for path in (tmp_path / "ours.npz", tmp_path / "numpy.npz"):
        found = read_arrays(path, sha256=digest_file(path))
        for name, array in arrays.items():
            assert found[name].dtype == array.dtype
            assert found[name].shape == array.shape
            assert (found[name] == array).all()
        found["a"][0, 0] = 1  # may be written to
        with pytest.raises(FileProblem, match="was changed after it was written"):
            read_arrays(path, sha256="0" * 64)


def test_writers_replace_links_and_never_follow_them(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("precious")
    for name in ("record.json", "log"):
        (tmp_path / name).symlink_to(target)
    write_atomic(tmp_path / "record.json", b"new")
    assert not (tmp_path / "record.json").is_symlink()
    with pytest.raises(FileProblem, match="Cannot write"):
        append_line(tmp_path / "log", "line")
    assert target.read_text() == "precious"
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileProblem, match="Cannot write"):
        append_line(tmp_path / "pipe", "line")
    append_line(tmp_path / "new", "one")
    append_line(tmp_path / "new", "two")
    assert (tmp_path / "new").read_text() == "one\ntwo\n"


def test_a_full_disk_is_told_from_other_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(DiskFull, match="No space left"):
        append_line(tmp_path / "log", "line")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFull, match="what was written before is intact"):
        write_atomic(tmp_path / "x", b"")
    with pytest.raises(FileProblem) as problem:
        write_atomic(tmp_path / "no folder" / "x", b"", make=False)
    assert not isinstance(problem.value, DiskFull)
    assert not (tmp_path / "no folder").exists()


def test_only_temporary_files_of_writers_are_swept(tmp_path: Path) -> None:
    kept = ["record.json", ".lock", ".hidden", ".record.json.old", ".git"]
    for name in (*kept, ".record.json.123.0a1b2c3d"):
        (tmp_path / name).write_text("")
    sweep(tmp_path, older=3600)
    assert (tmp_path / ".record.json.123.0a1b2c3d").exists()
    sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)


@pytest.mark.parametrize(
    "name",
    ["../x", "/tmp/x", "a/b", "a\\b", "", ".", "..", "~root", "-x", "a\nb", "a\x1b[31m", " a",
     "a\u202eb", "x" * 101, "...", "--", "\ud800", 7],
)  # fmt: skip
def test_names_that_could_be_paths_or_commands_are_refused(name: object) -> None:
    with pytest.raises(SettingError, match="can be part of a path") as problem:
        check_name(name, "name of a plan")
    assert str(problem.value).isprintable()


def test_other_names_and_texts_stay() -> None:
    for name in ("demo", "contest-standard 2", "SR+AT", "größe", "数据"):
        assert check_name(name, "name") == printable(name) == name
    assert printable("\x1b[31m\x07\u202e\r") == "\\x1b[31m\\x07\\u202e\\x0d"
    assert printable("a\tb\nc") == "a\tb\nc"
