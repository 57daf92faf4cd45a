"""The demo on real data: the same trainings, on the sets that are found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from spikeproof.base import FileProblem
from spikeproof.cli import demo as command
from spikeproof.cli.main import run
from spikeproof.data import store
from spikeproof.study import load_plan
from support import made_sets


def test_the_trainings_are_those_of_the_demo() -> None:
    demo, real = load_plan("demo"), load_plan("demo-real")
    assert [replace(one, data=None) for one in real.training] == [
        replace(one, data=None) for one in demo.training
    ]
    assert (real.suite, real.seeds, real.items) == (demo.suite, demo.seeds, demo.items)
    assert len(real.data) == len(demo.data)
    for mine, theirs in zip(real.data, demo.data, strict=True):
        assert (mine.threats, mine.levels, mine.weights) == (
            theirs.threats,
            theirs.levels,
            theirs.weights,
        )


def test_a_plan_on_some_of_its_sets_has_no_training_for_others_alone() -> None:
    plan = load_plan("demo-real").on(["n-mnist"])
    assert [part.name for part in plan.data] == ["n-mnist"]
    assert [one.name for one in plan.training] == ["plain", "SR", "AT", "SR+AT"]


def test_what_is_found_is_studied_and_what_is_lacking_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SPIKEPROOF_DATA", "unused")  # so that what the command sets is undone
    monkeypatch.setenv("SPIKEPROOF_CACHE", str(tmp_path / "cache"))
    made_sets.n_mnist(tmp_path)
    store._arrays_of.cache_clear()
    assert command._found(tmp_path) == ["n-mnist"]
    assert "fsdd is left out: There is no recording" in capsys.readouterr().err
    store._arrays_of.cache_clear()
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileProblem, match="There is none of the real data sets in"):
        command._found(tmp_path / "empty")


def test_two_studies_at_once_are_refused(tmp_path: Path) -> None:
    assert run(["demo", "--quick", "--real", str(tmp_path)]) == 2
