"""Checkpoints that are refused: of another run, spoilt, or where no file can be written."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from spikeproof.base import FileProblem, SettingError
from spikeproof.data import Dataset, Split
from spikeproof.models import read_tensors, write_tensors
from spikeproof.train import LOG, WALL, TrainingSettings, fit
from support.interrupted import NAME, SPARSE, run
from support.small_runs import ERROR, QUICK


@pytest.mark.parametrize(
    ("change", "phrase"),
    [
        ({"seed": 1}, "seed was 0, is 1"),
        ({"epochs": 5}, "epochs was 4, is 5"),
        ({"objective": ERROR}, "objective.terms.sparse was"),
        (
            {"settings": TrainingSettings(batch_size=16, learning_rate=0.1)},
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
    write_tensors(tmp_path / NAME, kept, header)
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


def edited(path: Path, old: bytes, new: bytes) -> None:
    """Change the bytes of a file in place, its length kept."""
    content = path.read_bytes()
    assert content.count(old) >= 1
    assert len(old) == len(new)
    path.write_bytes(content.replace(old, new, 1))


def test_the_progress_of_a_checkpoint_cannot_be_changed(
    model: Callable[..., Any], data: Dataset, tmp_path: Path
) -> None:
    run(model, data, tmp_path)
    best = re.search(rb'"best_epoch\\": \d', (tmp_path / NAME).read_bytes())
    assert best
    edited(tmp_path / NAME, best[0], best[0][:-1] + b"9")
    with pytest.raises(FileProblem, match="was changed after it was written") as caught:
        run(model, data, tmp_path)
    assert str(tmp_path / NAME) in str(caught.value)
    assert "Delete" in str(caught.value)


def test_a_folder_that_was_moved_away_is_not_made_again(
    model: Callable[..., Any], data: Dataset, tmp_path: Path
) -> None:
    def move(*_: object) -> None:
        (tmp_path / "run").rename(tmp_path / "away")

    with pytest.raises(FileProblem):
        fit(model(), data, ERROR, epochs=3, directory=tmp_path / "run", progress=move)
    assert (tmp_path / "away" / NAME).exists()
    assert not (tmp_path / "run").exists()


def test_logs_that_are_links_leave_their_targets_alone(
    model: Callable[..., Any], data: Dataset, tmp_path: Path
) -> None:
    target = tmp_path / "precious"
    target.write_text("precious")
    (tmp_path / "run").mkdir()
    for name in (LOG, WALL):
        (tmp_path / "run" / name).symlink_to(target)
    with pytest.raises(FileProblem, match="is a link"):
        fit(model(), data, ERROR, epochs=1, directory=tmp_path / "run")
    (tmp_path / "run" / WALL).unlink()
    fit(model(), data, ERROR, epochs=1, directory=tmp_path / "run")
    assert target.read_text() == "precious"
    assert not (tmp_path / "run" / LOG).is_symlink()


@pytest.mark.parametrize("line", [b'{"epoch": "x"}', b'{"epoch": 1, "seconds": "s"}', b"[" * 9999])
def test_a_clock_with_nonsense_in_it_counts_nothing(
    model: Callable[..., Any], data: Dataset, tmp_path: Path, line: bytes
) -> None:
    (tmp_path / WALL).write_bytes(line + b"\n")
    fit(model(), data, ERROR, epochs=1, directory=tmp_path)


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
