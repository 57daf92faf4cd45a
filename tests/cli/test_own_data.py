"""Data of a user's own on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from support.saying import Said

RNG = np.random.default_rng(2)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a set whose two classes are dark and bright."""
    monkeypatch.chdir(tmp_path)
    y = np.arange(80) % 2
    x = (RNG.random((80, 1, 8, 8)) * 0.4 + 0.5 * y[:, None, None, None]).astype(np.float32)
    np.savez(tmp_path / "mine.npz", x=x, y=y.astype(np.uint8)[:, None])
    (tmp_path / "made.py").write_text(
        "import numpy as np\n\n"
        "def test_only():\n"
        "    held = np.load('mine.npz')\n"
        "    return {'x_test': held['x'], 'y_test': held['y'], 'name': 'held'}\n"
    )
    return tmp_path


TRAIN = ("train", "--data", "mine.npz", "--width", 2, "--epochs", 2, "--folder", "t")


def test_a_file_is_trained_on_and_audited_and_the_run_is_read(place: Path, said: Said) -> None:
    code, out, error = said(*TRAIN, "--json")
    assert code == 0, error
    result = json.loads(out)
    assert result["data"] == "mine"
    audit = ("audit", result["model"], "--data", "mine.npz", "--threat", "linf", "--radius", "0.5",
             "--suite", "quick", "--items", 6, "--folder", "a")  # fmt: skip
    code, out, error = said(*audit, "--keep-adversarials", "--json")
    assert code == 0, error
    assert json.loads(out)["data"] == "mine" and json.loads(out)["union_accuracy"] < 0.6
    plan = json.loads((place / "a" / "plan.json").read_text())
    assert plan["plan"]["data"][0]["source"] == "mine.npz"
    assert len(plan["plan"]["data"][0]["sha256"]) == 64
    code, out, error = said("verify", "a")
    assert code == 0 and "inputs scored again" in out, (out, error)
    for command in (("report", "a"), ("study", "status", "a"), ("compare", "a", "a")):
        assert said(*command)[0] == 0, command
    (place / "mine.npz").rename(place / "elsewhere.npz")
    code, _, error = said("verify", "a")
    assert code == 1 and "There is no data file at mine.npz" in error
    code, _, error = said(*audit)
    assert code == 1 and "There is no data file at mine.npz" in error
    np.savez(place / "mine.npz", x=RNG.random((40, 1, 8, 8)), y=np.arange(40) % 2)
    code, _, error = said(*audit)
    assert code == 1 and "another" in error and len(error.strip().splitlines()) == 1


def test_a_function_gives_the_items_of_an_audit(place: Path, said: Said) -> None:
    model = json.loads(said(*TRAIN, "--json")[1])["model"]
    audit = ("audit", model, "--threat", "linf", "--radius", "0.05", "--suite", "quick",
             "--items", 4, "--folder", "a", "--json", "--data")  # fmt: skip
    code, out, error = said(*audit, "made.py:test_only")
    assert code == 0 and json.loads(out)["data"] == "held", error
    code, _, error = said("train", "--data", "made.py:test_only", "--width", 2)
    assert code == 1 and "held has test items only" in error
    code, _, error = said("certify", model, "--data", "made.py:test_only", "--radius", "0.001")
    assert code == 0, error


def test_check_says_what_it_sees(place: Path, said: Said) -> None:
    code, out, _ = said("data", "check", "mine.npz")
    assert code == 0
    for part in (
        "image of shape (1, 8, 8)",
        "2 classes",
        "train",
        "linf: 0.05, 0.1, 0.2",
        "note: linf is a tenth of the range",
        "in two splits: train, validation: 0",
    ):
        assert part in out, part  # fmt: skip
    code, out, _ = said("data", "check", "mine.npz", "--json")
    seen = json.loads(out)
    assert seen["splits"]["train"]["n"] == 48 and seen["equal"]["train, test"] == 0
    assert said("data", "check", "digits")[0] == said("data", "check", "digits-av")[0] == 0


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("mne.npz", "There is no data file at mne.npz"),
        ("digit", "Did you mean 'digits'"),
        ("made.py:tset_only", "Did you mean 'test_only'"),
        ("made.py", "is no folder and no .npz file"),
    ],
)
def test_data_that_are_none_are_refused_in_a_sentence(
    place: Path, said: Said, data: str, sentence: str
) -> None:
    for command in (("data", "check", data), ("train", "--data", data)):
        code, out, error = said(*command)
        assert code in (1, 2) and out == "" and sentence in " ".join(error.split()), error
