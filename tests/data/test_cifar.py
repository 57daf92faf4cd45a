"""The photographs of CIFAR-10 in each of their forms, made by hand, and the real ones."""

from __future__ import annotations

import hashlib
import io
import lzma
import pickle
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from spikeproof.base import FileProblem
from spikeproof.data import Cifar10, describe, embedded, load
from spikeproof.data.sets import cifar10 as cifar
from spikeproof.data.sets.cifar10 import BATCHES, FORMS
from support.published_files import REAL, source


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


def test_without_any_file_the_official_form_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match=r"There is no data_batch_1\.bin.*www\.cs\.toronto\.edu"):
        load("cifar10", folder=tmp_path)


def test_the_committed_hashes_are_whole() -> None:
    hashes = {form: source.files for form, source in Cifar10().forms.items()}
    assert set(hashes) == set(FORMS)
    for form, made in FILES.items():
        assert set(hashes[form]) == set(made(*photographs()))
    every = [value for form in hashes.values() for value in form.values()]
    assert all(len(value) == 64 for value in every) and len(set(every)) == len(every)
    assert all(len(describe(name).sha256) == 64 for name in ("cifar10", "fashion-mnist"))
    assert not {"cifar10", "fashion-mnist"} & set(embedded())


@pytest.mark.skipif(not (REAL / "cifar10").is_dir(), reason="SPIKEPROOF_DATA holds no cifar10")
def test_a_real_packed_batch_unpacks_to_the_official_records() -> None:
    forms = Cifar10().forms
    x, y = cifar._packed(forms["packed"], REAL, "test_batch")
    records = np.concatenate([y[:, None], x.reshape(len(y), -1)], axis=1).astype(np.uint8)
    wanted = forms["binary"].files["test_batch.bin"]
    assert hashlib.sha256(records.tobytes()).hexdigest() == wanted
