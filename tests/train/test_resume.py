"""The checkpoint: exact resume after SIGKILL, after a break, a full disk and a divergence."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from spikeproof.base import Diverged, FileProblem
from spikeproof.data import Dataset
from spikeproof.models import model_digest
from spikeproof.train import LOG, WALL, CrossEntropy, History, TrainingSettings, fit
from spikeproof.train.loop.run import Run
from spikeproof.train.loop.validate import Measured
from support.interrupted import NAME, Stop, run, stop_after
from support.small_runs import ERROR, QUICK


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
def test_a_run_killed_at_many_moments_ends_with_the_bytes_of_an_unbroken_one(
    told_by: Callable[[str, Path], dict[str, Any]], tmp_path: Path
) -> None:
    result = told_by("resumable", tmp_path)
    assert all(result["same"].values()), result
    # Four are certain (around a write); how many of the five timed ones hit depends on the machine.
    assert result["kills"] >= 4, result
    files = ["outcome.json", LOG, NAME, WALL]
    assert result["files"] == files, "what killed runs leave behind is cleared"


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("last", [1, 3])
def test_a_run_broken_off_and_resumed_equals_an_unbroken_one(
    model: Callable[..., Any], data: Dataset, tmp_path: Path, optimizer: str, last: int
) -> None:
    settings = TrainingSettings(batch_size=16, learning_rate=0.05, optimizer=optimizer)
    whole, expected = run(model, data, None, settings=settings)
    with pytest.raises(Stop):
        run(model, data, tmp_path, settings=settings, progress=stop_after(last))
    heard: list[int] = []
    net, history = run(
        model, data, tmp_path, settings=settings, progress=lambda epoch, *_: heard.append(epoch)
    )
    assert heard == list(range(last + 1, 5)), "finished epochs are not trained again"
    assert model_digest(net) == model_digest(whole)
    assert history == expected


def test_the_best_weights_survive_a_break(
    model: Callable[..., Any], data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = {}

    def measure(self: Run, number: int) -> Measured:
        weights[number] = model_digest(self.model)
        return Measured(
            validation_accuracy=1.0 - 0.1 * number, validation_loss=0.5, clean_accuracy=0.0
        )

    monkeypatch.setattr(Run, "_measure", measure)
    with pytest.raises(Stop):
        run(model, data, tmp_path, progress=stop_after(3))
    net, history = run(model, data, tmp_path)
    assert history.best_epoch == 1
    assert model_digest(net) == weights[1] != weights[4]


def test_a_finished_run_is_handed_out_without_training(
    model: Callable[..., Any], data: Dataset, tmp_path: Path
) -> None:
    net, history = run(model, data, tmp_path)
    content = (tmp_path / NAME).read_bytes()
    again, same = run(model, data, tmp_path)
    assert not again.modes
    assert model_digest(again) == model_digest(net)
    assert same == history
    assert (tmp_path / NAME).read_bytes() == content


def test_a_folder_does_not_change_the_run(
    model: Callable[..., Any], data: Dataset, tmp_path: Path
) -> None:
    net, history = run(model, data, tmp_path / "new" / "folder")
    other, plain = run(model, data, None)
    assert model_digest(net) == model_digest(other)
    assert history == plain


def test_a_disk_that_fills_up_leaves_the_last_epoch_to_resume_from(
    model: Callable[..., Any],
    data: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole, expected = run(model, data, None)
    fsync, writes = os.fsync, [0]

    def full(handle: int) -> None:
        writes[0] += 1
        if writes[0] > 3:  # the probe and two epochs
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(FileProblem, match="No space left"):
            run(model, data, tmp_path)
    assert not list(tmp_path.glob(f".{NAME}*"))
    net, history = run(model, data, tmp_path)
    assert model_digest(net) == model_digest(whole)
    assert history == expected


def test_a_run_that_diverges_leaves_its_checkpoint_intact(
    model: Callable[..., Any], data: Dataset, tmp_path: Path
) -> None:
    class Trap:
        calls = 0

    def broken(self: CrossEntropy, clean: Any) -> Any:
        Trap.calls += 1
        value = original(self, clean)
        return value * float("nan") if Trap.calls > 12 else value

    original = CrossEntropy.__call__
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CrossEntropy, "__call__", broken)
        with pytest.raises(Diverged):
            run(model, data, tmp_path)
    net, history = run(model, data, tmp_path)
    whole, expected = run(model, data, None)
    assert isinstance(history, History)
    assert model_digest(net) == model_digest(whole)
    assert history == expected


def test_tied_weights_can_be_saved(data: Dataset, tmp_path: Path) -> None:
    def tied() -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            first = nn.Linear(4, 4)
            last = nn.Linear(4, 4)
            last.weight = first.weight
            return nn.Sequential(first, nn.Tanh(), last, nn.Linear(4, 2))

    nets = [tied(), tied()]
    for net in nets:
        fit(net, data, ERROR, epochs=2, settings=QUICK, directory=tmp_path)
    assert model_digest(nets[0]) == model_digest(nets[1])
