"""The display of a running study, for a person and for a log."""

from __future__ import annotations

import sys

import pytest

from spikeproof.cli.progress import watching
from spikeproof.study import Progress

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
