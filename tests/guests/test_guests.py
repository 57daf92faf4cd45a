"""A package of another author works in plans, commands and worker processes; a broken one is told.

No file of spikeproof knows the guest: it is a distribution with entry points (tests/support/guest).
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spikeproof.analysis import results, summarise, verdicts
from spikeproof.report import compose

GUEST = Path(__file__).parents[1] / "support" / "guest"
Asked = Callable[..., Any]
PLAN = """
name = "guests"
items = 6
draws = 2
probe_items = 2
suite = "quick"
claims = ["anything-was-trained", "attack-beats-random"]

[compute]
executor = { kind = "spoken", name = "cells.txt" }

[[data]]
name = "bars"
model = "cnn-small"
timesteps = 2
width = 4
epochs = 1
train_items = 60
validation_items = 20
threats = ["half", "linf"]
radii = { half = [0.1, 0.2] }
levels = [0]

[[training]]
name = "guest"
terms = { error = { kind = "cross_entropy", weight = 1.0 }, size = { kind = "logit_size", scale = 2.0, weight = 0.1 } }
inputs = { attack = { kind = "twice", attack = { kind = "pgd", steps = 2 } }, threat = "half", radius = 0.2, settings = { gradient = "flat" } }
"""  # noqa: E501
DONE = ("train", "diagnosis", "half", "linf", "probe")
CELLS = [f"bars · guest · seed 0 · {what}\n" for what in DONE]


@pytest.fixture(scope="module")
def run(command: Asked, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the plan, by the guest's executor, which the plan names."""
    folder = tmp_path_factory.mktemp("guests")
    (folder / "plan.toml").write_text(PLAN, encoding="utf-8")
    command("study", "run", folder / "plan.toml", "--folder", folder / "run")
    return folder / "run"


@pytest.fixture(scope="module")
def other(command: Asked, run: Path) -> Path:
    """A run of the same plan by two worker processes."""
    there = run.parent / "other"
    two = ("--executor", "processes", "--workers", 2)
    command("study", "run", run.parent / "plan.toml", "--folder", there, *two)
    return there


def records(run: Path) -> dict[str, Any]:
    """What every cell wrote, by what it did."""
    found = [json.loads(path.read_text()) for path in run.glob("cells/*/record.json")]
    cells = {record["id"]: record["cell"] for record in found}
    return {
        cell["threat"]["name"] if cell["kind"] == "attack" else cell["kind"]: record
        for record, cell in zip(found, cells.values(), strict=True)
    }


def test_a_plan_trains_and_attacks_with_what_a_guest_brings(run: Path) -> None:
    found = records(run)
    assert set(found) == set(DONE)
    assert all(record["cell"]["data"] == "bars" for record in found.values())
    objective = found["train"]["cell"]["objective"]
    assert objective["terms"]["size"] == {"kind": "logit_size", "scale": 2.0, "weight": 0.1}
    assert objective["inputs"]["attack"]["attack"]["steps"] == 2
    assert objective["inputs"]["gradient"] == {"kind": "flat", "slope": 0.5}
    assert objective["inputs"]["threat"]["geometry"] == {"kind": "half"}
    assert found["half"]["cell"]["threat"]["radii"] == [0.1]


def test_two_worker_processes_write_the_same_as_the_executor_of_the_guest(
    run: Path, other: Path
) -> None:
    assert (run / "cells.txt").read_text("utf-8") == "".join(CELLS)
    assert not (other / "cells.txt").exists()
    paths = sorted(path.relative_to(run) for path in run.glob("cells/*/record.json"))
    assert len(paths) == len(CELLS)
    for path in paths:
        assert (other / path).read_bytes() == (run / path).read_bytes()


def test_an_executor_of_a_guest_is_named_on_the_command_line(
    run: Path, command: Asked, tmp_path: Path
) -> None:
    plan = PLAN.replace('kind = "spoken", name = "cells.txt"', 'kind = "in-process"')
    (tmp_path / "plan.toml").write_text(plan, encoding="utf-8")
    there = tmp_path / "run"
    command("study", "run", tmp_path / "plan.toml", "--folder", there, "--executor", "spoken")
    assert (there / "spoken.txt").read_text("utf-8") == "".join(CELLS)
    _, said = command("study", "run", "quick", "--executor", "spokn", code=1)
    assert "Unknown executor 'spokn'. Did you mean 'spoken'?" in said


def test_the_report_says_what_a_guest_says_of_itself(
    run: Path, other: Path, command: Asked, asked: Asked
) -> None:
    command("report", run)
    page = (run / "report.html").read_text("utf-8")
    assert "<h4>half: largest change of a value in the first half</h4>" in page
    assert "<h3>Bars</h3>" in page
    assert "radius (brightness, 0–1)" in page
    assert "1. The run trained something</h3>" in page
    same = json.loads(command("compare", run, other, "--json")[0])["numbers"]
    assert {row["threat"] for row in same} == {"clean", "half", "linf"}
    assert all(row["difference"] == 0 for row in same)
    found = asked(f"""
from spikeproof.analysis import results, verdicts
answer = [[v.claim, v.data, v.verdict] for v in verdicts(results({str(run)!r}, draws=20))]
""")
    assert found[0] == ["anything-was-trained", "bars", "supported"]
    assert [claim for claim, *_ in found] == ["anything-was-trained", "attack-beats-random"]


