"""A made-up run that several tests read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support import made_run

T, F = True, False


def _four_items(folder: Path) -> Any:
    """Two seeds, four items, two threats, three trainings; every share is a number of eighths."""
    run = made_run.MadeRun(folder)
    for seed in (0, 1):
        run.train("digits", "plain", seed, made_run.PLAIN)
        run.train("digits", "SR", seed, made_run.SPARSE)
        run.train("digits", "AT", seed, made_run.against("linf"))
        right = [T, T, T, F] if seed == 0 else [T, T, T, T]
        attack, radii = run.attack, (0.1, 0.2, 0.4)
        attack("digits", "plain", seed, "linf", radii, right, [[T, F, F, F], [T, T, F, F], [T] * 4])
        attack("digits", "plain", seed, "l2", (1, 2, 3), right, [[F] * 4, [F, F, T, F], [T] * 4])
        attack("digits", "SR", seed, "linf", radii, right, [[F] * 4, [T, F, F, F], [T, T, F, F]])
        attack("digits", "SR", seed, "l2", (1, 2, 3), right, [[F] * 4, [F] * 4, [F] * 4])
        attack("digits", "AT", seed, "linf", radii, right, [[F] * 4] * 3)
    return run


@pytest.fixture
def four_items() -> Callable[[Path], Any]:
    """Write the run of four items into a folder; its plan is still to come."""
    return _four_items
