"""The commands at work, on settings small enough for a test."""

from __future__ import annotations

import json
import re
import shutil
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from spikeproof.cli.main import run
from spikeproof.study import Plan, load_plan
from support.processes import killed, typed, wait_for
from support.resealed import write_plan
from support.saying import Said

TINY = """
name = "tiny"
seeds = [0]
items = 20
draws = 2
probe_items = 6

[[data]]
name = "digits"
model = "cnn-small"
timesteps = 2
width = 4
epochs = 1
threats = ["linf", "l0"]

[[training]]
name = "plain"
terms = { error = { kind = "cross_entropy", weight = 1.0 } }

[[training]]
name = "SR"
terms = { error = { kind = "cross_entropy", weight = 1.0 }, sparse = { kind = "sparse_gradient", weight = 0.1 } }
"""  # noqa: E501
SMALL = ["--data", "digits", "--width", "4", "--timesteps", "2"]


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plan of eight small cells."""
    path = tmp_path_factory.mktemp("plans") / "tiny.toml"
    path.write_text(TINY, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def tiny(plan: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished run of it."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    assert run(["study", "run", str(plan), "--folder", str(folder), "--workers", "1"]) == 0
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained network's file."""
    folder = tmp_path_factory.mktemp("models") / "mine"
    command = ["train", *SMALL, "--objective", "SR", "--epochs", "1", "--folder", str(folder)]
    assert run(command) == 0
    return folder / "model.safetensors"


def test_a_study_runs_once_and_tells_its_status(said: Said, plan: Path, tiny: Path) -> None:
    code, out, err = said("study", "run", plan, "--folder", tiny, "--workers", "1")
    assert code == 0
    assert "10 of 10 cells done" in out
    assert f"Next: spikeproof report {tiny}" in out
    assert err == f"Preparing {plan} ...\n10 cells, 10 of them done already, about 0 s left\n"
    code, out, _ = said("study", "status", tiny, "--json")
    status = json.loads(out)
    assert (code, status["done"], status["pending"], status["complete"]) == (0, 10, 0, True)


def test_a_run_takes_its_executor_by_name(said: Said, plan: Path, tiny: Path) -> None:
    asked = ("study", "run", plan, "--folder", tiny, "--executor")
    assert said(*asked, "in-process")[0] == 0
    code, _, err = said(*asked, "processs")
    assert (code, "'processs'. Did you mean 'processes'?" in err) == (1, True)


def test_a_run_of_an_earlier_version_says_so(said: Said, tiny: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny, tmp_path / "old")
    record = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    del record["fingerprint"]
    write_plan(folder, record)
    (folder / "manifest.json").unlink()
    told = [said("study", "status", place)[1] for place in (folder, tiny)]
    assert ["These cells carry an earlier fingerprint" in out for out in told] == [True, False]


def test_an_extract_is_written_where_asked(said: Said, tiny: Path, tmp_path: Path) -> None:
    from spikeproof.analysis import extracted

    code, out, _ = said("study", "extract", tiny, "--to", tmp_path / "tiny.json", "--json")
    told = json.loads(out)
    assert (code, told["extract"]) == (0, str(tmp_path / "tiny.json"))
    assert (tmp_path / "tiny.json").stat().st_size == told["bytes"]
    assert extracted(tmp_path / "tiny.json").data() == ["digits"]


def test_a_report_is_written_where_asked(said: Said, tiny: Path, tmp_path: Path) -> None:
    code, out, _ = said("report", tiny, "--to", tmp_path / "page.html", "--json")
    assert code == 0
    told = json.loads(out)
    assert told["report"] == str(tmp_path / "page.html")
    assert (tmp_path / "page.html").stat().st_size == told["bytes"] > 10_000


