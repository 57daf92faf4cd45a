"""Thousands of damaged NIR files: each is read or refused, and none ends the process.

scripts/setup-peers
.venv-peers/bin/python -m pytest tests/slow/test_damaged_nir.py -m slow
"""

from __future__ import annotations

from pathlib import Path

import pytest

from support.damaged_nir import forking, read_damaged

pytestmark = pytest.mark.slow


def test_damaged_nir_files_are_taken_or_refused(tmp_path: Path) -> None:
    pytest.importorskip("nir", reason="nir is not installed here; scripts/setup-peers does it")
    with forking():
        ends = read_damaged(tmp_path, 5000, seed=1)
    print(dict(ends))
    assert sum(ends.values()) == 5000
    assert ends["refused"] > 1000
