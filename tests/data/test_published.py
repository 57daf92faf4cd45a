"""Data sets that come as files: a parser on tiny files, the refusals, and the real files."""

from __future__ import annotations

import gzip
import hashlib
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from spikeproof.base import FileProblem
from spikeproof.cli.main import run
from spikeproof.data import DATASETS, FashionMnist, describe, hold_out, load, store, verify
from support.published_files import REAL, source


def idx(array: np.ndarray) -> bytes:
    """A gzipped IDX file, written by its definition."""
    head = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return zipped(head + array.tobytes())


def zipped(content: bytes) -> bytes:
    """Gzipped without the time, which would give a test another name in each process."""
    return gzip.compress(content, mtime=0)


def clothes(folder: Path) -> tuple[FashionMnist, np.ndarray, np.ndarray]:
    """Tiny files of the Fashion-MNIST kind, their reader, and what they hold."""
    generator = np.random.default_rng(0)
    x = generator.integers(0, 256, (12, 28, 28), dtype=np.uint8)
    y = generator.integers(0, 10, 12, dtype=np.uint8)
    files = {
        "train-images-idx3-ubyte.gz": idx(x[:8]),
        "train-labels-idx1-ubyte.gz": idx(y[:8]),
        "t10k-images-idx3-ubyte.gz": idx(x[8:]),
        "t10k-labels-idx1-ubyte.gz": idx(y[8:]),
    }
    return FashionMnist(published=source(files, folder)), x, y


def test_clothes_are_read_as_they_were_written(tmp_path: Path) -> None:
    reader, x, y = clothes(tmp_path)
    found = reader(tmp_path)
    assert found.official == 8
    assert np.array_equal(found.x.numpy(), x[:, None])
    assert np.array_equal(found.y.numpy(), y)
    assert found.x.shape[1:] == reader.domain.shape


@pytest.mark.parametrize("spoil", ["truncated", "one bit", "empty", "html"])
def test_a_spoilt_file_is_refused_with_both_hashes_and_the_way_to_get_it(
    spoil: str, tmp_path: Path
) -> None:
    reader, _, _ = clothes(tmp_path)
    path = tmp_path / "train-labels-idx1-ubyte.gz"
    content = path.read_bytes()
    wanted = hashlib.sha256(content).hexdigest()
    spoilt = {
        "truncated": content[:-3],
        "one bit": content[:20] + bytes([content[20] ^ 1]) + content[21:],
        "empty": b"",
        "html": b"<!DOCTYPE html>",
    }[spoil]
    path.write_bytes(spoilt)
    with pytest.raises(FileProblem) as caught:
        reader(tmp_path)
    for part in (str(path), hashlib.sha256(spoilt).hexdigest(), wanted, "https://example.org"):
        assert part in str(caught.value)


def test_an_absent_file_is_named_with_its_hash_and_the_way_to_get_it(tmp_path: Path) -> None:
    reader, _, _ = clothes(tmp_path)
    wanted = reader.published.files["t10k-labels-idx1-ubyte.gz"]
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(FileProblem, match="t10k-labels-idx1-ubyte.gz") as caught:
        reader(tmp_path)
    assert wanted in str(caught.value)
    assert "https://example.org" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (idx(np.zeros((3, 28, 28), np.uint8))[:-1], "not a gzipped IDX file"),
        (zipped(b"\0\0\x08"), "not a gzipped IDX file"),
        (zipped(b"\0\0\x08\x01\0\0\0\x05abc"), r"shape \(5,\), and 3 bytes follow"),
        (zipped(b"\0\0\x0d\x01\0\0\0\x03abc"), "announces type 13"),
    ],
)
def test_a_file_of_another_kind_is_refused(content: bytes, sentence: str, tmp_path: Path) -> None:
    files = dict.fromkeys(FashionMnist().published.files, content)
    with pytest.raises(FileProblem, match=sentence):
        FashionMnist(published=source(files, tmp_path))(tmp_path)


def test_a_set_without_a_folder_says_how_to_name_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPIKEPROOF_DATA", raising=False)
    with pytest.raises(FileProblem) as caught:
        load("fashion-mnist")
    for part in ("folder=", "--data-dir", "SPIKEPROOF_DATA", "zalandoresearch/fashion-mnist"):
        assert part in str(caught.value)
    with pytest.raises(FileProblem, match="There is no folder"):
        load("fashion-mnist", folder="no-such-folder")


def test_the_command_line_names_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SPIKEPROOF_DATA", "unused")  # so that what the command sets is undone
    assert run(["data", "verify", "fashion-mnist", "--data-dir", str(tmp_path)]) == 1
    assert f"There is no train-images-idx3-ubyte.gz in {tmp_path}" in capsys.readouterr().err


def test_official_test_items_stay_test_and_validation_comes_from_training() -> None:
    y = torch.arange(120) % 10
    dealt = hold_out(y, official=100, validation=0.2)
    assert sorted(dealt["test"].tolist()) == list(range(100, 120))
    assert sorted(torch.cat(list(dealt.values())).tolist()) == list(range(120))
    assert torch.bincount(y[dealt["validation"]]).tolist() == [2] * 10
    other = hold_out(y, official=100, validation=0.2, seed=1)
    assert set(other["validation"].tolist()) != set(dealt["validation"].tolist())
    assert set(other["test"].tolist()) == set(dealt["test"].tolist())


def test_a_set_of_files_loads_as_legal_items_under_its_pinned_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, x, y = clothes(tmp_path)
    monkeypatch.setitem(DATASETS.members, "fashion-mnist", lambda: reader)
    found = store.fingerprint(store._make("fashion-mnist", 0, tmp_path))
    pinned = {"all": found["sha256"], **found["arrays"]}
    monkeypatch.setattr(FashionMnist, "facts", replace(FashionMnist.facts, pinned=pinned))
    monkeypatch.setenv("SPIKEPROOF_DATA", str(tmp_path))
    data = load("fashion-mnist")
    verify("fashion-mnist")
    assert sorted(data.sealed.items.tolist()) == [8, 9, 10, 11]
    for split in (data.train, data.validation, data.sealed):
        data.domain.check(split.x)
        expected = torch.from_numpy(x)[split.items].to(torch.float32)[:, None] / 255
        assert torch.equal(split.x, expected)
        assert torch.equal(split.y, torch.from_numpy(y)[split.items].long())
    store._arrays_of.cache_clear()


@pytest.mark.skipif(
    not (REAL / "fashion-mnist").is_dir(), reason="SPIKEPROOF_DATA holds no fashion-mnist"
)
def test_the_real_clothes_are_the_pinned_ones() -> None:
    data = load("fashion-mnist", folder=REAL)
    assert data.spec == describe("fashion-mnist")
    assert [len(data.train), len(data.validation), len(data.sealed)] == [54000, 6000, 10000]
    assert data.validation.y.bincount().tolist() == [600] * 10
    assert data.sealed.y.bincount().tolist() == [1000] * 10
    store._arrays_of.cache_clear()
