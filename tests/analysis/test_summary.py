"""The summary that a report is made from: everything, once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spikeproof.analysis import Results, results, summarise, verdicts


@pytest.fixture
def run(tmp_path: Path, four_items: Callable[[Path], Any]) -> Results:
    return results(four_items(tmp_path / "run").plan(("plain", "SR", "AT")))


def test_a_summary_holds_what_the_results_say(run: Results) -> None:
    found = summarise(run)
    (one,) = found.data
    assert (found.name, found.split, found.seeds) == ("made", "test", (0, 1))
    assert (one.trainings, one.threats) == (("plain", "SR", "AT"), ("linf", "l2"))
    assert one.sparse == ("SR",)
    assert list(one.matrix) == run.matrix("digits")
    assert list(one.transfer) == run.transfer("digits")
    assert one.clean == {name: run.clean("digits", name) for name in one.trainings}
    assert [(c.training, c.threat) for c in one.curves] == [
        ("plain", "linf"), ("plain", "l2"), ("SR", "linf"), ("SR", "l2"), ("AT", "linf"),
    ]  # fmt: skip
    assert [sign.training for sign in one.masking] == ["plain", "SR", "AT"]
    assert list(found.verdicts) == verdicts(run)
    assert found.provenance == run.provenance()
    assert len(found.cells) == 16


def test_a_summary_cannot_be_changed(run: Results) -> None:
    found = summarise(run)
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.name = "other"  # type: ignore[misc]
