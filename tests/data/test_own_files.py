"""Data of a user's own in files, folders and functions."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from spikeproof.base import CodeFile, FileProblem, InputError, SettingError, SpikeproofError
from spikeproof.data import Dataset, is_own, open_data, stamp_of
from support.damaged_data import judged, sound

RNG = np.random.default_rng(1)
X, Y = RNG.random((40, 1, 6, 6), dtype=np.float32), np.arange(40) % 2


def npz(path: Path, **arrays: Any) -> str:
    np.savez(path, **arrays)
    return str(path)


def test_an_npz_is_the_set_of_its_arrays(tmp_path: Path) -> None:
    path = npz(tmp_path / "mine.npz", x=X, y=Y)
    data = open_data(path)
    assert data.spec.sha256 == Dataset.from_arrays(X, Y).spec.sha256
    assert (data.spec.name, data.spec.reference) == ("mine", path)
    assert open_data(path, name="other").spec.name == "other"
    assert open_data(path, seed=1).spec.sha256 != data.spec.sha256


@pytest.mark.parametrize(
    "names",
    [
        ("x_train", "y_train", "x_test", "y_test"),
        ("train_images", "train_labels", "test_images", "test_labels"),
    ],
)
def test_splits_in_an_npz_stay_what_they_are(tmp_path: Path, names: tuple[str, ...]) -> None:
    parts = dict(zip(names, (X[:30], Y[:30], X[30:], Y[30:, None]), strict=True))
    data = open_data(npz(tmp_path / "a.npz", **parts))
    assert len(data.sealed) == 10 and len(data.train) + len(data.validation) == 30
    same = Dataset.from_splits(train=(X[:30], Y[:30]), test=(X[30:], Y[30:]))
    assert data.spec.sha256 == same.spec.sha256


def test_facts_stand_beside_the_arrays(tmp_path: Path) -> None:
    path = npz(tmp_path / "a.npz", x=X * 255, y=Y, high=255, integer=False, classes=3,
               name=np.array("scans"), kind="image", licence="mine alone",
               radii_linf=[4, 8], split=np.arange(40) % 4 // 2 * 2)  # fmt: skip
    data = open_data(path)
    assert (data.spec.name, data.spec.classes, data.domain.high) == ("scans", 3, 255)
    assert data.spec.radii == {"linf": (4.0, 8.0)} and data.spec.licence == "mine alone"
    assert data.sealed.items.tolist() == list(range(20, 40))  # numbered over the splits
    np.testing.assert_array_equal(data.sealed.x, (X * 255)[np.arange(40) % 4 // 2 == 1])


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"x": X}, "holds x and no y; add it"),
        ({"z": X}, "unknown array 'z'"),
        ({"x": X, "y": Y, "hihg": 1}, "unknown array 'hihg'. Did you mean 'high'"),
        ({"x": X, "y": Y, "x_test": X, "y_test": Y}, "holds both x and x_test"),
        ({"x_train": X, "y_train": Y}, "needs test items"),
        ({"low": 0.0}, "neither x and y nor x_test and y_test"),
        ({"x": X, "y": Y, "high": "a"}, "high must be one number"),
        ({"x": X, "y": Y, "kind": 3}, "kind must be one text"),
        ({"x": X, "y": Y, "kind": "picture"}, "Unknown kind of input 'picture'"),
        ({"x": X, "y": Y, "radii_linf": np.array([0.1j])}, "must be ascending numbers"),
        ({"x": X, "y": Y, "split": np.zeros(3)}, "split must hold 0"),
        ({"x": X, "y": Y[:3], "split": Y}, "one entry an item each"),
        ({"x": X * 3, "y": Y}, "Rescale or clip|0..255"),
        ({"x": X, "y": np.array([None] * 40)}, "not read"),
    ],
)
def test_an_npz_that_is_no_data_set_is_refused(
    tmp_path: Path, arrays: dict[str, Any], sentence: str
) -> None:
    path = npz(tmp_path / "a.npz", **arrays)
    with pytest.raises(SpikeproofError, match=sentence) as caught:
        open_data(path)
    assert "a.npz" in str(caught.value)


def test_every_form_of_folder_is_read(tmp_path: Path) -> None:
    made = sound(tmp_path / "sound")
    whole, split = open_data(str(made["pictures"])), open_data(str(made["split pictures"]))
    assert whole.domain.shape == split.domain.shape == (1, 12, 12)
    assert whole.domain.high == 1 and whole.train.x.max() <= 1
    assert len(split.sealed) == 6 and split.sealed.y.tolist() == [0, 0, 0, 1, 1, 1]
    arrays = open_data(str(made["arrays"]))
    assert len(arrays.sealed) == 24 and arrays.spec.name == "arrays"
    assert open_data(str(made["classes of arrays"])).domain.shape == (1, 4, 4)


def test_a_picture_is_its_levels_by_255(tmp_path: Path) -> None:
    levels = np.arange(75, dtype=np.uint8).reshape(5, 5, 3)
    for label in ("2", "10"):
        for number in range(8):
            path = tmp_path / "rgb" / label / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(levels + number).save(path)
    (tmp_path / "rgb" / "2" / ".DS_Store").write_text("litter")
    data = open_data(str(tmp_path / "rgb"))
    assert data.domain.shape == (3, 5, 5) and data.spec.classes == 2
    items = sorted((int(i), x) for i, x in zip(data.train.items, data.train.x, strict=True))
    first = items[0]
    expected = (levels + first[0] % 8).transpose(2, 0, 1).astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(first[1].numpy(), expected)
    assert set(data.train.y[data.train.items < 8].tolist()) == {0}  # "2" comes before "10"


@pytest.mark.parametrize(
    ("path", "content", "sentence"),
    [
        ("0/a.txt", b"x", "neither a picture"),
        ("0/0.png", b"x", "cannot be read"),
        ("loose.png", b"x", "holds loose.png"),
        ("x.npy", b"x", "both arrays and folders"),
        ("data.toml", b"high = ", "is not TOML"),
        ("data.toml", b"colour = 3", "unknown setting 'colour'"),
        ("data.toml", b'mode = "CMYK"', "Unknown mode"),
        ("data.toml", b"classes = 1", "classes must be a whole number >= 2"),
    ],
)
def test_a_folder_that_is_no_data_set_is_refused(
    tmp_path: Path, path: str, content: bytes, sentence: str
) -> None:
    folder = sound(tmp_path / "sound")["pictures"]
    (folder / path).write_bytes(content)
    with pytest.raises(SpikeproofError, match=sentence):
        open_data(str(folder))


def test_pictures_of_other_modes_are_told_apart(tmp_path: Path) -> None:
    folder = sound(tmp_path / "sound")["pictures"]
    odd = folder / "0" / "0.png"
    Image.new("RGBA", (12, 12)).save(odd)
    with pytest.raises(InputError, match='mode RGBA.*write mode = "RGB" or "L"'):
        open_data(str(folder))
    Image.new("RGB", (12, 12)).save(odd)
    with pytest.raises(InputError, match="one shape and type"):
        open_data(str(folder))
    (folder / "data.toml").write_text('mode = "L"')
    assert open_data(str(folder)).domain.shape == (1, 12, 12)
    Image.fromarray(np.full((12, 12), 1000, np.uint16)).save(odd)
    with pytest.raises(InputError, match="of mode I"):
        open_data(str(folder))


def test_links_in_a_folder_are_not_followed(tmp_path: Path) -> None:
    folder = sound(tmp_path / "sound")["pictures"]
    os.symlink("/etc/hostname", folder / "0" / "x.png")
    with pytest.raises(FileProblem, match="links in a data set are not followed"):
        open_data(str(folder))


CODE = """
import numpy as np
calls = []

