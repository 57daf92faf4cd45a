"""The reliability probe: all of it on request, a sample of it with every run of the tests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from slow.reliability import probe
from slow.reliability.commands import LINES
from slow.reliability.subjects import KINDS, Tree, build, damage, files
from slow.reliability.worker import FAULTS, cases, judged
from spikeproof.study import status

SAMPLE = 60


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sound files of every kind."""
    folder = tmp_path_factory.mktemp("probe") / "base"
    build(folder)
    return folder


def test_there_is_something_of_every_kind_to_damage(base: Path) -> None:
    assert [kind for kind in KINDS if not files(base, kind)] == []
    assert {case.kind for case in cases(100, 0, base)} == set(KINDS)
    assert cases(200, 0, base) == cases(200, 0, base) != cases(200, 1, base)
    assert len(LINES) >= 135


def test_a_damaged_tree_is_put_back(base: Path, tmp_path: Path) -> None:
    from random import Random
    from shutil import copytree

    tree = Tree(copytree(base, tmp_path / "work"))
    for number, name in enumerate(("a pipe", "cell gone", "flip_bit", "cells are a file")):
        kind = "folders of a run" if name.startswith("cell") else "plan.json"
        damage(Random(number), files(tree.root, kind)[0], name)
        tree.restore()
        assert {p: p.read_bytes() for p in tree.root.rglob("*") if p.is_file()} == tree.kept
    assert status(tree.root / "run").complete


def test_a_sample_of_damaged_files_is_refused_or_does_not_matter(
    base: Path, tmp_path: Path
) -> None:
    found = list(judged(cases(SAMPLE, 7, base), 7, base, tmp_path / "scratch"))
    assert len(found) == SAMPLE
    assert [one.record() for one in found if one.outcome in FAULTS] == []
    assert sum(one.outcome == "refused" for one in found) > SAMPLE / 4


def test_the_stored_table_has_every_kind_of_file() -> None:
    result = json.loads(probe.RESULT.read_text(encoding="utf-8"))
    assert set(result) - {"schema", "limits"} <= set(probe.PARTS)
    assert probe.faults(result) == []
    assert set(result["mutations"]["kinds"]) == set(KINDS)
    rows = result["mutations"]["kinds"].values()
    assert sum(sum(row.values()) for row in rows) == result["mutations"]["count"]


@pytest.mark.slow
def test_the_whole_probe_finds_nothing(tmp_path: Path) -> None:
    result = probe.probed(tmp_path, probe.Options(seed=1))
    assert probe.faults(result) == []
    assert result["mutations"]["count"] >= 10_000
    assert result["kills"]["count"] >= 150
    assert result["lines"]["count"] == len(LINES)
