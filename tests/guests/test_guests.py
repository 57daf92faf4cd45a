"""A package of another author works in plans, commands and worker processes; a broken one is told.

No file of spikeproof knows the guest: it is a distribution with entry points (tests/support/guest).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Asked = Callable[..., Any]
PLAN = """
name = "guests"
items = 6
draws = 2
probe_items = 2
suite = "quick"

[[data]]
name = "digits"
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
inputs = { attack = { kind = "twice", attack = { kind = "pgd", steps = 2 } }, threat = "half", radius = 0.2 }
"""  # noqa: E501


@pytest.fixture(scope="module")
def run(command: Asked, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the plan, by two worker processes."""
    folder = tmp_path_factory.mktemp("guests")
    (folder / "plan.toml").write_text(PLAN, encoding="utf-8")
    command("study", "run", folder / "plan.toml", "--folder", folder / "run", "--workers", 2)
    return folder / "run"


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
    assert set(found) == {"train", "half", "linf", "probe"}
    objective = found["train"]["cell"]["objective"]
    assert objective["terms"]["size"] == {"kind": "logit_size", "scale": 2.0, "weight": 0.1}
    assert objective["inputs"]["attack"]["attack"]["steps"] == 2
    assert objective["inputs"]["threat"]["geometry"] == {"kind": "half"}
    assert found["half"]["cell"]["threat"]["radii"] == [0.1]


def test_two_worker_processes_and_one_process_write_the_same(
    run: Path, command: Asked, tmp_path: Path
) -> None:
    command("study", "run", run.parent / "plan.toml", "--folder", tmp_path / "one", "--workers", 1)
    for path in sorted(run.glob("cells/*/record.json")):
        assert (tmp_path / "one" / path.relative_to(run)).read_bytes() == path.read_bytes()


def test_commands_take_what_a_guest_brings(run: Path, command: Asked, tmp_path: Path) -> None:
    listed = json.loads(command("list", "--json")[0])
    assert listed["attacks"]["twice"].startswith("Run an attack, and then run it again")
    assert listed["threats"]["half"].startswith("Features of the first half")
    assert "logit_size" in listed["terms"]
    assert "flat" in listed["gradients"]
    model = next(run.glob("cells/*/model.safetensors"))
    small = ("--data", "digits", "--items", 6, "--suite", "quick", "--json")
    found = json.loads(command("audit", model, *small, "--threat", "half", "--radius", "0.2")[0])
    assert found["threats"][0]["name"] == "half"
    at = ("--objective", "AT", "--threat", "half", "--radius", "0.1", "--epochs", 1, "--width", 4)
    told = json.loads(
        command("train", "--data", "digits", *at, "--folder", tmp_path / "t", "--json")[0]
    )
    assert told["objective"]["inputs"]["threat"]["name"] == "half"


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