def test_the_demo_prints_the_matrix_and_the_report(
    said: Said, plan: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def named(_: str) -> Plan:
        return load_plan(plan)

    monkeypatch.setattr("spikeproof.study.load_plan", named)
    code, out, err = said("demo", "--quick", "--folder", tiny, "--workers", "1")
    assert code == 0
    assert "digits: robust accuracy in %, 20 test items × 1 network, suite quick" in " ".join(
        out.split()
    )
    head = next(line for line in out.splitlines() if "training" in line)
    assert re.fullmatch(r" *training +clean +linf [\d.]+ +l0 \d+ +union *", head)
    assert f"Report: {tiny / 'report.html'}" in out
    assert (tiny / "report.html").exists()
    assert "already" in err
    code, out, _ = said("demo", "--quick", "--folder", tiny, "--workers", "1", "--json")
    told = json.loads(out)
    assert {"matrix", "verdicts", "report"} == set(told)
    clean = [row for row in told["matrix"] if row["threat"] == "clean"]
    assert [(row["training"], row["items"]) for row in clean] == [("plain", 20), ("SR", 20)]


def test_the_matrix_says_what_the_records_say(said: Said, tiny: Path) -> None:
    from spikeproof.analysis import results
    from spikeproof.cli.matrix import matrix_record

    told = {
        (row["training"], row["threat"]): row["accuracy"] for row in matrix_record(results(tiny))
    }
    for path in tiny.glob("cells/*/record.json"):
        record = json.loads(path.read_text())
        if record["cell"]["kind"] == "attack":
            key = record["cell"]["training"], record["cell"]["threat"]["name"]
            assert told[key] == pytest.approx(record["result"]["robust_accuracy"][1])
            assert told[key[0], "clean"] == pytest.approx(record["result"]["clean_accuracy"])


def test_two_runs_are_compared(said: Said, tiny: Path) -> None:
    code, out, _ = said("compare", tiny, tiny)
    assert code == 0
    assert "No setting differs." in out
    # No item differs, and so few may hide one that would: the interval has a width.
    assert re.search(r"\+0\.0 \(-\d+\.\d to \+\d+\.\d\)", out)
    assert "given these networks" in out
    assert "unpaired" not in out


def test_an_audit_is_told_saved_and_compared(said: Said, model: Path, tmp_path: Path) -> None:
    few = [model, "--data", "digits", "--suite", "quick", "--items", "20"]
    code, out, err = said(
        "audit", *few, "--threat", "linf", "--radius", "8/255", "--folder", tmp_path / "a"
    )
    assert code == 0
    assert "linf            8/255" in out
    assert "20 items, 1 threat, 1 radius, suite quick: about" in err
    assert "[3/3] 100 % digits · " in err
    code, out, _ = said(
        "audit", *few, "--threat", "linf", "--radius", "0.2", "--folder", tmp_path / "b", "--json"
    )
    assert json.loads(out)["threats"][0]["rows"][0]["radius"] == 0.2
    code, out, _ = said("compare", tmp_path / "a", tmp_path / "b", "--json")
    told = json.loads(out)
    assert [row["setting"] for row in told["settings"]] == ["threats.linf"]
    assert [row["threat"] for row in told["numbers"]] == ["clean"]
    assert told["numbers"][0]["difference"] == 0


def test_a_run_and_an_audit_are_not_compared(
    said: Said, tiny: Path, model: Path, tmp_path: Path
) -> None:
    few = ["--data", "digits", "--suite", "quick", "--items", "2", "--threat", "linf"]
    assert said("audit", model, *few, "--folder", tmp_path / "a")[0] == 0
    for pair in ((tiny, tmp_path / "a"), (tmp_path / "a", tiny)):
        code, out, err = said("compare", *pair)
        assert (code, out) == (1, "")
        assert "compare two of one kind." in err


def test_a_certificate_is_told(said: Said, model: Path) -> None:
    few = [model, "--data", "digits", "--items", "12", "--radius"]
    code, out, _ = said("certify", *few, "1e-6", "--radius", "0.5")
    assert code == 0 and "certified %" in out
    code, out, _ = said("certify", *few, "1e-6", "--radius", "0.5", "--json")
    small, large = json.loads(out)["certificates"]
    assert (small["radius"], small["n"], len(small["bounds"])) == (1e-6, 12, 12)
    # Half the range in every pixel: nothing is certain. A millionth: nearly what is right is.
    assert large["certified"] == 0 < small["certified"] <= 12 * small["clean_accuracy"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--data", "digits-events"], "digits-events has (10, 2, 16, 16). Name the data set"),
        (["--data", "digits", "--threat", "l0", "--radius", "2"], "linf, or l2 and l1 inside"),
        (["--data", "digits", "--items", "100000"], "Cannot evaluate 100000 test items"),
    ],
)
def test_a_certificate_that_cannot_be_is_refused(
    said: Said, model: Path, options: list[str], sentence: str
) -> None:
    code, out, err = said("certify", model, *options)
    assert (code, out) == (1, "")
    assert sentence in err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--data", "digits-events"], "digits-events has (10, 2, 16, 16). Name the data set"),
        (["--data", "digits", "--threat", "linf", "--radius", "8"], "did you mean 8/255?"),
        (["--data", "digits", "--suite", "quik"], "Unknown suite 'quik'. Did you mean 'quick'?"),
        (["--data", "digits", "--items", "100000"], "Cannot evaluate 100000 test items"),
    ],
)
def test_an_audit_that_cannot_be_is_refused(
    said: Said, model: Path, options: list[str], sentence: str
) -> None:
    code, out, err = said("audit", model, *options)
    assert (code, out) == (1, "")
    assert sentence in err


@pytest.mark.parametrize("size", [0, 100, 3000])
def test_a_truncated_model_is_refused(said: Said, model: Path, tmp_path: Path, size: int) -> None:
    (tmp_path / "half.safetensors").write_bytes(model.read_bytes()[:size])
    code, _, err = said("audit", tmp_path / "half.safetensors", "--data", "digits")
    assert code == 1
    assert "half.safetensors is not a whole safetensors model file" in err


