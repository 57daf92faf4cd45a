"""Command lines run in this process; the type of ``said`` is importable from ``saying``."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from spikeproof.cli.main import run

sys.path.insert(0, str(Path(__file__).parent))
from saying import Said


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """Run a command line; exit code, standard output, standard error."""

    def call(*arguments: object) -> tuple[int, str, str]:
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call
