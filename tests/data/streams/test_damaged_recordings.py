"""Damaged files of recordings: a sample of what the slow tests do by the thousand."""

from __future__ import annotations

from pathlib import Path

from support.damaged_recordings import judged


def test_damaged_recordings_are_refused_or_read(tmp_path: Path) -> None:
    found = judged(420, 0, tmp_path)
    assert found["refused"] > 250 and found["same"] > 5
