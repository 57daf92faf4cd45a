"""A study small enough to run many times."""

from __future__ import annotations

from pathlib import Path

import pytest

from spikeproof.study import Plan, run
from support.tiny_study import make_plan


@pytest.fixture(scope="session")
def tiny() -> Plan:
    """The tiny plan."""
    return make_plan()


@pytest.fixture(scope="session")
def whole(tiny: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny plan, run in this process without interruption; do not change the folder."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    run(tiny, folder, workers=1)
    return folder