def test_a_pickled_model_is_refused_without_running_it(said: Said, tmp_path: Path) -> None:
    import pickle

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "sprung",))  # type: ignore[return-value]

    (tmp_path / "model.pt").write_bytes(pickle.dumps(Trap()))
    code, _, err = said("audit", tmp_path / "model.pt", "--data", "digits")
    assert code == 1
    assert "Pickled checkpoints are never opened" in err
    assert not (tmp_path / "sprung").exists()


def test_training_takes_the_threat_it_is_given(said: Said, tmp_path: Path) -> None:
    command = ["train", *SMALL, "--objective", "AT", "--threat", "l2", "--radius", "1/4"]
    code, out, _ = said(*command, "--epochs", "1", "--folder", tmp_path, "--json")
    told = json.loads(out)
    assert code == 0
    assert told["objective"]["inputs"]["threat"]["name"] == "l2"
    assert told["objective"]["inputs"]["threat"]["radius"] == 0.25
    assert told["epochs"] == 1


def test_training_again_with_other_settings_is_refused(said: Said, model: Path) -> None:
    code, _, err = said("train", *SMALL, "--epochs", "2", "--folder", model.parent)
    assert code == 1
    assert "belongs to another training run" in err


def test_a_killed_training_goes_on_to_the_same_bytes(
    said: Said, server: ForkServerContext, tmp_path: Path
) -> None:
    command = ["train", *SMALL, "--objective", "SR", "--epochs", "4"]
    command += ["--set", "batch-size=256", "--folder"]
    assert said(*command, tmp_path / "whole")[0] == 0
    err = tmp_path / "err"
    typing = ([*command, str(tmp_path / "cut")], tmp_path / "out", err)
    started = server.Process(target=typed, args=typing)
    started.start()
    wait_for(lambda: (err.exists() and "\n[2/4]" in err.read_text()) or not started.is_alive())
    assert started.is_alive()
    killed(started)
    assert not (tmp_path / "cut" / "model.safetensors").exists()
    code, _, told = said(*command, tmp_path / "cut")
    assert code == 0
    assert "[1/4]" not in told
    assert "[4/4]" in told
    one, two = (tmp_path / name / "model.safetensors" for name in ("whole", "cut"))
    assert one.read_bytes() == two.read_bytes()


def test_training_takes_settings_threats_and_augmentation_by_name(
    said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["train", *SMALL, "--epochs", "2", "--folder", tmp_path, "--json"]
    command += ["--set", "batch-size=256", "--set", "select=union", "--set", "average=0.9"]
    command += ["--set", "schedule=step", "--set", "milestones=0.4,0.6"]
    command += ["--validate-under", "linf=0.02", "--exam", "l1"]  # the old name is still read
    command += ["--augment", "shift-image:pixels=1"]
    monkeypatch.setattr("spikeproof.base.notices._told", set())
    code, out, err = said(*command)
    assert code == 0
    told = json.loads(out)
    assert list(told["robust_accuracy"]) == ["l1 1.5", "linf 0.02"]
    assert told["union_accuracy"] == told["validation_accuracy"]
    notice, _, err = err.partition("\n")
    assert notice.startswith("spikeproof train: --exam is now written --validate-under")
    assert err.startswith("Estimate from two steps: about ")
    assert "[2/2] loss" in err
    made = json.loads((tmp_path / "model.card.json").read_text())
    assert made["training"]["settings"]["milestones"] == [0.4, 0.6]
    assert made["training"]["settings"]["batch_size"] == 256
    assert made["training"]["augment"] == [{"kind": "shift-image", "pixels": 1}]
    assert made["cost"] == told["cost"]
    assert told["card"] == str(tmp_path / "model.card.md")
    assert (tmp_path / "training.jsonl").read_text().count("\n") == 2


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (
            "--set learning_rat=0.1",
            1,
            "unknown setting 'learning_rat'. Did you mean 'learning_rate'",
        ),
        ("--set learning_rate", 2, "--set takes NAME=VALUE; got 'learning_rate'"),
        ("--set learning_rate=fast", 1, "learning_rate"),
        ("--set schedule=cosin", 1, "Did you mean 'cosine'"),
        ("--set precision=bfloat16", 1, "mixed precision on CUDA, and the model is on cpu"),
        ("--set select=union", 1, "needs robust validation"),
        ("--augment shift-images", 1, "Did you mean 'shift-image'"),
        ("--augment shift-image:pixel=2", 1, "Did you mean 'pixels'"),
        ("--augment gain", 1, "Gain changes audio, and the items are image"),
        ("--validate-under linff", 2, "Did you mean 'linf'"),
        ("--device gpu", 2, "Unknown device 'gpu'"),
    ],
)
def test_settings_that_do_not_exist_are_answered_with_the_nearest(
    said: Said, options: str, code: int, sentence: str, tmp_path: Path
) -> None:
    found, out, err = said("train", *SMALL, "--folder", tmp_path, *options.split())
    assert (found, out) == (code, "")
    assert sentence in err
    assert "Traceback" not in err
