"""Recordings in MATLAB files: the published vectors, structs, and what is refused."""

from __future__ import annotations

import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from spikeproof.base import FileProblem
from spikeproof.data import Recording, read_recording, write_recording
from support.published_files import REAL

ONE = Recording([3, 5, 9], [1, 0, 3], [2, 2, 1], [0, 1, 1], (2, 4, 5))
COLUMNS = {"ts": ONE.t, "x": ONE.x, "y": ONE.y, "pol": ONE.p}


def column(values: Any, kind: Any = np.float64) -> Any:
    return np.asarray(values, dtype=kind)[:, None]


def read(path: Path) -> Recording:
    return read_recording(path, sensor=ONE.sensor)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("kind", [np.float64, np.uint16, np.int32])
def test_vectors_of_any_type_are_read_under_both_of_their_names(
    tmp_path: Path, kind: Any, compressed: bool
) -> None:
    named = {name: column(values, kind) for name, values in COLUMNS.items()}
    savemat(tmp_path / "a.mat", {**named, "note": "hand"}, do_compression=compressed)
    assert read(tmp_path / "a.mat") == ONE
    rows = {"t": ONE.t[None], "x": ONE.x[None], "y": ONE.y[None], "p": ONE.p[None]}
    savemat(tmp_path / "b.mat", rows, do_compression=compressed)
    assert read(tmp_path / "b.mat") == ONE


def by_hand(order: str) -> bytes:
    """A file of either order of bytes, element by element, as the format is published."""

    def element(kind: int, body: bytes) -> bytes:
        return struct.pack(f"{order}II", kind, len(body)) + body + bytes(-len(body) % 8)

    content = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack(f"{order}HH", 0x0100, 0x4D49)
    for name, values in COLUMNS.items():
        flags, shape = element(6, struct.pack(f"{order}II", 6, 0)), (len(values), 1)
        sizes = element(5, struct.pack(f"{order}ii", *shape))
        # A name of four bytes at most stands in its tag; doubles are kept in bytes where they fit.
        small = struct.pack(f"{order}I", len(name) << 16 | 1) + name.encode().ljust(4, b"\0")
        numbers = element(2, bytes(map(int, values)))
        content += element(14, flags + sizes + small + numbers)
    return content


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_file_written_element_by_element_is_read_in_either_order_of_bytes(
    tmp_path: Path, order: str
) -> None:
    (tmp_path / "a.mat").write_bytes(by_hand(order))
    assert read(tmp_path / "a.mat") == ONE


def test_one_struct_of_vectors_is_read_and_two_are_refused(tmp_path: Path) -> None:
    struct = {name: column(values) for name, values in COLUMNS.items()}
    savemat(tmp_path / "a.mat", {"TD": struct})
    assert read(tmp_path / "a.mat") == ONE
    savemat(tmp_path / "a.mat", {"TD": struct, "APS": struct})
    with pytest.raises(FileProblem, match=r"a\.mat .*holds none of them and not t \(or ts\)"):
        read(tmp_path / "a.mat")


def test_minus_one_is_off_and_says_so(tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", {**COLUMNS, "pol": column([-1, 1, 1])})
    with pytest.warns(UserWarning, match="-1 and 1 were read as 0"):
        assert read(tmp_path / "a.mat") == ONE


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"ts": column([0.5, 1, 2])}, "holds t with parts of a whole"),
        ({"ts": column([np.nan, 1, 2])}, "holds t that is no number"),
        ({"x": column([1, 2])}, r"lengths \[3, 2, 3, 3\]"),
        ({"y": np.ones((3, 2))}, r"holds y of float64 \(3, 2\), which is no vector"),
        ({"y": "text"}, "which is no vector"),
        ({"pol": {"a": 1}}, "which is no vector"),
        ({"ts": column([9, 5, 3])}, r"must not go back.*sort=True"),
    ],
)
def test_what_is_no_recording_is_refused_in_one_sentence(
    tmp_path: Path, change: dict[str, Any], sentence: str
) -> None:
    savemat(tmp_path / "a.mat", {**COLUMNS, **change})
    with pytest.raises(FileProblem, match=sentence) as refusal:
        read(tmp_path / "a.mat")
    assert str(tmp_path / "a.mat") in str(refusal.value) and "\n" not in str(refusal.value)


def test_files_of_version_7_3_and_other_bytes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    path.write_bytes(b"MATLAB 7.3 MAT-file, HDF5".ljust(512) + b"\x89HDF\r\n\x1a\n")
    with pytest.raises(FileProblem, match=r"version 7\.3, which is not read; .*-v7"):
        read(path)
    path.write_bytes(b"no such file" * 40)
    with pytest.raises(FileProblem, match="does not begin as MATLAB files"):
        read(path)
    write_recording(path, ONE)
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    with pytest.raises(FileProblem, match="ends inside a variable"):
        read(path)


def test_a_file_that_unpacks_to_more_than_may_be_read_is_refused(tmp_path: Path) -> None:
    from spikeproof.data.streams import FORMATS

    packed = zlib.compress(bytes(1 << 22))
    path, tag = tmp_path / "a.mat", (15).to_bytes(4, "little") + len(packed).to_bytes(4, "little")
    path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + tag + packed)
    with pytest.raises(FileProblem, match="unpacks to more than 65,536 bytes"):
        FORMATS["mat"](sensor=ONE.sensor).read(path, most=1 << 16)
    with pytest.raises(FileProblem, match=r"a\.mat is no whole MATLAB \.mat file"):
        read(path)


def test_a_real_file_of_something_else_is_refused_by_what_it_lacks() -> None:
    path = REAL / "event_formats" / "sample_stmnist.mat"
    if not path.exists():
        pytest.skip(f"no {path}")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(FileProblem, match=r"sample_stmnist\.mat .*not t \(or ts\), x, y"):
            read(path)
