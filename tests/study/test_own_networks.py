"""``[[network]]`` with ``build``: a network that a user's code makes is studied like any other."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from spikeproof.adapters import network_of
from spikeproof.analysis import compare, results, verify
from spikeproof.base import FileProblem, InputError, SettingError
from spikeproof.data import load
from spikeproof.evaluate import Audit, audit, rescore_run
from spikeproof.models import load_model, read_tensors
from spikeproof.report import write_report
from spikeproof.study import (
    Cell,
    CellsFailed,
    DataPlan,
    NetworkPlan,
    Plan,
    TimingPlan,
    audit_plan,
    cells_of,
    load_plan,
    merge,
    run,
    status,
)
from spikeproof.threats import standard_threats
from support.own_networks import write_nets, write_weights
from support.run_files import contents

PART = DataPlan(name="digits", threats=("linf", "l0"), levels=(1,))


@pytest.fixture
def nets(tmp_path: Path) -> Path:
    """The files of a network, with weights beside them."""
    path = write_nets(tmp_path / "theirs")
    write_weights(path)
    return path


def plan_of(nets: Path, *, network: dict[str, Any] | None = None, **changes: Any) -> Plan:
    """One network, two ladders, a probe."""
    table = {"name": "mine", "build": f"{nets}:build", "weights": str(nets.with_name("w.pt"))}
    settings: dict[str, Any] = {
        "name": "own",
        "data": (PART,),
        "network": (NetworkPlan(**{**table, **(network or {})}),),
        "items": 6,
        "draws": 2,
        "probe_items": 3,
    }
    return Plan(**{**settings, **changes})


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plan, run, with the inputs that broke items; the code lies beside it."""
    folder = tmp_path_factory.mktemp("ran")
    nets = write_nets(folder / "theirs")
    write_weights(nets)
    run(plan_of(nets, keep_adversarials=True), folder / "run")
    return folder / "run"


def ids(plan: Plan) -> list[str]:
    """The ids of its cells."""
    return [cell.id for cell in cells_of(plan)]


def edit(path: Path, old: str, new: str) -> None:
    """Change a file."""
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_its_cells_are_those_of_a_training(nets: Path) -> None:
    cells = cells_of(plan_of(nets))
    kinds = [cell.kind for cell in cells if cell.kind != "diagnosis"]
    assert kinds == ["network", "attack", "attack", "probe"]
    first = cells[0].cell
    assert first["model"]["name"] == "nets.py:build" and first["model"]["classes"] == 10
    assert set(first["model"]["source"]["files"]) == {"nets.py", "layers.py"}
    assert {cell.source for cell in cells} == {f"{nets}:build"}
    assert str(nets.parent) not in json.dumps([cell.cell for cell in cells])


def test_an_id_holds_what_the_code_says_and_the_weights_and_no_place(nets: Path) -> None:
    whole = ids(plan_of(nets))
    moved = shutil.copytree(nets.parent, nets.parents[1] / "moved") / "nets.py"
    assert ids(plan_of(moved)) == whole
    edit(moved, "class Net", "# A comment.\nclass Net")
    assert ids(plan_of(moved)) == whole
    safe = network_of(f"{moved}:build", moved.with_name("w.pt"), example=torch.rand(2, 1, 8, 8))
    assert ids(plan_of(moved, network={"arguments": {"width": 16}})) != whole
    seen = {tuple(whole)}
    for change in (
        lambda: edit(moved.with_name("layers.py"), "3.14", "3.15"),
        lambda: edit(moved, "0.3", "0.31"),
        lambda: write_weights(moved, scale=1.6),
    ):
        change()
        found = tuple(ids(plan_of(moved)))
        assert not any(set(found) & set(other) for other in seen)
        seen.add(found)
    assert not safe.training


def test_code_of_this_package_that_it_imports_counts(nets: Path) -> None:
    def code() -> str:
        return cells_of(plan_of(nets, network={"weights": None}))[0].code_sha256

    found = {code()}
    edit(nets, "import torch", "import torch\nfrom spikeproof.train import TrainingSettings")
    found.add(code())
    edit(nets, "import TrainingSettings", "import fit")
    found.add(code())
    assert len(found) == 3


def test_spikes_inside_it_are_not_moved(nets: Path) -> None:
    part = DataPlan(name="digits", threats=("linf",), timing=TimingPlan(hidden=True))
    with pytest.raises(SettingError, match="'mine': the spikes inside a network of your own code"):
        cells_of(plan_of(nets, data=(part,)))