def arrays():
    return np.random.default_rng(1).random((40, 1, 6, 6), dtype=np.float32), np.arange(40) % 2

def table():
    x, y = arrays()
    return {"x_test": x, "y_test": y, "high": 1.0, "name": "made"}

def whole():
    from spikeproof.data import Dataset
    return Dataset.from_arrays(*arrays(), name="whole")

def fails():
    raise KeyError("no such thing")

def nothing():
    return None
"""


def test_a_function_makes_a_set(tmp_path: Path) -> None:
    (tmp_path / "made.py").write_text(CODE)
    at = f"{tmp_path / 'made.py'}:"
    data = open_data(f"{at}arrays")
    assert data.spec.sha256 == Dataset.from_arrays(X, Y).spec.sha256
    assert (data.spec.name, data.spec.reference) == ("arrays", f"{at}arrays")
    assert open_data(f"{at}table").spec.name == "made"
    whole = open_data(f"{at}whole")
    assert (whole.spec.name, whole.spec.reference) == ("whole", f"{at}whole")
    for name, sentence in {
        "fails": r"fails\(\) failed in line 17: KeyError: 'no such thing'",
        "nothing": "must return a Dataset",
        "array": "Did you mean 'arrays'",
    }.items():
        with pytest.raises(SpikeproofError, match=sentence):
            open_data(at + name)


def test_a_function_of_data_leaves_the_process_as_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code = """
import os, random, sys
import numpy, torch
sys.path.insert(0, "elsewhere")
sys.argv.append("x")
torch.set_default_dtype(torch.float64)
print("imported")

