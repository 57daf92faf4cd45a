"""The checkpoint: exact resume after SIGKILL, refusals, and disks that do not co-operate."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from spikeproof.base import Diverged, FileProblem, SettingError
from spikeproof.data import Dataset, Split
from spikeproof.models import model_digest, read_tensors, write_tensors
from spikeproof.train import (
    LOG,
    WALL,
    CrossEntropy,
    History,
    Objective,
    SparseGradient,
    Training,
    fit,
)
from spikeproof.train.checkpoint import _digest
from spikeproof.train.measure import Measured
from spikeproof.train.run import Run

ERROR = Objective({"error": (1.0, CrossEntropy())})
SPARSE = Objective({"error": (1.0, CrossEntropy()), "sparse": (0.1, SparseGradient())})
QUICK = Training(batch_size=16, learning_rate=0.05)
NAME = "training.safetensors"


class Stop(Exception):
    """Raised by the hook to break a run off."""


def stop_after(last: int) -> Callable[..., None]:
    """A hook that breaks the run off after epoch ``last``."""

    def hook(epoch: int, *rest: object) -> None:
        if epoch == last:
            raise Stop

    return hook


def run(model: Callable[..., Any], data: Dataset, folder: Path | None, **settings: Any) -> Any:
    """One call of fit on a new model: the model and its history."""
    net = model(settings.pop("first", 0))
    arguments: dict[str, Any] = {"epochs": 4, "settings": QUICK, "directory": folder, **settings}
    return net, fit(net, data, arguments.pop("objective", SPARSE), **arguments)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
def test_a_run_killed_at_many_moments_ends_with_the_bytes_of_an_unbroken_one(
    told_by: Callable[[str, Path], dict[str, Any]], tmp_path: Path
) -> None:
    result = told_by("resumable.py", tmp_path)
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
    settings = Training(batch_size=16, learning_rate=0.05, optimizer=optimizer)
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


@pytest.mark.parametrize(
    ("change", "phrase"),
    [
        ({"seed": 1}, "seed was 0, is 1"),
        ({"epochs": 5}, "epochs was 4, is 5"),
        ({"objective": ERROR}, "objective.terms.sparse was"),
        (
            {"settings": Training(batch_size=16, learning_rate=0.1)},
            "settings.learning_rate was 0.05, is 0.1",
        ),
        ({"first": 1}, "first weights was"),
    ],
)
def test_another_run_in_the_same_folder_is_refused(
    model: Callable[..., Any],
    data: Dataset,
    tmp_path: Path,
    change: dict[str, Any],
    phrase: str,
) -> None:
    run(model, data, tmp_path)
    content = (tmp_path / NAME).read_bytes()
    with pytest.raises(SettingError, match="belongs to another training run") as caught:
        run(model, data, tmp_path, **change)
    assert phrase in str(caught.value)
    assert (tmp_path / NAME).read_bytes() == content


def test_other_data_in_the_same_folder_are_refused(
    model: Callable[..., Any],
    data: Dataset,
    dataset: Callable[..., Dataset],
    tmp_path: Path,
) -> None:
    run(model, data, tmp_path)
    y = data.validation.y.clone()
    y[0] = 1 - y[0]
    other = dataset(data.train, Split(data.validation.x, y, data.validation.items))
    with pytest.raises(SettingError, match="data was"):
        run(model, other, tmp_path)


def test_another_architecture_in_the_same_folder_is_refused(
    model: Callable[..., Any], data: Dataset, tmp_path: Path
) -> None:
    run(model, data, tmp_path)
    with torch.random.fork_rng(devices=[]):
        other = nn.Linear(4, 2)
    with pytest.raises(SettingError, match=r"architecture\.class was \"Counted\", is \"Linear\""):
        fit(other, data, SPARSE, epochs=4, settings=QUICK, directory=tmp_path)


def damage(path: Path, how: str) -> None:
    """Spoil a file in one of the ways that files spoil."""
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    spoilt = {
        "truncated": content[: len(content) // 2],
        "empty": b"",
        "no header": content[:4],
        "one bit flipped": content[: size + 40]
        + bytes([content[size + 40] ^ 1])
        + content[size + 41 :],
        "html": b"<!DOCTYPE html><html>not found</html>",
    }
    path.write_bytes(spoilt[how])


@pytest.mark.parametrize("how", ["truncated", "empty", "no header", "one bit flipped", "html"])
def test_a_spoilt_checkpoint_is_named_with_the_remedy(
    model: Callable[..., Any], data: Dataset, tmp_path: Path, how: str
) -> None:
    run(model, data, tmp_path)
    damage(tmp_path / NAME, how)
    content = (tmp_path / NAME).read_bytes()
    with pytest.raises(FileProblem) as caught:
        run(model, data, tmp_path)
    assert str(tmp_path / NAME) in str(caught.value)
    assert "Delete" in str(caught.value)
    assert (tmp_path / NAME).read_bytes() == content, "left for its owner to look at"


def test_a_file_that_is_no_checkpoint_is_refused(
    model: Callable[..., Any], data: Dataset, tmp_path: Path
) -> None:
    write_tensors(tmp_path / NAME, {"weight": torch.zeros(2)}, {"schema": 1})
    with pytest.raises(FileProblem, match="is not a training checkpoint"):
        run(model, data, tmp_path)


def test_a_checkpoint_without_its_tensors_is_refused(
    model: Callable[..., Any], data: Dataset, tmp_path: Path
) -> None:
    run(model, data, tmp_path)
    tensors, header = read_tensors(tmp_path / NAME)
    kept = {name: t for name, t in tensors.items() if not name.startswith("model.body.0")}
    write_tensors(tmp_path / NAME, kept, {**header, "tensors_sha256": _digest(kept)})
    with pytest.raises(FileProblem, match="does not hold a whole training state"):
        run(model, data, tmp_path)


def test_another_version_of_torch_is_pointed_out(
    model: Callable[..., Any], data: Dataset, tmp_path: Path
) -> None:
    run(model, data, tmp_path)
    tensors, header = read_tensors(tmp_path / NAME)
    write_tensors(tmp_path / NAME, tensors, {**header, "versions": {"torch": "1.0"}})
    with pytest.warns(UserWarning, match="last bits may differ"):
        run(model, data, tmp_path)


def test_a_folder_that_cannot_be_made_is_found_before_training(
    model: Callable[..., Any], data: Dataset, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    net = model()
    with pytest.raises(FileProblem, match="Cannot write"):
        fit(net, data, ERROR, epochs=1, directory=tmp_path / "file" / "run")
    assert not net.modes


def test_a_disk_without_room_is_found_before_training(
    model: Callable[..., Any],
    data: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from collections import namedtuple

    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(100, 100, 0))
    net = model()
    with pytest.raises(FileProblem, match="0 MB are free"):
        fit(net, data, ERROR, epochs=1, directory=tmp_path)
    assert not net.modes


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