def test_tables_with_files_keep_their_record() -> None:
    record = NetworkPlan(name="a", file="b").record()
    assert set(record) == {"name", "file", "data", "seed", "sha256"}


def test_numbers_are_those_of_an_audit_of_the_network(ran: Path) -> None:
    data = load("digits")
    nets = ran.parent / "theirs" / "nets.py"
    network = network_of(f"{nets}:build", nets.with_name("w.pt"), example=data.validation.x[:8])
    known = standard_threats(data)
    found = audit(network, data, [known["linf"][1], known["l0"][1]], "quick", items=6, draws=2)
    again = Audit.load(ran)
    assert again.to_dict() == found.to_dict()
    for one, two in zip(again.outcomes, found.outcomes, strict=True):
        for name, array in one.arrays().items():
            np.testing.assert_array_equal(array, two.arrays()[name])
    assert again.source is not None and again.source.network == "nets.py:build"


def test_the_run_keeps_weights_and_text_and_never_runs_the_copy(ran: Path) -> None:
    (holder,) = [path.parent for path in ran.glob("cells/*/source.json")]
    texts = json.loads((holder / "source.json").read_text("utf-8"))["files"]
    nets = ran.parent / "theirs" / "nets.py"
    assert texts == {
        path.name: path.read_text("utf-8") for path in (nets.with_name("layers.py"), nets)
    }
    tensors, header = read_tensors(holder / "model.safetensors")
    wanted = torch.load(nets.with_name("w.pt"), weights_only=True)
    assert all(torch.equal(tensors[name], wanted[name]) for name in wanted)
    assert header["source"]["name"] == "nets.py:build"  # type: ignore[index]
    with pytest.raises(FileProblem, match="weights of a network that code of a user makes"):
        load_model(holder / "model.safetensors")
    result = json.loads((holder / "record.json").read_text("utf-8"))["result"]
    assert result["parameters"] == 64 * 16 + 16 + 160 + 10
    assert result["reading"]["library"] and isinstance(result["reading"]["notes"], list)


def test_every_reader_takes_it_without_the_code(ran: Path, tmp_path: Path) -> None:
    copied = shutil.copytree(ran, tmp_path / "run")  # where no code lies
    assert status(copied).complete
    found = results(copied)
    assert found.trainings("digits") == ["mine"]
    assert ("linf", 0) in {(c.threat, c.level) for c in found.matrix("digits")}
    assert verify(copied).sound
    (weights,) = copied.glob("cells/*/model.safetensors")
    assert verify(weights).sound
    page = write_report(copied, tmp_path / "report.html").read_text("utf-8")
    assert "mine" in page
    assert {row.setting for row in compare(ran, copied).settings} == set()
    assert Audit.load(copied).to_dict() == Audit.load(ran).to_dict()
    assert [one.holds for one in rescore_run(copied)] == [True, True]
    for one in rescore_run(copied):
        assert one.sentence.endswith(
            "not scored again, as its network is made by nets.py:build, code of yours that is not "
            "run for this."
        )


def test_a_copy_that_was_changed_is_found(ran: Path, tmp_path: Path) -> None:
    copied = shutil.copytree(ran, tmp_path / "run")
    (source,) = copied.glob("cells/*/source.json")
    edit(source, "0.3", "0.4")
    assert not verify(copied).sound


def test_workers_make_it_by_the_same_path_and_need_its_weights_no_more(
    nets: Path, ran: Path, tmp_path: Path
) -> None:
    plan = plan_of(nets, keep_adversarials=True)
    run(plan, tmp_path / "a", workers=2)
    assert contents(tmp_path / "a" / "cells") == contents(ran / "cells")
    for part in (1, 2):
        run(plan, tmp_path / str(part), shard=f"{part}/2")
    merge([tmp_path / "1", tmp_path / "2"], tmp_path / "whole")
    assert contents(tmp_path / "whole" / "cells") == contents(ran / "cells")


