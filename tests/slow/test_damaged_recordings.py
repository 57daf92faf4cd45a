"""Damaged files of recordings, more than ten thousand of them."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from support.damaged_recordings import KINDS, judged


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_damaged_recordings_are_refused_or_read(kind: str, tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = judged(800, 1, tmp_path, [kind])
    # Kilobytes: no file of some kilobytes makes its reader hold a quarter of a gigabyte more.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + (1 << 18)
    assert found["refused"] > 300


def test_they_are_ten_thousand() -> None:
    assert len(KINDS) * 800 >= 10_000
