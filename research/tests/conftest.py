"""What the tests of research share: a study that is made up, and one that was run.

``support`` is imported when a fixture is asked for, after tests/conftest.py has registered it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

if TYPE_CHECKING:
    from research.tests.made_study import Study


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """Two test processes share the cores; more threads only wait for each other."""
    torch.set_num_threads(1)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """A study that is made up, still without trainings."""
    from research.tests.made_study import Study

    return Study(tmp_path)


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny plan, run in this process without interruption; do not change the folder."""
    from spikeproof.study import run
    from support.tiny_study import make_plan

    folder = tmp_path_factory.mktemp("whole") / "run"
    run(make_plan(), folder, workers=1)
    return folder
