"""Extracts: what a run's tables need, in one small file that reads like the run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from spikeproof.analysis import Results, extract, extracted, results
from spikeproof.base import FileProblem


@pytest.fixture(scope="module")
def file(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extract of the tiny run."""
    return extract(whole, tmp_path_factory.mktemp("extract") / "tiny.json")


@pytest.fixture(scope="module")
def kept(file: Path) -> Results:
    return extracted(file)


def test_an_extract_reads_like_the_run(whole: Path, kept: Results) -> None:
    run = results(whole)
    assert kept.data() == run.data() == ["digits"]
    assert kept.trainings("digits") == run.trainings("digits")
    assert kept.matrix("digits") == run.matrix("digits")
    for training in run.trainings("digits"):
        assert kept.clean("digits", training) == run.clean("digits", training)
        assert kept.kind("digits", training) == run.kind("digits", training)
        assert kept.activity("digits", training) == run.activity("digits", training)
        ours, theirs = kept.probes("digits", training), run.probes("digits", training)
        for name in ("g_l0", "g_l1", "g_l2", "g_pr", "item", "seed"):
            np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-6)


def test_an_extract_says_where_its_numbers_come_from(whole: Path, kept: Results) -> None:
    told, known = kept.provenance(), results(whole).provenance()
    assert told["cells"] == known["cells"] == {"complete": 10, "total": 10}
    for key in ("plan", "plan_sha256", "versions", "code_sha256", "data_sha256", "models"):
        assert told[key] == known[key], key
    assert told["wall_seconds"] == pytest.approx(known["wall_seconds"])
    assert all(len(cell.cell["settings_sha256"]) == 64 for cell in kept.cells)


def test_what_an_extract_leaves_out_is_nan_and_not_zero(kept: Results) -> None:
    curve = kept.curve("digits", "plain", "linf")
    assert curve is not None
    assert np.isnan(curve.random_accuracy[1:]).all()
    assert kept.gallery("digits") == []


def test_a_training_keeps_its_passes(whole: Path, kept: Results) -> None:
    for cell in kept.cells:
        if cell.kind == "train":
            record = json.loads((whole / "cells" / cell.id / "record.json").read_text("utf-8"))
            epochs = record["result"]["history"]
            assert cell.result["forward"] == sum(epoch["forward"] for epoch in epochs) > 0
            assert cell.result["backward"] == sum(epoch["backward"] for epoch in epochs) > 0
            assert cell.wall()["processor_seconds"] > 0
            assert cell.result["firing"] == epochs[record["result"]["best_epoch"] - 1]["firing"]


def test_equal_runs_give_equal_extracts_and_small_ones(
    whole: Path, file: Path, tmp_path: Path
) -> None:
    again = extract(whole, tmp_path / "again.json")
    assert again.read_bytes() == file.read_bytes()
    assert file.stat().st_size < 2000 * 8 + 6000  # a plan, and some two thousand bytes per cell


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not whole JSON"),
        (
            '{"schema": 7}',
            "is no extract of schema 1 or 2; write it again with `spikeproof",
        ),
        ('{"schema": 1, "plan": {}}', "is not a whole extract .'cells'.; write it again"),
        ('{"schema": 1, "plan": {}, "cells": [{}]}', "is not a whole extract"),
    ],
)
def test_a_file_that_is_no_extract_is_one_sentence(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "it.json").write_text(text, encoding="utf-8")
    with pytest.raises(FileProblem, match=said):
        extracted(tmp_path / "it.json")
