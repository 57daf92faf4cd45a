"""Thousands of damaged files of weights: each is taken or refused, and none ends the process."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.damaged_weights import read_damaged

pytestmark = pytest.mark.slow


def test_damaged_files_are_taken_or_refused(tmp_path: Path) -> None:
    ends = read_damaged(tmp_path, 2000)  # of three formats
    assert sum(ends.values()) == 6000
    assert ends["refused"] > 2000
