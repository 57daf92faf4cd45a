"""A study small enough to run many times; the files beside this one are importable."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from spikeproof.study import DataPlan, Plan, TrainingPlan, run

sys.path.insert(0, str(Path(__file__).parent))
from made_study import Study

ERROR = {"kind": "cross_entropy", "weight": 1.0}
SPARSE = {"kind": "sparse_gradient", "weight": 0.1}


def make_plan(**changes: object) -> Plan:
    """Two tiny networks, two threats, six items: eight cells."""
    settings: dict[str, object] = {
        "name": "tiny",
        "data": (
            DataPlan(
                name="digits",
                model="cnn-small",
                timesteps=2,
                width=2,
                epochs=3,
                batch_size=256,
                threats=("linf", "l0"),
            ),
        ),
        "training": (
            TrainingPlan(name="plain", terms={"error": ERROR}),
            TrainingPlan(name="SR", terms={"error": ERROR, "sparse": SPARSE}),
        ),
        "items": 6,
        "draws": 2,
        "probe_items": 3,
    }
    return Plan(**{**settings, **changes})  # type: ignore[arg-type]


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


@pytest.fixture(scope="module")
def evidence(root: Path) -> Iterator[ModuleType]:
    """The script that writes the page of evidence about training."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(root / "scripts"))
        yield importlib.import_module("generate_training_evidence")


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """A study that is made up, still without trainings."""
    return Study(tmp_path)
