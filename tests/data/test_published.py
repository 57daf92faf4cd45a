"""Data sets that come as files: the parsers on tiny files, the refusals, and the real files."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import lzma
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from spikeproof.base import FileProblem
from spikeproof.cli.main import run
from spikeproof.data import (
    Cifar10,
    FashionMnist,
    Source,
    cifar,
    describe,
    embedded,
    hold_out,
    load,
    store,
    verify,
)
from spikeproof.data.cifar import BATCHES, FORMS

REAL = Path(
    os.environ.get("SPIKEPROOF_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data"
)


def source(files: dict[str, bytes], folder: Path) -> Source:
    """Write files and describe them as published."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    return Source(files=hashes, places=(".",), url="https://example.org/data")


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


def photographs() -> tuple[np.ndarray, np.ndarray]:
    """Three photographs for each of the six batches, and their labels."""
    generator = np.random.default_rng(1)
    smooth = generator.integers(0, 256, (18, 3, 8, 8)).repeat(4, 2).repeat(4, 3)
    x = (smooth + generator.integers(-3, 4, smooth.shape)) % 256
    return x.astype(np.uint8), generator.integers(0, 10, 18).astype(np.uint8)


def python_files(x: np.ndarray, y: np.ndarray) -> dict[str, bytes]:
    """The batches pickled as in 2009: protocol 2, texts and levels as strings of bytes."""
    files = {}
    for number, name in enumerate(BATCHES):
        part = slice(3 * number, 3 * number + 3)
        levels = x[part].tobytes()
        listed = b"".join(b"K" + bytes([label]) for label in y[part])
        head = b"\x80\x02}q\x01(U\x0bbatch_labelq\x02U\x01xq\x03U\x06labelsq\x04]q\x05(" + listed
        rows = b"e" + b"U\x04dataq\x06cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\n"
        kind = b"q\x08K\x00\x85U\x01b\x87Rq\x09(K\x01K\x03M\x00\x0c\x86cnumpy\ndtype\nq\nU\x02u1"
        kind += b"K\x00K\x01\x87Rq\x0b(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T"
        files[name] = head + rows + kind + struct.pack("<i", len(levels)) + levels + b"tbu."
    return files


def binary_files(x: np.ndarray, y: np.ndarray) -> dict[str, bytes]:
    """The batches as records of label and levels."""
    records = np.concatenate([y[:, None], x.reshape(len(y), -1)], axis=1).astype(np.uint8)
    return {
        f"{name}.bin": records[3 * number : 3 * number + 3].tobytes()
        for number, name in enumerate(BATCHES)
    }


def packed_files(x: np.ndarray, y: np.ndarray) -> dict[str, bytes]:
    """The batches as residuals of the median edge detector, by its rule, pixel by pixel."""
    files = {}
    for number, name in enumerate(BATCHES):
        red, green, blue = x[3 * number : 3 * number + 3].astype(int).transpose(1, 0, 2, 3)
        planes = [green, red - green, blue - green]
        out = np.zeros((3, 3, 32, 32), np.uint8)
        for k, plane in enumerate(planes):
            for n, i, j in np.ndindex(3, 32, 32):
                a = plane[n, i, j - 1] if j else None
                b = plane[n, i - 1, j] if i else None
                if a is None or b is None:
                    said = a if a is not None else b if b is not None else 0
                else:
                    c = plane[n, i - 1, j - 1]
                    said = (
                        min(a, b) if c >= max(a, b) else max(a, b) if c <= min(a, b) else a + b - c
                    )
                out[k, n, i, j] = (plane[n, i, j] - said) % 256
        files[f"{name}.mrx.xz"] = lzma.compress(out.tobytes())
    labels = io.BytesIO()
    np.savez(labels, train=y[:15], test=y[15:])
    return {**files, "labels.npz": labels.getvalue()}


FILES: dict[str, Callable[[np.ndarray, np.ndarray], dict[str, bytes]]] = {
    "binary": binary_files,
    "python": python_files,
    "packed": packed_files,
}


