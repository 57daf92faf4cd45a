"""What a training carries over: a ratio where there is one to divide by, a gain everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikeproof.analysis import TransferRow, results
from support import made_run

N = 100


def rows(
    folder: Path, kept: dict[str, int], objectives: dict[str, Any]
) -> dict[tuple[str, str], TransferRow]:
    """Transfer in a run whose trainings leave so many of 100 items standing under two threats."""
    made = made_run.MadeRun(folder / "run")
    for training, objective in objectives.items():
        made.train("digits", training, 0, objective)
        broken = np.arange(N) >= kept[training]
        for threat in ("linf", "l2"):
            made.attack("digits", training, 0, threat, (0.1, 0.2, 0.3), [True] * N, [broken] * 3)
    return {(row.training, row.threat): row for row in results(made.plan()).transfer("digits")}


ALL = {"plain": made_run.PLAIN, "SR": made_run.SPARSE, "AT": made_run.against("linf")}


def test_the_gain_is_there_with_and_without_a_ratio(tmp_path: Path) -> None:
    found = rows(tmp_path, {"plain": 20, "SR": 50, "AT": 80}, ALL)
    assert found["SR", "linf"].tau == pytest.approx(0.5)
    for threat in ("linf", "l2"):
        for training, points in (("SR", 30), ("AT", 60)):
            row = found[training, threat]
            assert row.gain is not None
            assert 100 * row.gain.value == pytest.approx(points)
            assert 0 < row.gain.low < row.gain.value < row.gain.high
            assert row.radius == 0.2
            assert row.defined == (threat == "linf")


def test_a_dedicated_training_that_gains_nothing_leaves_the_gain(tmp_path: Path) -> None:
    found = rows(tmp_path, {"plain": 40, "SR": 30, "AT": 41}, ALL)
    row = found["SR", "linf"]
    assert not row.defined
    assert "less than 2" in row.reason
    assert row.gain is not None
    assert 100 * row.gain.value == pytest.approx(-10)


def test_without_an_undefended_training_there_is_neither(tmp_path: Path) -> None:
    del (objectives := dict(ALL))["plain"]
    found = rows(tmp_path, {"SR": 30, "AT": 60}, objectives)
    assert all(row.gain is None and row.tau is None and row.reason for row in found.values())