def draws():
    print("called")
    os.chdir("/")
    numpy.random.seed(7)
    return torch.rand(()).item(), random.random(), numpy.random.rand()

def leaves():
    raise SystemExit(3)
"""
    (tmp_path / "made.py").write_text(code)
    draws, leaves = (CodeFile(tmp_path / "made.py", name) for name in ("draws", "leaves"))
    before = torch.get_rng_state(), random.getstate(), list(sys.path), list(sys.argv)
    assert draws() == draws()
    assert torch.equal(torch.get_rng_state(), before[0]) and random.getstate() == before[1]
    assert (sys.path, sys.argv, Path.cwd()) == (before[2], before[3], tmp_path)
    assert torch.get_default_dtype() == torch.float32 and capsys.readouterr() == ("", "")
    with pytest.raises(SettingError, match=r"leaves\(\) exits in line 16: SystemExit: 3"):
        leaves()


def test_a_file_is_imported_once_per_content_and_finds_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "neighbour_of_made.py").write_text("value = 3\n")
    path = tmp_path / "made.py"
    path.write_text("import neighbour_of_made\ndef f():\n    return neighbour_of_made.value\n")
    code = CodeFile.parse(f"{path}:f")
    assert code is not None and code() == 3 and code.find() is code.find()
    path.write_text("def f():\n    return 4\n")
    assert code() == 4
    path.write_text("def f(:\n")
    with pytest.raises(SettingError, match="Importing .* fails.*SyntaxError"):
        code()
    path.unlink()
    with pytest.raises(FileProblem, match="There is no Python file"):
        code()


def test_two_files_with_neighbours_of_one_name_each_import_their_own(tmp_path: Path) -> None:
    codes = []
    for value in ("3", "4"):
        folder = tmp_path / value
        folder.mkdir()
        (folder / "neighbour_of_both.py").write_text(f"value = {value}\n")
        late = "def g():\n    import neighbour_of_both as late\n    return late.value\n"
        early = "import neighbour_of_both\ndef f():\n    return neighbour_of_both.value\n"
        (folder / "made.py").write_text(early + late)
        codes += [CodeFile(folder / "made.py", name) for name in ("f", "g")]
    assert [code() for code in codes] == [3, 3, 4, 4]
    assert [code() for code in reversed(codes)] == [4, 4, 3, 3]
    assert "neighbour_of_both" not in sys.modules


@pytest.mark.parametrize(
    ("reference", "sentence"),
    [
        ("digit", "Unknown data set 'digit'. Did you mean 'digits'.*FILE.npz"),
        ("no/such", "does not exist; data are"),
        ("none.npz", "There is no data file at none.npz"),
        ("none.py:f", "There is no Python file at none.py"),
        ("", "Unknown data set"),
        ("a\0b", "Unknown data set"),
        ("a\0b.npz", "There is no data file"),
    ],
)
def test_what_is_not_there_is_said_in_a_sentence(reference: str, sentence: str) -> None:
    with pytest.raises(SpikeproofError, match=sentence):
        open_data(reference)


def test_sets_of_the_package_come_by_name_even_beside_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "digits").mkdir()
    monkeypatch.chdir(tmp_path)
    assert open_data("digits").spec.reference is None and not is_own("digits")
    assert is_own("./digits")


def test_a_stamp_changes_with_the_files(tmp_path: Path) -> None:
    folder = sound(tmp_path / "sound")["pictures"]
    before = stamp_of(str(folder))
    assert before == stamp_of(str(folder))
    (folder / "0" / "0.png").write_bytes(b"other")
    assert before != stamp_of(str(folder))
    with pytest.raises(FileProblem, match="There are no data at"):
        stamp_of(str(tmp_path / "gone.npz"))


def test_a_sample_of_damaged_data_is_refused_or_read(tmp_path: Path) -> None:
    found = judged(60, 0, tmp_path, bombs=False)
    assert found["refused"] > 20 and found["read"] > 2
