"""The best training of every column, what is not distinguishable from it, and what it costs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from spikeproof.analysis import BestTraining, best_rows, results
from support import made_run

N = 200


def _row(share: float) -> list[np.ndarray]:
    """Broken items at one radius, so that a share of all survives."""
    return [np.arange(N) >= share * N]


def made(folder: Path, *, plain: bool = True) -> dict[str, BestTraining]:
    """AT keeps 60 %, TRADES 58 %, plain 10 %; AT is right on 80 % of the clean items."""
    run = made_run.MadeRun(folder / "run")
    clean = {"plain": 1.0, "AT": 0.8, "TRADES": 0.9}
    left = {"plain": 0.1, "AT": 0.6, "TRADES": 0.58}
    for name in clean if plain else ("AT", "TRADES"):
        objective = made_run.PLAIN if name == "plain" else made_run.against("linf")
        run.train("digits", name, 0, objective)
        right = np.arange(N) < clean[name] * N
        run.attack("digits", name, 0, "linf", (0.1,), right, _row(left[name]))
    names = ["plain", "AT", "TRADES"] if plain else ["AT", "TRADES"]
    return {row.threat: row for row in best_rows(results(run.plan(names), draws=50), "digits")}


def test_the_best_is_named_with_its_ties_and_its_cost(tmp_path: Path) -> None:
    best = made(tmp_path)
    assert list(best) == ["clean", "linf", "union"]
    row = best["linf"]
    assert (row.training, row.tied, row.base) == ("AT", ("TRADES",), "plain")
    assert row.estimate.value == 0.6
    assert row.clean.value == 0.8
    assert row.base_estimate is not None
    assert row.base_estimate.value == 0.1
    assert row.clean_change is not None
    assert round(row.clean_change.value, 12) == -0.2
    assert row.clean_change.high < 0
    assert best["clean"].training == "plain"
    assert best["clean"].clean_change is None


def test_without_plain_training_the_cost_is_against_the_highest_clean_accuracy(
    tmp_path: Path,
) -> None:
    row = made(tmp_path, plain=False)["union"]
    assert (row.training, row.base, row.against) == ("AT", None, "TRADES")
    assert row.clean_change is not None
    assert round(row.clean_change.value, 12) == -0.1


def test_nothing_attacked_gives_no_row(tmp_path: Path, four_items: Callable[[Path], Any]) -> None:
    run = made_run.MadeRun(tmp_path / "run")
    run.train("digits", "plain", 0, made_run.PLAIN)
    assert best_rows(results(run.plan()), "digits") == []