def test_clothes_are_read_as_they_were_written(tmp_path: Path) -> None:
    reader, x, y = clothes(tmp_path)
    found = reader(tmp_path)
    assert found.official == 8
    assert np.array_equal(found.x.numpy(), x[:, None])
    assert np.array_equal(found.y.numpy(), y)
    assert found.x.shape[1:] == reader.domain.shape


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_the_photographs_holds_the_same(form: str, tmp_path: Path) -> None:
    x, y = photographs()
    reader = Cifar10(forms={form: source(FILES[form](x, y), tmp_path)})
    found = reader(tmp_path)
    assert found.official == 15
    assert np.array_equal(found.x.numpy(), x)
    assert np.array_equal(found.y.numpy(), y)


def test_the_python_form_of_the_test_is_the_pickle_that_it_claims_to_be() -> None:
    x, y = photographs()
    content = pickle.loads(python_files(x, y)["data_batch_2"], encoding="bytes")
    assert content[b"labels"] == y[3:6].tolist()
    assert np.array_equal(content[b"data"].reshape(-1, 3, 32, 32), x[3:6])


def test_a_pickle_is_not_executed(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "sprung",))  # type: ignore[return-value]

    files = {name: pickle.dumps(Trap()) for name in BATCHES}
    reader = Cifar10(forms={"python": source(files, tmp_path)})
    with pytest.raises(FileProblem, match="data_batch_1 is not a batch of the Python version"):
        reader(tmp_path)
    assert not (tmp_path / "sprung").exists()


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


def test_without_any_file_the_official_form_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match=r"There is no data_batch_1\.bin.*www\.cs\.toronto\.edu"):
        load("cifar10", folder=tmp_path)


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
    from dataclasses import replace

    from spikeproof.data.catalogue import CATALOGUE

    reader, x, y = clothes(tmp_path)
    entry = replace(CATALOGUE["fashion-mnist"], read=lambda: reader)
    monkeypatch.setitem(CATALOGUE, "fashion-mnist", entry)
    found = store.fingerprint(store._make("fashion-mnist", 0, tmp_path))
    pins = {**store._pinned(), "fashion-mnist": found}
    monkeypatch.setattr(store, "_pinned", lambda: pins)
    monkeypatch.setenv("SPIKEPROOF_DATA", str(tmp_path))
    data = load("fashion-mnist")
    verify("fashion-mnist")
    assert sorted(data.sealed.items.tolist()) == [8, 9, 10, 11]
    for split in (data.train, data.validation, data.sealed):
        data.domain.check(split.x)
        expected = torch.from_numpy(x)[split.items].to(torch.float32)[:, None] / 255
        assert torch.equal(split.x, expected)
        assert torch.equal(split.y, torch.from_numpy(y)[split.items].long())
    store._made.cache_clear()


def test_the_committed_hashes_are_whole() -> None:
    hashes = json.loads((store.PINNED.parent / "cifar10.json").read_text())
    assert set(hashes) == set(FORMS)
    for form, made in FILES.items():
        assert set(hashes[form]) == set(made(*photographs()))
    every = [value for form in hashes.values() for value in form.values()]
    assert all(len(value) == 64 for value in every) and len(set(every)) == len(every)
    assert all(len(describe(name).sha256) == 64 for name in ("cifar10", "fashion-mnist"))
    assert not {"cifar10", "fashion-mnist"} & set(embedded())


@pytest.mark.skipif(
    not (REAL / "fashion-mnist").is_dir(), reason="SPIKEPROOF_DATA holds no fashion-mnist"
)
def test_the_real_clothes_are_the_pinned_ones() -> None:
    data = load("fashion-mnist", folder=REAL)
    assert data.spec == describe("fashion-mnist")
    assert [len(data.train), len(data.validation), len(data.sealed)] == [54000, 6000, 10000]
    assert data.validation.y.bincount().tolist() == [600] * 10
    assert data.sealed.y.bincount().tolist() == [1000] * 10
    store._made.cache_clear()


@pytest.mark.skipif(not (REAL / "cifar10").is_dir(), reason="SPIKEPROOF_DATA holds no cifar10")
def test_a_real_packed_batch_unpacks_to_the_official_records() -> None:
    forms = Cifar10().forms
    x, y = cifar._packed(forms["packed"], REAL, "test_batch")
    records = np.concatenate([y[:, None], x.reshape(len(y), -1)], axis=1).astype(np.uint8)
    wanted = forms["binary"].files["test_batch.bin"]
    assert hashlib.sha256(records.tobytes()).hexdigest() == wanted
