"""``spikeproof joint``: a grid from the command line, its page, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from spikeproof.analysis import summarise_grid
from spikeproof.cli.main import run
from spikeproof.data import load
from spikeproof.evaluate import JointGrid
from spikeproof.models import build, save_model


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network of two views and its twins, untrained."""
    folder, data = tmp_path_factory.mktemp("models"), load("digits-av")
    for name in ("fusion-early", "fusion-early@image", "fusion-early@audio", "fusion-small@image"):
        model = build(name, data, width=1, timesteps=2, seed=1)
        save_model(model, folder / f"{name}.safetensors")
    return folder


def test_a_grid_is_printed_written_and_shown(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "grid"
    command = ["joint", str(models / "fusion-early.safetensors"), "--data", "digits-av"]
    command += [
        f"--twin={models / f'fusion-early@{view}.safetensors'}" for view in ("image", "audio")
    ]
    command += ["--grid", "2", "--most", "1", "--items", "12", "--draws", "1", "--suite", "quick"]
    command += ["--folder", str(place), "--json"]
    assert run(command) == 0
    told = json.loads(capsys.readouterr().out)
    grid = JointGrid.load(place)
    assert told["views"] == ["image", "audio"] and told["factors"] == [0.0, 1.0]
    assert told["radii"] == {"image": [0.0, 0.12], "audio": [0.0, 0.035]}
    assert told["violations"] == {"first": 0, "second": 0, "single": 0}
    values = [[cell["value"] for cell in row] for row in told["robust_accuracy"]]
    assert np.allclose(values, grid.accuracy)
    assert np.allclose(values, [[c.value for c in row] for row in summarise_grid(grid).accuracy])
    page = (place / "joint.html").read_text(encoding="utf-8")
    assert "Robust accuracy on the grid of joint budgets" in page and "Fusion gain" in page
    assert "http" not in page.replace("http-equiv", "")
    # The same command reads what is finished, and prints it for a person.
    assert run([word for word in command if word != "--json"]) == 0
    said = capsys.readouterr().out
    assert "Robust accuracy in %" in said and "fusion gain over" in said


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--view", "audio"], "NAME=THREAT:RADIUS"),
        (["--view", "audio=l7:1"], "Unknown threat 'l7'"),
        (["--view", "audio=linf:1/0"], "is not a radius"),
        (["--view", "audio=linf:0.1", "--view", "audio=l2:1"], "names 'audio' twice"),
        (["--view", "audio=linf:0.1"], "has two views; got audio of image, audio"),
        (["--twin", "fusion-small@image.safetensors"], "is no unimodal twin of fusion-early"),
        (["--grid", "1"], "--grid"),
    ],
)
def test_what_makes_no_grid_is_refused_in_a_sentence(
    models: Path, more: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    more = [str(models / word) if word.endswith(".safetensors") else word for word in more]
    command = ["joint", str(models / "fusion-early.safetensors"), "--data", "digits-av", *more]
    assert run([*command, "--items", "4", "--suite", "quick"]) in (1, 2)
    assert sentence in capsys.readouterr().err
