"""Where a command computes, and how much at a time: refused before anything else is done."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from spikeproof.cli.main import run

COMMANDS = {
    "train": ["train", "--data", "digits", "--model", "dense"],
    "audit": ["audit", "no-such-model.safetensors", "--data", "digits"],
    "study": ["study", "run", "quick"],
}
each_command = pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)


@each_command
def test_a_device_that_is_not_there_is_one_sentence(
    command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is one here")
    monkeypatch.chdir(tmp_path)
    assert run([*command, "--device", "cuda:1"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1].endswith("device cuda:1: torch sees no CUDA device here; use cpu.")
    assert not list(tmp_path.iterdir())


@each_command
def test_a_device_that_does_not_exist_is_a_wrong_command_line(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*command, "--device", "tpu"]) == 2
    assert "Unknown device 'tpu'; write cpu, cuda or cuda:0." in capsys.readouterr().err


@pytest.mark.parametrize("command", [COMMANDS["audit"], COMMANDS["study"]])
def test_a_batch_holds_one_row_at_least(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*command, "--batch-size", "0"]) == 2
    assert "--batch-size" in capsys.readouterr().err
