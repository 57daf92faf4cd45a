"""A number that makes no sense in a plan is one sentence with its place and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from spikeproof.base import FileProblem, SettingError
from spikeproof.study import Plan, load_plan

PLAN = """
name = "sentences"
{plan}
[[data]]
name = "digits"
model = "cnn-small"
{data}
[[training]]
name = "AT"
terms = {{ error = {{ kind = "cross_entropy", weight = 1.0 }} }}
{training}
"""


@pytest.mark.parametrize(
    ("table", "line", "sentence"),
    [
        ("plan", "items = -1", "Plan.items must be a whole number >= 1; got -1."),
        ("plan", f"seeds = [{2**70}]", "every seed must be a whole number of 64 bits; got 118059"),
        ("plan", "workers = 0", "Plan.workers must be a whole number >= 1; got 0."),
        ("plan", "draws = nan", "draws: Input should be a finite number; got nan."),
        (
            "data",
            "learning_rate = nan",
            "[[data]] 'digits': DataPlan.learning_rate must be positive and finite; got nan.",
        ),
        ("data", "items = -1", "[[data]] 'digits': DataPlan.items must be a whole number >= 1; g"),
        ("data", "radii = { linf = [0.2, 0.1] }", "the radii of 'linf' must ascend and name one"),
        ("data", "radii = { linv = [0.1] }", "Unknown threat 'linv'. Did you mean 'linf'?"),
        (
            "data",
            "settings = { drop = nan }",
            "settings of [[data]] 'digits': TrainingSettings.drop must be positive and finite",
        ),
        (
            "training",
            "settings = { learning_rate = nan }",
            "settings of [[training]] 'AT': TrainingSettings.learning_rate must be positive and fi",
        ),
        ("training", "epochs_factor = nan", "[[training]] 'AT': TrainingPlan.epochs_factor must"),
        (
            "training",
            'inputs = { threat = "linf", attack = { kind = "pgd", step_size = nan } }',
            "[[training]] 'AT': inputs: attack 'pgd': PGD.step_size must be positive and finite",
        ),
        (
            "training",
            'inputs = { threat = "linf", attack = { kind = "restarts", attack = "pdg" } }',
            "inputs: attack 'restarts': Unknown attack 'pdg'.",
        ),
    ],
)
def test_a_number_that_makes_no_sense_is_one_sentence(
    tmp_path: Path, table: str, line: str, sentence: str
) -> None:
    tables = {"plan": "", "data": "", "training": "", table: line}
    (tmp_path / "plan.toml").write_text(PLAN.format(**tables))
    with pytest.raises(SettingError) as problem:
        load_plan(tmp_path / "plan.toml")
    said = str(problem.value)
    assert sentence in said
    assert said.startswith(str(tmp_path))
    assert len(said) - len(str(tmp_path)) < 180
    assert "DataPlan(" not in said and "{" not in said


def test_radii_of_a_plan_are_part_of_it_and_their_absence_is_not(tmp_path: Path) -> None:
    texts = {"": "before.toml", "radii = { l0-features = [1, 3] }": "after.toml"}
    for line, name in texts.items():
        (tmp_path / name).write_text(PLAN.format(plan="", data=line, training=""))
    before, after = (load_plan(tmp_path / name) for name in texts.values())
    assert "radii" not in before.record()["data"][0]
    assert after.record()["data"][0]["radii"] == {"l0-features": (1.0, 3.0)}
    assert Plan.from_record(after.record()) == after


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"a = " + b"[" * 100_000, "nested too deep"),
        (b"a = " + b"[" * 200 + b"]" * 200, "nested too deep"),
        (b"a = " + b"1" * 5000, "digits"),
        (b"a." * 200 + b"b = 1", "nested too deep"),
        (b"\xff\xfe", "not UTF-8"),
        (b"#" * (1 << 22) + b"\n", r"at most 4,194,304 are read"),
    ],
)
def test_plans_made_to_hurt_are_one_sentence(tmp_path: Path, text: bytes, sentence: str) -> None:
    (tmp_path / "plan.toml").write_bytes(text)
    with pytest.raises(FileProblem, match=sentence):
        load_plan(tmp_path / "plan.toml")


def test_a_pipe_is_no_plan(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "plan.toml")
    with pytest.raises(FileProblem, match="no ordinary file"):
        load_plan(tmp_path / "plan.toml")
