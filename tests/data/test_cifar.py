"""CIFAR-10: the binary files, what is refused, and the unpacking of early folders."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import lzma
import pickle
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from spikeproof.base import FileProblem
from spikeproof.data import Cifar10, load
from support.published_files import REAL, source

BATCHES = [name.removesuffix(".bin") for name in Cifar10().published.files]


def unpacking() -> ModuleType:
    """The script that unpacks the form of early versions."""
    path = Path(__file__).resolve().parents[2] / "scripts" / "unpack_cifar10.py"
    spec = importlib.util.spec_from_file_location("unpack_cifar10", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def photographs() -> tuple[np.ndarray, np.ndarray]:
    """Three photographs for each of the six batches, and their labels."""
    generator = np.random.default_rng(1)
    smooth = generator.integers(0, 256, (18, 3, 8, 8)).repeat(4, 2).repeat(4, 3)
    x = (smooth + generator.integers(-3, 4, smooth.shape)) % 256
    return x.astype(np.uint8), generator.integers(0, 10, 18).astype(np.uint8)


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


def test_the_binary_files_are_read_as_they_were_written(tmp_path: Path) -> None:
    x, y = photographs()
    found = Cifar10(published=source(binary_files(x, y), tmp_path))(tmp_path)
    assert found.official == 15
    assert np.array_equal(found.x.numpy(), x)
    assert np.array_equal(found.y.numpy(), y)
    assert Cifar10().values(found.x).max() <= 1


def test_a_file_without_whole_records_is_refused(tmp_path: Path) -> None:
    files = dict.fromkeys(Cifar10().published.files, b"short")
    with pytest.raises(FileProblem, match=r"data_batch_1\.bin does not hold whole records"):
        Cifar10(published=source(files, tmp_path))(tmp_path)


@pytest.mark.parametrize("place", ["cifar-10-batches-py", "cifar10", "."])
def test_a_python_batch_that_is_not_the_published_one_is_refused_unread(
    place: str, tmp_path: Path
) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "sprung",))  # type: ignore[return-value]

    (tmp_path / place).mkdir(exist_ok=True)
    for name in BATCHES:
        (tmp_path / place / name).write_bytes(pickle.dumps(Trap()))
    with pytest.raises(FileProblem, match=r"data_batch_1 is not the published file.*md5"):
        load("cifar10", folder=tmp_path)
    files = {name: pickle.dumps(Trap()) for name in BATCHES}
    with pytest.raises(FileProblem, match="nothing else is read from a pickle"):
        Cifar10(python=source(files, tmp_path / "own"))(tmp_path / "own")
    assert not (tmp_path / "sprung").exists()


def test_beside_the_binary_files_the_python_ones_are_left_alone(tmp_path: Path) -> None:
    x, y = photographs()
    reader = Cifar10(published=source(binary_files(x, y), tmp_path))
    (tmp_path / "data_batch_1").write_bytes(b"whatever")
    assert len(reader(tmp_path).y) == 18


def test_without_any_file_the_binary_version_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match=r"There is no data_batch_1\.bin.*www\.cs\.toronto\.edu"):
        load("cifar10", folder=tmp_path)


def test_the_packed_form_of_early_versions_unpacks_to_the_binary_files(tmp_path: Path) -> None:
    x, y = photographs()
    for name, content in packed_files(x, y).items():
        (tmp_path / name).write_bytes(content)
    for name, content in binary_files(x, y).items():
        assert unpacking().records(tmp_path, name.removesuffix(".bin")) == content


def test_what_does_not_unpack_to_the_published_files_is_not_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, content in packed_files(*photographs()).items():
        (tmp_path / name).write_bytes(content)
    assert unpacking().main([str(tmp_path), str(tmp_path / "out")]) == 1
    assert "data_batch_1.bin does not come out as it was published" in capsys.readouterr().err
    assert not list((tmp_path / "out").rglob("*.bin"))


@pytest.mark.skipif(
    not (REAL / "cifar10" / "test_batch.mrx.xz").is_file(), reason="no packed cifar10 here"
)
def test_a_real_packed_batch_unpacks_to_the_official_records() -> None:
    content = unpacking().records(REAL / "cifar10", "test_batch")
    assert hashlib.sha256(content).hexdigest() == Cifar10().published.files["test_batch.bin"]
