"""What a run tells while it trains: the log, loggers, hooks, bars, the record."""

from __future__ import annotations

import io
import json
import sys
import types
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from spikeproof.base import SettingError
from spikeproof.data import Dataset
from spikeproof.train import LOG, WALL, Epoch, History, TensorBoard, fit
from support.small_runs import ERROR, QUICK, SPARSE


def test_the_log_has_a_line_per_epoch_and_outlives_a_break(
    model: Callable[..., Any], data: Dataset, tmp_path: Path
) -> None:
    def stop(number: int, *rest: object) -> None:
        if number == 2:
            raise KeyboardInterrupt

    whole = fit(model(), data, ERROR, epochs=4, settings=QUICK, directory=tmp_path / "a")
    with pytest.raises(KeyboardInterrupt):
        fit(model(), data, ERROR, epochs=4, settings=QUICK, directory=tmp_path / "b", progress=stop)
    for name in (LOG, WALL):  # a kill may cut the last line, or come before it is written
        path = tmp_path / "b" / name
        path.write_bytes(path.read_bytes()[:-10])
    again = fit(model(), data, ERROR, epochs=4, settings=QUICK, directory=tmp_path / "b")
    assert again == whole
    assert (tmp_path / "a" / LOG).read_bytes() == (tmp_path / "b" / LOG).read_bytes()
    lines = [json.loads(line) for line in (tmp_path / "b" / LOG).read_text().splitlines()]
    assert lines == json.loads(json.dumps([asdict(epoch) for epoch in whole.epochs]))
    wall = [json.loads(line) for line in (tmp_path / "b" / WALL).read_text().splitlines()]
    assert [line["epoch"] for line in wall] == [1, 3, 4], "half a line is dropped"
    assert again.seconds == pytest.approx(sum(line["seconds"] for line in wall), abs=0.01)
    assert again.peak_bytes > 50e6


def test_loggers_hear_every_epoch_and_are_closed_also_after_a_failure(
    model: Callable[..., Any], data: Dataset
) -> None:
    class Ear:
        def __init__(self) -> None:
            self.heard: list[tuple[int, int]] = []
            self.closed = 0

        def epoch(self, epoch: Epoch, epochs: int) -> None:
            self.heard.append((epoch.epoch, epochs))

        def close(self) -> None:
            self.closed += 1

    ear = Ear()
    fit(model(), data, ERROR, epochs=2, settings=QUICK, loggers=(ear,))
    assert (ear.heard, ear.closed) == ([(1, 2), (2, 2)], 1)

    def fail(*rest: object) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        fit(model(), data, ERROR, epochs=2, settings=QUICK, loggers=(ear,), progress=fail)
    assert ear.closed == 2


def test_tensorboard_gets_the_numbers_or_says_how_to_install_it(
    model: Callable[..., Any], data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(SettingError, match=r"pip install spikeproof\[tensorboard\]"):
        TensorBoard(tmp_path)
    sent: list[tuple[Any, ...]] = []

    class Writer:
        def __init__(self, folder: str) -> None:
            sent.append(("open", folder))

        def __getattr__(self, name: str) -> Callable[..., None]:
            return lambda *given: sent.append((name, *given))

    fake = types.ModuleType("torch.utils.tensorboard")
    fake.SummaryWriter = Writer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", fake)
    history = fit(model(), data, ERROR, epochs=2, settings=QUICK, loggers=(TensorBoard(tmp_path),))
    assert sent[0] == ("open", str(tmp_path)) and sent[-1] == ("close",)
    losses = [value[2:] for value in sent if value[:2] == ("add_scalar", "loss")]
    assert losses == [(epoch.loss, epoch.epoch) for epoch in history.epochs]


def test_the_record_is_plain_and_leaves_out_the_time(
    model: Callable[..., Any], data: Dataset
) -> None:
    history = fit(model(), data, SPARSE, epochs=2, settings=QUICK)
    record = history.record()
    assert set(record) == {"epochs", "best_epoch", "history", "parameters"}
    assert record["epochs"] == len(record["history"]) == 2
    assert record["parameters"] == sum(p.numel() for p in model().parameters())
    assert set(record["history"][0]["parts"]) == {"error", "sparse"}
    assert history.seconds > 0
    assert History(**{**vars(history), "seconds": 0.0}) == history


def test_the_hook_hears_every_epoch(model: Callable[..., Any], data: Dataset) -> None:
    heard: list[tuple[int, int, Mapping[str, float]]] = []
    fit(model(), data, SPARSE, epochs=3, settings=QUICK, progress=lambda *a: heard.append(a))
    assert [(epoch, epochs) for epoch, epochs, _ in heard] == [(1, 3), (2, 3), (3, 3)]
    shown = {"loss", "error", "sparse", "training_accuracy", "validation_accuracy"}
    assert set(heard[0][2]) == shown


def test_a_bar_is_drawn_on_standard_error_when_asked_for(
    model: Callable[..., Any], data: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    fit(model(), data, ERROR, epochs=2, settings=QUICK, progress=True)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "2/2" in shown.err
    fit(model(), data, ERROR, epochs=1, settings=QUICK)
    assert capsys.readouterr().err == "", "no bar where standard error is not a terminal"


def test_a_terminal_gets_the_bar_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    from spikeproof.train.keep.progress import reporting

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with reporting(None, 0, 2) as report:
        epoch = Epoch(
            epoch=1,
            loss=0.5,
            parts={},
            learning_rate=0.1,
            validation_accuracy=None,
            validation_loss=None,
            clean_accuracy=None,
            warnings={"dead a": "Layer a is dead."},
        )
        report(epoch, 2)
    assert "1/2" in terminal.getvalue()
    assert terminal.getvalue().count("epoch 1: Layer a is dead.") == 1
