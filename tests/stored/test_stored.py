"""What an earlier version wrote is read, with the numbers that it printed itself.

``make.py`` says how the code of commit 8478dbf made ``stored.tar.gz`` and ``expected.json``.
"""

from __future__ import annotations

import dataclasses
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
import torch

from spikeproof.analysis import extract, extracted, results
from spikeproof.attacks import PGD, Member, Suite, Swap
from spikeproof.base import SettingError
from spikeproof.cli.main import main
from spikeproof.data import load
from spikeproof.evaluate import audit
from spikeproof.models import load_model, model_digest
from spikeproof.neurons import Surrogate
from spikeproof.oracle import (
    BPTR,
    CommonRandomNumbers,
    Expectation,
    ExpectedNetwork,
    Mixture,
)
from spikeproof.report import write_report
from spikeproof.study import load_plan, status
from spikeproof.threats import standard_threats
from spikeproof.train import Adversarial, CrossEntropy, Job, Objective, RobustValidation
from spikeproof.train.keep.checkpoint import Checkpoint

HERE = Path(__file__).parent
_INTERVALS = ("low", "high", "intervals", "interval", "clean_interval", "union_interval")
EXPECTED: dict[str, Any] = json.loads((HERE / "expected.json").read_text("utf-8"))


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folders of old, unpacked, are where we are; no old spelling was told yet."""
    monkeypatch.setattr("spikeproof.base.notices._told", set())
    with tarfile.open(HERE / "stored.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    monkeypatch.chdir(tmp_path / "stored")
    return tmp_path / "stored"


@pytest.fixture
def spoken(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command; returns what it printed on standard output and standard error."""

    def run_it(*words: object) -> tuple[str, str]:
        monkeypatch.setattr("sys.argv", ["spikeproof", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        assert not end.value.code, err
        return out, err

    return run_it


def plain(content: Any) -> Any:
    """Plain data as it was stored."""
    return json.loads(json.dumps(content, default=str).replace("NaN", "null"))


def same(found: Any, expected: Any, where: str = "") -> None:
    """Every number of old is said today, whatever is said beside it and where it was silent."""
    if isinstance(expected, dict):
        for key, value in expected.items():
            if key in ("forward", "backward"):  # answers are remembered now
                assert found[key] <= value, f"{where}.{key}"
            elif key in _INTERVALS:  # made otherwise now, see the errata
                assert type(found[key]) is type(value) or None in (found[key], value), where
            else:
                same(found[key], value, f"{where}.{key}")
    elif isinstance(expected, list):
        assert len(found) == len(expected), where
        for number, (one, other) in enumerate(zip(found, expected, strict=True)):
            same(one, other, f"{where}[{number}]")
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-12), where
    elif expected is not None:
        assert found == expected, where


def test_the_numbers_of_a_run_are_those_it_had(stored: Path) -> None:
    same(plain(results("run").to_dict()), EXPECTED["results"])


def test_an_extract_of_old_and_one_of_today_say_the_same(stored: Path) -> None:
    extract("run", "today.json")
    for path in ("extract.json", "today.json"):
        same(plain(extracted(path).to_dict()), EXPECTED["extracted"])


def test_runs_and_audits_of_old_are_compared(stored: Path, spoken: Any) -> None:
    same(json.loads(spoken("compare", "run", "run", "--json")[0]), EXPECTED["compare"])
    both = json.loads(spoken("compare", "audit", "audit", "--json")[0])
    (unknown,) = both.pop("settings")
    assert unknown["setting"] == "network_sha256", "schema 1 named no network"
    assert unknown["values"] == ["not recorded", "not recorded"]
    # Nor does a name of it remain, so that the folder stands for it.
    assert {row.pop("training") for row in both["numbers"]} == {"audit"}
    expected = json.loads(json.dumps(EXPECTED["compare audits"]))
    for row in expected["numbers"]:
        assert row.pop("training") == "audited model"
    same(both, {k: v for k, v in expected.items() if k != "settings"})


def test_the_status_says_that_the_code_counts_differently_now(stored: Path, spoken: Any) -> None:
    same(json.loads(spoken("study", "status", "run", "--json")[0]), EXPECTED["status"])
    assert status("run").outdated
    assert spoken("study", "status", "run")[0].count("earlier") == 1


def test_a_report_says_every_number_of_the_matrix(stored: Path) -> None:
    page = write_report("run").read_text("utf-8")
    today = plain(results("run").to_dict())["data"]["digits"]["matrix"]
    for old, cell in zip(EXPECTED["results"]["data"]["digits"]["matrix"], today, strict=True):
        assert old["estimate"]["value"] == cell["estimate"]["value"]
        share, low, high = (100 * cell["estimate"][key] for key in ("value", "low", "high"))
        assert f"{share:.1f}" in page
        assert f"{low:.1f}–{high:.1f}" in page


def test_the_suite_of_a_cell_is_the_suite_it_was(
    stored: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arctan = Surrogate("arctan", sharpness=5.0)
    gradients = (
        arctan,
        Mixture(gradients=(arctan, BPTR())),
        Expectation(samples=2, gradient=Surrogate("triangle")),
        ExpectedNetwork(gradient=BPTR()),
        CommonRandomNumbers(samples=2),
    )
    wanted = Suite(
        tuple(Member(attack=PGD(steps=3, step_size=0.5), gradient=each) for each in gradients)
    )
    cells = [json.loads(p.read_text())["cell"] for p in stored.glob("run/cells/*/record.json")]
    suites = [cell["suite"] for cell in cells if cell["kind"] == "attack"]
    assert len(suites) == 4
    assert all(Suite.from_record(record) == wanted for record in suites)
    told = sorted(line.split(": ")[-1] for line in capsys.readouterr().err.splitlines())
    assert told == [
        f"{old} is now written {new}; the old spelling is still read."
        for old, new in (
            ("mean", "expected_network"),
            ("path", "gradient"),
            ("paths", "gradients"),
            ("replay", "common_random_numbers"),
        )
    ]


def test_a_plan_of_old_is_the_plan_of_its_run(stored: Path) -> None:
    plan = load_plan("plan.toml")
    assert plan.sha256 == json.loads(Path("run/plan.json").read_text())["sha256"]
    assert [hook["kind"] for hook in plan.training[1].hooks] == ["overfitting_watch"]


# What `quick` was when these files were written.
FAST = PGD(steps=20, step_size=0.2, stop=True)
OLD_QUICK = Suite(
    (
        Member(
            attack=Swap(steps=20, share=0.8, noise=0.2, stop=True),
            gradient=Surrogate("arctan", 5.0),
        ),
        Member(attack=FAST, gradient=Surrogate("arctan", 5.0)),
        Member(attack=FAST, gradient=Surrogate("triangle", 1.0)),
    )
)


def test_a_network_of_old_is_loaded_and_audited_to_the_same_numbers(stored: Path) -> None:
    network = load_model("trained/model.safetensors")
    assert model_digest(network) == EXPECTED["model_sha256"]
    data = load("digits")
    found = audit(network, data, standard_threats(data)["linf"], suite=OLD_QUICK, seed=0, items=8)
    same({**plain(found.to_dict()), "suite": "quick"}, EXPECTED["audit"])


def test_an_interrupted_training_of_old_goes_on(stored: Path, spoken: Any) -> None:
    before = Path("interrupted/training.jsonl").read_text("utf-8")
    _, err = spoken(*EXPECTED["train"], "interrupted")
    assert "[4/6]" not in err
    assert "[5/6]" in err
    after = Path("interrupted/training.jsonl").read_text("utf-8")
    whole = Path("trained/training.jsonl").read_text("utf-8").splitlines()
    assert after.startswith(before)
    assert len(after.splitlines()) == len(whole)
    one, two = (
        load_model(f"{name}/model.safetensors").state_dict() for name in ("interrupted", "trained")
    )
    # Not to the last bit: another processor may train on.
    assert all(torch.allclose(one[name], two[name], atol=1e-3) for name in two)


def test_a_checkpoint_in_old_words_is_of_the_same_run(tmp_path: Path) -> None:
    data = load("digits")
    threat = standard_threats(data)["linf"][0]
    inputs = Adversarial(PGD(steps=2), threat, gradient=ExpectedNetwork(gradient=BPTR()))
    job = Job(
        objective=Objective({"error": (1.0, CrossEntropy())}, inputs),
        epochs=2,
        robust_validation=RobustValidation(
            threats=(threat,), gradient=Mixture(gradients=(BPTR(), CommonRandomNumbers(samples=2)))
        ),
    )
    today = job.record()
    text = json.dumps(today)
    for new, old in (
        ('"gradients"', '"paths"'),
        ('"gradient"', '"path"'),
        ('"expected_network"', '"mean"'),
        ('"common_random_numbers"', '"replay"'),
    ):
        assert new in text
        text = text.replace(new, old)
    Checkpoint(tmp_path, json.loads(text), 1).save({}, {"epochs": []})
    read = Checkpoint(tmp_path, today, 1, data.domain).load()
    assert read is not None
    assert read[1] == {"epochs": []}
    # What differs in more than words is another run, as before.
    other = dataclasses.replace(job, objective=Objective(job.objective.terms)).record()
    with pytest.raises(SettingError, match=r"another training run: objective.inputs was"):
        Checkpoint(tmp_path, other, 1, data.domain).load()