def test_a_run_is_shown_where_the_guest_is_not_installed(run: Path) -> None:
    found = results(run, draws=20)
    absent = verdicts(found)[0]
    assert (absent.claim, absent.verdict) == ("anything-was-trained", "undecided")
    assert absent.explanation.startswith("Unknown claim 'anything-was-trained'.")
    page = compose(summarise(found))
    assert "<h4>half: radius</h4>" in page
    assert "<h3>bars</h3>" in page
    assert "The claim 'anything-was-trained'</h3>" in page.replace("&#39;", "'")


def test_commands_take_what_a_guest_brings(run: Path, command: Asked, tmp_path: Path) -> None:
    sets = {one["name"]: one for one in json.loads(command("data", "list", "--json")[0])}
    assert sets["bars"]["classes"] == 2
    assert sets["bars"]["radii"]["half"] == [0.1, 0.2, 0.4]
    model = next(run.glob("cells/*/model.safetensors"))
    small = ("--data", "bars", "--items", 6, "--suite", "quick", "--json")
    found = json.loads(command("audit", model, *small, "--threat", "half", "--radius", "0.2")[0])
    assert found["threats"][0]["name"] == "half"
    at = ("--objective", "AT", "--threat", "half", "--radius", "0.1", "--epochs", 1)
    told = json.loads(
        command("train", "--data", "bars", *at, "--folder", tmp_path / "t", "--json")[0]
    )
    assert told["objective"]["inputs"]["threat"]["name"] == "half"
    assert told["objective"]["inputs"]["threat"]["radius"] == 0.1
    assert Path(told["model"]).is_file()


def test_what_a_guest_brings_is_listed(command: Asked) -> None:
    listed = json.loads(command("list", "--json")[0])
    assert listed["attacks"]["twice"].startswith("Run an attack, and then run it again")
    assert listed["threats"]["half"].startswith("Features of the first half")
    assert "bars 0.1, 0.2, 0.4" in listed["threats"]["half"]
    assert listed["data"]["bars"] == "image: Bars drawn by the guest package."
    assert listed["claims"]["anything-was-trained"].startswith("Does the run hold at least")
    assert listed["executors"]["spoken"].startswith("Compute cells as InProcess does")
    assert "logit_size" in listed["terms"]
    assert "flat" in listed["gradients"]


def test_no_file_of_spikeproof_names_the_guest() -> None:
    """Neither the package nor anything it offers under a name that means nothing else."""
    points = tomllib.loads((GUEST / "pyproject.toml").read_text("utf-8"))["project"]["entry-points"]
    names = {value.partition(":")[2] for group in points.values() for value in group.values()}
    names |= {name for group in points.values() for name in group} - {"bars"}  # figures are bars
    assert {"Half", "half", "Bars", "anything-was-trained", "spoken", "flat"} <= names
    names -= {"Bars"}  # a kind of figure, too
    word = re.compile(rf"[\"'](?:{'|'.join(names)})[\"']|spikeproof[-_]guest")
    root = Path(__file__).parents[2] / "src"
    found = [
        p
        for p in root.rglob("*")
        if p.suffix in {".py", ".toml", ".j2"} and word.search(p.read_text("utf-8"))
    ]
    assert not found


def test_python_takes_what_a_guest_brings(asked: Asked) -> None:
    answer = asked("""
import torch
from spikeproof.attacks import ATTACKS
from spikeproof.base import seeds
from spikeproof.data import Domain
from spikeproof.evaluate import verify
from spikeproof.oracle import GRADIENTS, Oracle, gradient_from
from spikeproof.threats import GEOMETRIES, Misclassification, Threat, geometry_named, threat_facts
from spikeproof_guest.attack import Twice
from spikeproof_guest.gradient import Flat

domain = Domain(kind="audio", shape=(4,))
threat = Threat(geometry_named("half"), 0.25, domain)
model = torch.nn.Linear(4, 2, bias=False)
model.weight.data.copy_(torch.tensor([[1.0, 1, 1, 1], [0, 0, 0, 0]]))
x = torch.full((1, 4), 0.5)
with Oracle(model, gradient=Flat()) as oracle:
    x_adv = Twice()(oracle, x, Misclassification(torch.tensor([0])), threat, seeds=seeds(0, n=1))
checked = verify(model, x, x_adv, torch.tensor([0]), threat)
steep = {"kind": "expected_network", "gradient": {"kind": "flat", "slope": 2}}
mixture = {"kind": "mixture", "gradients": ["flat", steep]}
answer = {
    "x_adv": x_adv.tolist(),
    "distance": checked.distance.tolist(),
    "record": threat.record(),
    "kind": ATTACKS.record(Twice()),
    "mixture": GRADIENTS.record(gradient_from(mixture)),
    "title": threat_facts("half").title,
}
""")
    assert answer["x_adv"] == [[0.25, 0.25, 0.5, 0.5]]
    assert answer["distance"] == [0.25]
    assert answer["record"]["geometry"] == {"kind": "half"}
    assert answer["kind"]["kind"] == "twice"
    assert answer["kind"]["attack"]["kind"] == "pgd"
    assert answer["mixture"]["gradients"][1]["gradient"] == {"kind": "flat", "slope": 2.0}
    assert answer["title"] == "largest change of a value in the first half"
