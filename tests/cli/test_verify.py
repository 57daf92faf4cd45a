"""``spikeproof verify``, and commands that meet each other in one folder."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from spikeproof.base import Lease
from spikeproof.cli.main import run
from support.saying import Said

TRAIN = ("train", "--data", "digits", "--width", "2", "--timesteps", "1", "--epochs", "1")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training."""
    folder = tmp_path_factory.mktemp("trained") / "mine"
    assert run([*TRAIN, "--folder", str(folder)]) == 0
    return folder


@pytest.fixture
def copy(trained: Path, tmp_path: Path) -> Path:
    """The same for a test that changes it."""
    return Path(shutil.copytree(trained, tmp_path / "mine"))


def flip(path: Path, place: int) -> None:
    """Change one bit of a file."""
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def test_a_training_and_its_model_are_verified_in_one_line(said: Said, copy: Path) -> None:
    for path in (copy, copy / "model.safetensors", copy / "training.safetensors"):
        code, out, err = said("verify", path)
        assert (code, out.count("\n"), err) == (0, 1, "")
        assert "what its records say" in out
    code, out, _ = said("verify", copy, "--json")
    assert (code, json.loads(out)["sound"], json.loads(out)["kind"]) == (0, True, "training")


@pytest.mark.parametrize("name", ["model.safetensors", "training.safetensors"])
def test_a_changed_file_of_a_training_is_named(said: Said, copy: Path, name: str) -> None:
    flip(copy / name, -2)
    code, out, _ = said("verify", copy)
    assert code == 1
    assert "NOT what its records say, 1 changed" in out
    assert str(copy / name) in out
    code, out, _ = said("verify", copy, "--json")
    assert code == 1
    assert [name in one for one in json.loads(out)["changed"]] == [True]


def test_a_changed_card_is_named(said: Said, copy: Path) -> None:
    path = copy / "model.card.json"
    content = json.loads(path.read_text())
    content["model"]["sha256"] = "0" * 64
    path.write_text(json.dumps(content))
    code, out, _ = said("verify", copy)
    assert code == 1
    assert "model.card.json is about" in out


def test_what_cannot_be_verified_is_one_sentence(said: Said, tmp_path: Path) -> None:
    for path in (tmp_path / "nothing", tmp_path):
        code, out, err = said("verify", path)
        assert (code, out, err.count("\n")) == (1, "", 1)
        assert "There is nothing to verify" in err


def test_names_with_commands_for_the_terminal_are_spelt_out(said: Said, tmp_path: Path) -> None:
    path = tmp_path / "red\x1b[31m.json"
    path.write_text("{}")
    code, out, _ = said("verify", path)
    assert code == 1
    assert "\x1b" not in out
    assert "red\\x1b[31m.json" in out


def test_a_second_training_in_one_folder_is_refused_by_name(said: Said, copy: Path) -> None:
    before = {path: path.read_bytes() for path in copy.iterdir()}
    program = (
        "import sys, time\n"
        "from spikeproof.base import Lease\n"
        "with Lease(sys.argv[1], 'training'):\n"
        "    print('held', flush=True)\n"
        "    time.sleep(60)\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(copy)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    try:
        code, _, err = said(*TRAIN, "--folder", copy)
        assert code == 1
        assert f"Process {holder.pid} on " in err
        assert f"is already training in {copy}; wait for it" in err
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    assert {path: path.read_bytes() for path in before} == before
    assert said(*TRAIN, "--folder", copy)[0] == 0
    assert not (copy / ".lock").exists()


def test_a_training_whose_folder_another_thread_holds_is_refused(said: Said, copy: Path) -> None:
    with Lease(copy, "training"):
        code, _, err = said(*TRAIN, "--folder", copy)
    assert code == 1
    assert "is already training" in err
