"""The display of a running study, for a person and for a log."""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path

import pytest

from spikeproof.cli import progress
from spikeproof.cli.epochs import EpochLines
from spikeproof.cli.progress import watching
from spikeproof.study import Progress
from spikeproof.train import Epoch

MIDDLE = Progress(
    done=3, total=8, cost_done=10.0, cost_total=40.0, title="digits · SR", seconds_left=100.0
)
FAILED = Progress(done=3, total=8, cost_done=10.0, cost_total=40.0, title="x", error="No room.")


def test_a_log_gets_a_line_per_cell(capsys: pytest.CaptureFixture[str]) -> None:
    with watching() as show:
        show(Progress(done=0, total=8, cost_done=0.0, cost_total=40.0, aside=2))
        show(MIDDLE)
        show(FAILED)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "2 cells of an earlier plan, of other code or of an earlier fingerprint of it are set "
        "aside in stale/; what the plan still asks for is computed again.",
        "8 cells, 0 of them done already",
        "[3/8]  25 % digits · SR, about 2 min left",
        "failed: x: No room.",
    ]


def test_a_terminal_gets_a_bar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with watching() as show:
        show(MIDDLE)
        show(FAILED)
    captured = capsys.readouterr()
    assert captured.out == ""
    for part in ("25 %", "3/8", "failed: x: No room."):
        assert part in captured.err


def test_a_terminal_gets_a_line_of_its_own_for_the_ladder(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(progress, "_EVERY_LOOK", 0.02)
    monkeypatch.setenv("COLUMNS", "100")
    step = {
        "threat": "linf", "radius": 8 / 255, "level": 1, "levels": 3,
        "member": "pgd arctan-5 margin", "items": 41, "standing": 60, "seconds_left": 100.0,
        "title": "digits · mine",
    }  # fmt: skip
    (tmp_path / "cells" / "abc").mkdir(parents=True)
    (tmp_path / "cells" / "abc" / ".step.json").write_text(json.dumps(step))
    with watching(tmp_path) as show:
        show(MIDDLE)
        time.sleep(0.3)
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", capsys.readouterr().err)
    (own,) = {line.strip() for line in plain.splitlines() if "items left" in line}
    assert own == (
        "linf 8/255 (1/3), 41 of 60 items left, ladder at most 2 min more: pgd arctan-5 margin"
    )


def test_an_epoch_is_told_in_words_and_percentages(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    lines = EpochLines(clock=lambda: now[0])
    for number in (1, 2, 3):
        now[0] += 20.0
        lines.epoch(
            Epoch(
                epoch=number, loss=2.224, parts={"error": 2.096, "sparse_part": 2.55},
                learning_rate=0.01, training_accuracy=0.4351, validation_accuracy=0.5,
                validation_loss=1.0, clean_accuracy=0.5, robust={"linf 0.1": 0.25, "l2 1": 0.125},
                union=0.0625, warnings={"dead": "A layer is silent."} if number == 3 else {},
            ),
            5,
        )  # fmt: skip
    lines.close()
    told = (
        "loss 2.22 (error 2.1, sparse part 2.55) · training accuracy 43.5 % · validation accuracy "
        "50.0 % · under l2 1 12.5 % · under linf 0.1 25.0 % · under all of these 6.2 %"
    )
    assert capsys.readouterr().err.splitlines() == [
        f"[1/5] {told}",
        f"[2/5] {told}, about 60 s left",
        f"[3/5] {told}, about 40 s left",
        "[3/5] A layer is silent.",
    ]
