"""Damaged data of a user's own, thousands of them."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from support.damaged_data import judged


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 7))
def test_damaged_data_are_refused_or_read(seed: int, tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = judged(1000, seed, tmp_path)
    # Kilobytes: no file makes its reader hold a gigabyte more.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + (1 << 20)
    assert found["refused"] > 400 and found["read"] > 50
