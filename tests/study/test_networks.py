"""``[[network]]``: a trained network in a file is attacked as if the run had trained it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from spikeproof.analysis import compare, extract, extracted, results, summarise
from spikeproof.base import FileProblem, InputError, SettingError, read_arrays
from spikeproof.data import load
from spikeproof.evaluate import Audit, audit
from spikeproof.models import load_model, model_digest, save_model
from spikeproof.report import write_report
from spikeproof.study import (
    CellsFailed,
    DataPlan,
    NetworkPlan,
    Plan,
    cells_of,
    load_plan,
    run,
    status,
)
from spikeproof.threats import standard_threats
from support.run_files import contents

PART = DataPlan(name="digits", threats=("linf", "l0"))


@pytest.fixture(scope="module")
def file(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that the tiny study trained, in a file of its own."""
    source = next(whole.glob("cells/*/model.safetensors"))
    return Path(shutil.copy(source, tmp_path_factory.mktemp("file") / "mine.safetensors"))


def plan_of(file: Path, **changes: object) -> Plan:
    """One network, two ladders, a probe."""
    settings: dict[str, object] = {
        "name": "files",
        "data": (PART,),
        "network": (NetworkPlan(name="mine", file=str(file)),),
        "items": 6,
        "draws": 2,
        "probe_items": 3,
    }
    return Plan(**{**settings, **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def ran(file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plan of one network, run."""
    folder = tmp_path_factory.mktemp("ran") / "run"
    run(plan_of(file), folder)
    return folder


def test_a_network_from_a_file_has_the_cells_of_a_training(file: Path) -> None:
    cells = cells_of(plan_of(file))
    assert [cell.kind for cell in cells] == ["network", "diagnosis", "attack", "attack", "probe"]
    assert {cell.parent for cell in cells[1:]} == {cells[0].id}
    assert cells[0].title == "digits · mine · seed 0 · network"
    assert cells[0].cell["model_sha256"] == model_digest(load_model(file))


def test_the_place_of_the_file_enters_no_id_and_the_network_does(
    file: Path, tmp_path: Path
) -> None:
    copied = Path(shutil.copy(file, tmp_path / "other.safetensors"))
    ids = [cell.id for cell in cells_of(plan_of(file))]
    assert [cell.id for cell in cells_of(plan_of(copied))] == ids
    network = load_model(file)
    next(network.parameters()).data.mul_(1.01)
    save_model(network, copied)
    assert not {cell.id for cell in cells_of(plan_of(copied))} & set(ids)
    renamed = plan_of(file, network=(NetworkPlan(name="mine", file=str(file), seed=3),))
    assert cells_of(renamed)[1].cell["seed"] == 3


def test_the_run_holds_the_network_and_needs_the_file_no_more(
    file: Path, ran: Path, tmp_path: Path
) -> None:
    copied = Path(shutil.copy(file, tmp_path / "gone.safetensors"))
    folder = tmp_path / "run"
    run(plan_of(copied), folder)
    copied.unlink()
    assert status(folder).complete
    assert contents(folder / "cells") == contents(ran / "cells")
    (held,) = folder.glob("cells/*/model.safetensors")
    assert model_digest(load_model(held)) == model_digest(load_model(file))


def test_numbers_are_those_of_an_audit_of_the_same_items(file: Path, ran: Path) -> None:
    data = load("digits")
    known = standard_threats(data)
    found = audit(load_model(file), data, [*known["linf"], *known["l0"]], "quick", items=6, draws=2)
    again = Audit.load(ran)
    assert again.to_dict() == found.to_dict()
    assert again.table() == found.table()
    for one, two in zip(again.outcomes, found.outcomes, strict=True):
        for name, array in one.arrays().items():
            np.testing.assert_array_equal(array, two.arrays()[name])
    assert again.source is not None and found.source is not None
    assert again.source.network_sha256 == found.source.network_sha256
    assert again.source.data_sha256 == found.source.data_sha256
    assert again.source.domain == found.source.domain


def test_every_reader_takes_a_network_like_a_training(ran: Path, tmp_path: Path) -> None:
    found = results(ran)
    assert found.trainings("digits") == ["mine"]
    assert found.undefended("digits") is None
    cells = {(c.threat, c.level): c.estimate.value for c in found.matrix("digits")}
    shares = read_arrays(next(ran.glob("cells/*/items.npz")))  # some cell, to see it is the same
    assert set(cells) >= {("linf", 0), ("l0", 2), ("union", 1)}
    assert len(shares["items"]) in (3, 6)
    assert [m["training"] for m in found.provenance()["models"].values()] == ["mine"]
    assert summarise(found).provenance["cells"] == {"complete": 5, "total": 5}
    kept = extracted(extract(ran, tmp_path / "extract.json"))
    assert [c.estimate for c in kept.matrix("digits")] == [
        c.estimate for c in found.matrix("digits")
    ]
    page = write_report(ran, tmp_path / "report.html").read_text("utf-8")
    assert "mine" in page and "linf" in page
    assert status(ran).complete


def test_networks_and_trainings_share_a_plan(file: Path, tiny: Plan) -> None:
    import dataclasses

    network = (NetworkPlan(name="mine", file=str(file)),)
    both = dataclasses.replace(tiny, network=network)
    before, after = cells_of(tiny), cells_of(both)
    assert {cell.id for cell in before} < {cell.id for cell in after}
    assert [c.cell["training"] for c in after if c.parent is None] == ["plain", "SR", "mine"]
    with pytest.raises(SettingError, match="training plain is there twice"):
        dataclasses.replace(tiny, network=(NetworkPlan(name="plain", file="x"),))


def test_a_plan_without_networks_keeps_its_record(tiny: Plan) -> None:
    assert not {"network", "budget", "keep_adversarials"} & tiny.record().keys()
    assert all("source" not in cell.record() for cell in cells_of(tiny))


def test_a_plan_file_names_a_network_beside_itself(file: Path, tmp_path: Path) -> None:
    shutil.copy(file, tmp_path / "net.safetensors")
    text = (
        'name = "p"\nitems = 4\nprobe_items = 0\n[[data]]\nname = "digits"\nthreats = ["linf"]\n'
        '[[network]]\nname = "mine"\nfile = "net.safetensors"\n'
    )
    (tmp_path / "plan.toml").write_text(text)
    plan = load_plan(tmp_path / "plan.toml")
    assert plan.network[0].file == str(tmp_path / "net.safetensors")
    assert [cell.kind for cell in cells_of(plan)] == ["network", "diagnosis", "attack"]
    assert Plan.from_record(json.loads(json.dumps(plan.record()))) == plan


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        ({"file": "no.safetensors"}, FileProblem, "there is no model file at no.safetensors"),
        ({"sha256": "0" * 64}, FileProblem, "is not the file that the plan means"),
        ({"sha256": "abc"}, SettingError, "64 digits 0-9 and a-f"),
        ({"data": ("digits", "nmnist")}, SettingError, "Unknown data set of this plan 'nmnist'"),
        ({"seed": -1}, SettingError, "seed must be at least 0"),
    ],
)
def test_a_network_that_cannot_be_is_refused(
    file: Path, change: dict[str, object], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        cells_of(plan_of(file, network=(NetworkPlan(**{"name": "m", "file": str(file)} | change),)))


def test_a_network_for_other_inputs_is_refused(file: Path) -> None:
    with pytest.raises(InputError, match=r"digits-events has \(10, 2, 16, 16\)"):
        cells_of(plan_of(file, data=(DataPlan(name="digits-events", threats=("linf",)),)))


def test_a_changed_file_is_told_and_what_it_looked_at_set_aside(file: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copy(file, tmp_path / "net.safetensors"))
    plan = plan_of(copied, data=(DataPlan(name="digits", threats=("linf",)),), probe_items=0)
    run(plan, tmp_path / "run")
    network = load_model(copied)
    next(network.parameters()).data.mul_(1.5)
    save_model(network, copied)
    with pytest.warns(UserWarning, match="is not the one that .* was begun with"):
        again = run(plan, tmp_path / "run")
    assert (again.done, again.stale) == (3, 3)


def test_a_file_that_changes_while_the_study_begins_fails_what_needs_it(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from spikeproof.study import own

    copied = Path(shutil.copy(file, tmp_path / "net.safetensors"))

    def changed(path: str) -> object:
        network = load_model(path)
        next(network.parameters()).data.mul_(1.5)
        return network

    monkeypatch.setattr(own, "load_model", changed)
    with pytest.raises(CellsFailed, match="5 of 5 cells failed.*was changed while") as caught:
        run(plan_of(copied), tmp_path / "run")
    assert "its network is missing" in caught.value.failures[-1].error


def test_two_runs_of_different_networks_differ_in_a_setting(
    file: Path, ran: Path, tmp_path: Path
) -> None:
    network = load_model(file)
    next(network.parameters()).data.mul_(1.5)
    other = tmp_path / "mine.safetensors"
    save_model(network, other)
    run(plan_of(other), tmp_path / "run")
    found = compare(ran, tmp_path / "run")
    named = {row.setting for row in found.settings}
    assert named == {"network_sha256"}
    assert {row.threat for row in found.numbers} == {"clean", "linf", "l0"}
    assert all(row.paired for row in found.numbers)


def test_a_budget_of_passes_is_part_of_the_cells_and_gives_the_same_again(
    file: Path, tmp_path: Path
) -> None:
    plan = plan_of(file, budget="600p", probe_items=0)
    cells = cells_of(plan)
    assert [cell.cell["budget"] for cell in cells if cell.kind == "attack"] == [
        {"passes": 300},
        {"passes": 300},
    ]
    assert all("budget" not in cell.cell for cell in cells_of(plan_of(file)))
    for name in "ab":
        run(plan, tmp_path / name)
    assert contents(tmp_path / "a" / "cells") == contents(tmp_path / "b" / "cells")
    data = load("digits")
    known = standard_threats(data)
    threats = [*known["linf"], *known["l0"]]
    direct = audit(load_model(file), data, threats, "quick", items=6, draws=2, budget="600p")
    found = Audit.load(tmp_path / "a")
    assert found.to_dict() == direct.to_dict()
    assert found.budget is not None and found.budget.record()["reproducible"]
    with pytest.raises(SettingError, match="A budget is a number with s, m, h"):
        plan_of(file, budget="much")
