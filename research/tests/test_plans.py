"""The plans of research: whole, trained as they say of each other, and told where they are."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from research import PLANS, RESULTS
from research.modalities.folds import FOLDS, fold_of
from spikeproof.base import FileProblem
from spikeproof.study import TrainingPlan, load_plan, plans
from spikeproof.study.load import RESEARCH

NAMES = sorted(path.stem for path in PLANS.glob("*.toml"))


def trainings(plan: str) -> dict[str, TrainingPlan]:
    """The trainings of a plan of research by their names."""
    return {training.name: training for training in load_plan(PLANS / f"{plan}.toml").training}


@pytest.mark.parametrize("name", NAMES)
def test_a_plan_of_research_is_read_by_its_path_and_has_its_files_name(name: str) -> None:
    plan = load_plan(PLANS / f"{name}.toml")
    assert plan.name == name


@pytest.mark.parametrize("name", NAMES)
def test_a_plan_has_its_extract_or_the_readme_says_that_it_was_not_run(name: str) -> None:
    text = (PLANS.parent / "README.md").read_text(encoding="utf-8")
    stored = (RESULTS / "studies" / f"{name}.json").exists()
    assert (f"`{name}`: not measured yet." in text) is not stored


def test_the_contests_train_the_shipped_recipe_to_the_letter() -> None:
    fashion, digits = trainings("contest-standard"), trainings("contest-standard-digits")
    assert fashion == digits
    recipes = {training.name: training for training in load_plan("recipes").training}
    assert repr(replace(recipes["multinorm"], data=None)) == repr(fashion["multinorm"])


def test_the_stronger_suite_meets_trainings_of_the_plan_before_it() -> None:
    whole = {repr(training) for training in trainings("training").values()}
    for name in ("training-standard", "transfer-1000"):
        assert {repr(training) for training in trainings(name).values()} <= whole


def test_a_bare_name_of_such_a_plan_is_told_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sorted(RESEARCH) == NAMES
    assert not set(plans()) & set(NAMES)
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        with pytest.raises(FileProblem) as caught:
            load_plan(name)
        assert str(caught.value) == (
            f"{name!r} is a plan of the project's research, not of the package; pass the path of "
            f"research/plans/{name}.toml in a checkout."
        )


def test_the_readme_names_every_plan_and_every_result() -> None:
    text = (PLANS.parent / "README.md").read_text(encoding="utf-8")
    assert all(f"](plans/{name}.toml)" in text for name in NAMES)
    stored = {path.relative_to(PLANS.parent).as_posix() for path in RESULTS.rglob("*.json")}
    assert set(re.findall(r"`(results/[\w/-]+\.json)`", text)) == stored
    assert all(f"research/plans/{name}.toml --folder runs/{name}\n" in text for name in NAMES)


def test_folds_test_on_each_recording_once_and_on_every_class() -> None:
    y = torch.arange(1100) % 10
    fold = fold_of(y)
    assert torch.bincount(fold).tolist() == [220] * FOLDS
    assert all(torch.bincount(y[fold == k]).tolist() == [22] * 10 for k in range(FOLDS))
    assert torch.equal(fold, fold_of(y))


def test_the_plans_of_modalities_train_alike_and_one_plan_names_each_fold() -> None:
    each = [trainings(name) for name in NAMES if name.startswith("modalities-")]
    assert len(each) == 5 and all(one == each[0] for one in each)
    parts = load_plan(PLANS / "modalities-folds.toml").data
    folds = [part.source.rpartition(":")[2] for part in parts if part.source]
    assert folds == [f"fold_{k + 1}" for k in range(len(parts))] and 3 <= len(folds) <= FOLDS
    assert len({repr(replace(part, name="", source=None)) for part in parts}) == 1