def test_what_changed_is_named(nets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of(nets, probe_items=0)
    run(plan, tmp_path / "run")
    edit(nets.with_name("layers.py"), "3.14", "3.15")
    with pytest.warns(UserWarning, match=r"layers\.py, of the network that .*nets\.py:build makes"):
        run(plan, tmp_path / "run")
    write_weights(nets, scale=1.7)
    with pytest.warns(UserWarning, match="is not the one that .* was begun with"):
        run(plan, tmp_path / "run")
    assert status(tmp_path / "run").complete

    def planned(plan: Plan) -> list[Cell]:
        cells = cells_of(plan)
        edit(nets.with_name("layers.py"), "3.15", "3.16")
        return cells

    monkeypatch.setattr(sys.modules[run.__module__], "cells_of", planned)
    with pytest.raises(CellsFailed, match=r"layers\.py, which make.* changed while the study ran"):
        run(plan, tmp_path / "other")


def test_other_code_or_weights_than_the_plan_means_are_refused(nets: Path) -> None:
    data = load("digits")
    plan = audit_plan(f"{nets}:build", data, ["linf"], weights=nets.with_name("w.pt"), items=4)
    (network,) = plan.network
    assert network.name == "nets-build" and network.sha256 and network.source_sha256
    assert cells_of(plan)
    edit(nets.with_name("layers.py"), "3.14", "3.15")
    with pytest.raises(FileProblem, match=r"is not the code that the plan means .*nets\.py, layer"):
        cells_of(plan)
    edit(nets.with_name("layers.py"), "3.15", "3.14")
    write_weights(nets, scale=2.0)
    with pytest.raises(FileProblem, match=r"w\.pt is not the file that the plan means"):
        cells_of(plan)


TABLE = """
name = "own"
items = 4
probe_items = 0

[[data]]
name = "digits"
threats = ["linf"]

[[network]]
name = "mine"
build = "theirs/nets.py:build"
weights = "theirs/w.pt"
arguments = { width = 16 }
"""


def test_paths_of_a_plan_file_start_at_its_folder(nets: Path, tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(TABLE)
    (network,) = load_plan(path).network
    assert network.build == f"{nets}:build" and network.weights == str(nets.with_name("w.pt"))
    assert {"network", "attack"} <= {cell.kind for cell in cells_of(load_plan(path))}
    path.write_text(TABLE.replace("theirs/nets.py:build", "torch.nn:Linear"))
    assert load_plan(path).network[0].build == "torch.nn:Linear"


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"name": "a"}, "needs a name and a file, or a name and build"),
        ({"name": "a", "file": "b", "build": "c.py:d"}, "needs a name and a file, or a name and"),
        ({"name": "a", "file": "b", "weights": "c"}, "weights belongs to build = 'module.py:bui"),
        ({"name": "a", "file": "b", "arguments": {"c": 1}}, "arguments belongs to build"),
        ({"name": "a", "build": "w.pt"}, "build names a function, 'module.py:build' or"),
        ({"name": "a", "build": "b.py:c", "arguments": {"d": float("nan")}}, "arguments may hold"),
        ({"name": "a", "build": "b.py:c", "adapt": {"mean": {1, 2}}}, "adapt may hold texts"),
        ({"name": "a", "build": "b.py:c", "source_sha256": "1"}, "source_sha256 is 64 digits"),
    ],
)
def test_tables_that_make_no_sense_are_refused(table: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        NetworkPlan(**table)


def test_networks_that_cannot_be_attacked_on_the_data_are_refused(nets: Path) -> None:
    edit(nets, "nn.Linear(width, 10)", "nn.Linear(width, 4)")
    with pytest.raises(InputError, match=r"nets\.py:build answers 4 classes; digits has 10"):
        cells_of(plan_of(nets, network={"weights": None}))
    edit(nets, "nn.Linear(64", "nn.Linear(63")
    with pytest.raises(InputError, match=r"nets\.py:build.* of shape \((8, )?1, 8, 8\)"):
        cells_of(plan_of(nets, network={"weights": None}))
    nets.with_name("w.pt").unlink()
    with pytest.raises(FileProblem, match=r"\[\[network\]\] 'mine': there is no weights file at"):
        cells_of(plan_of(nets))


def test_weights_belong_to_code_and_not_to_a_file(nets: Path) -> None:
    with pytest.raises(SettingError, match="is a file, which says all by itself, and weights belo"):
        audit_plan("model.safetensors", load("digits"), weights="w.pt")


def test_a_network_that_is_another_one_every_time_is_refused(nets: Path, tmp_path: Path) -> None:
    edit(nets, "return Net(width)", "import time\n    return Net(16, time.time_ns() % 1000 + 1)")
    plan = plan_of(nets, probe_items=0)
    cells_of(plan)  # the same weights: what differs is no tensor, and nothing can tell
    edit(nets, "return Net(", "import os; torch.manual_seed(os.getrandom(4)[0]); return Net(")
    with pytest.raises(CellsFailed, match="are not those that the study was planned with"):
        run(plan_of(nets, network={"weights": None}, probe_items=0), tmp_path / "run")
