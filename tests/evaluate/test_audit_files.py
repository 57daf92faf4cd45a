"""An audit on disk: read again, gone on with, and never a mixture of two."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn

from spikeproof.analysis import compare
from spikeproof.attacks import PGD, Member, Suite
from spikeproof.base import FileProblem, SettingError, read_arrays, write_arrays
from spikeproof.data import load
from spikeproof.evaluate import Audit, audit
from spikeproof.threats import Linf, Threat, standard_threats
from support.lines import DOMAIN, QUICK, Half, line


@pytest.mark.parametrize("budget", [None, "700p"])
def test_what_was_saved_comes_back_whole(tmp_path: Path, budget: str | None) -> None:
    found = audit(Half(), line(), suite=QUICK, budget=budget)
    found.save(tmp_path)
    again = Audit.load(tmp_path)
    assert again.to_dict() == found.to_dict()
    assert again.table() == found.table()
    assert (again.source, again.suite, again.budget) == (found.source, "custom", found.budget)
    for one, two in zip(again.outcomes, found.outcomes, strict=True):
        assert (one.ladder, one.stats, one.passes) == (two.ladder, two.stats, two.passes)
        for name, array in one.arrays().items():
            np.testing.assert_array_equal(array, two.arrays()[name])
    made = json.loads((tmp_path / "wall.json").read_text())
    assert set(made) - {"commit"} == {"command", "finished", "package_sha256"}
    found.save(tmp_path)  # the same again is no other audit


def test_an_audit_of_the_version_before_is_read(tmp_path: Path) -> None:
    """Schema 1 said nothing of hashes, and left the domain to the data set."""
    data = load("digits")
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    ladder = standard_threats(data)["linf"]
    found = audit(network, data, ladder, QUICK, items=12, draws=2)
    arrays = {f"linf.{name}": array for name, array in found.outcomes[0].arrays().items()}
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_arrays(tmp_path / name / "items.npz", arrays)
        (tmp_path / name / "audit.json").write_text(json.dumps(found.to_dict()))
    again = Audit.load(tmp_path / "a")
    assert again.to_dict() == found.to_dict()
    assert again.source is None
    told = compare(tmp_path / "a", tmp_path / "b")
    # Nobody knows whether these are audits of one network, and so it says.
    (row,) = told.settings
    assert (row.setting, row.first, row.second) == ("network_sha256", *["not recorded"] * 2)


def test_audits_of_different_networks_are_told_apart(tmp_path: Path) -> None:
    for name, at in (("a", 0.5), ("b", 0.55), ("c", 0.5)):
        audit(Half(at), line(), suite=QUICK).save(tmp_path / name)
    found = compare(tmp_path / "a", tmp_path / "b")
    assert [row.setting for row in found.settings] == ["network_sha256"]
    assert all(row.paired for row in found.numbers)
    assert compare(tmp_path / "a", tmp_path / "c").settings == ()
    audit(Half(), line(), suite=QUICK, draws=3).save(tmp_path / "d")
    found = compare(tmp_path / "a", tmp_path / "d")
    assert [row.setting for row in found.settings] == ["draws"]
    other = Suite((Member(attack=PGD(steps=4, step_size=0.5)),))
    audit(Half(), line(), suite=other).save(tmp_path / "e")
    found = compare(tmp_path / "a", tmp_path / "e")
    assert [row.setting for row in found.settings] == ["attacks_sha256"]


def test_a_mixture_of_two_audits_is_found_out(tmp_path: Path) -> None:
    """As a save leaves it that was killed between its two files."""
    audit(Half(), line(), suite=QUICK).save(tmp_path / "a")
    audit(Half(0.55), line(), suite=QUICK).save(tmp_path / "b")
    shutil.copy(tmp_path / "b" / "items.npz", tmp_path / "a" / "items.npz")
    with pytest.raises(FileProblem, match="is not the one that .*audit.json describes"):
        Audit.load(tmp_path / "a")
    with pytest.raises(FileProblem, match="is not the one that"):
        compare(tmp_path / "a", tmp_path / "b")


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"clean_accuracy": 0.99},
        {"suite_name": "full"},
        {"files": {}},
        {"source": None},
    ],
)
def test_a_changed_audit_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    audit(Half(), line(), suite=QUICK).save(tmp_path)
    path = tmp_path / "audit.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(FileProblem, match="was changed after it was written"):
        Audit.load(tmp_path)


@pytest.mark.parametrize("text", ["{}", "[]", "5", '{"schema": 1}', '{"schema": 3}', "{"])
def test_what_is_no_audit_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "audit.json").write_text(text)
    with pytest.raises(FileProblem):
        Audit.load(tmp_path)


def test_another_audit_is_not_replaced(tmp_path: Path) -> None:
    audit(Half(), line(), suite=QUICK).save(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(FileProblem, match="holds another audit; choose another folder"):
        audit(Half(0.55), line(), suite=QUICK).save(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileProblem):
        audit(Half(), line(), suite=QUICK).save(tmp_path / "file")


class Stop(Exception):
    """Breaks an audit off."""


def stop_at(last: str) -> Any:
    """A progress that breaks the audit off when the turn of a ladder comes."""

    def progress(name: str, done: int, total: int) -> None:
        if name == last:
            raise Stop

    return progress


@pytest.mark.parametrize("budget", [None, "700p"])
def test_an_audit_goes_on_where_it_was_broken_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, budget: str | None
) -> None:
    module = sys.modules["spikeproof.evaluate.audit"]  # its function has the same name
    evaluated, real = [], module.evaluate_ladder

    def counted(model: Any, split: Any, ladder: Any, *rest: Any, **more: Any) -> Any:
        evaluated.append(ladder[0].name)
        return real(model, split, ladder, *rest, **more)

    monkeypatch.setattr(module, "evaluate_ladder", counted)
    whole = audit(Half(), line(), suite=QUICK, budget=budget)
    whole.save(tmp_path / "whole")
    evaluated.clear()
    settings: dict[str, Any] = {"suite": QUICK, "folder": tmp_path / "a", "budget": budget}
    with pytest.raises(Stop):
        audit(Half(), line(), progress=stop_at("l2"), **settings)
    assert evaluated == ["linf"] and not (tmp_path / "a" / "audit.json").exists()
    found = audit(Half(), line(), **settings)
    assert evaluated == ["linf", "l2"]
    assert found.to_dict() == whole.to_dict()
    for name in ("audit.json", "items.npz"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert found.outcomes[0].gallery is not None
    again = audit(Half(), line(), **settings)
    assert evaluated == ["linf", "l2"] and again.to_dict() == whole.to_dict()


@pytest.mark.parametrize(
    "change",
    [
        {"model": Half(0.55)},
        {"seed": 1},
        {"draws": 3},
        {"items": 10},
        {"budget": "500p"},
        {"threats": [Threat(Linf(), 0.1, DOMAIN)]},
        {"suite": Suite((Member(attack=PGD(steps=4)),))},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_folder_goes_on_with_its_own_audit_only(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(Stop):
        audit(Half(), line(), suite=QUICK, folder=tmp_path, progress=stop_at("l2"))
    asked: dict[str, Any] = {"model": Half(), "suite": QUICK, "folder": tmp_path} | change

    def attacked(name: str, done: int, total: int) -> None:
        raise AssertionError("an attack began")

    with pytest.raises(FileProblem, match="holds another audit"):
        audit(data=line(), progress=attacked, **asked)


def test_a_damaged_ladder_is_computed_again(tmp_path: Path) -> None:
    with pytest.raises(Stop):
        audit(Half(), line(), suite=QUICK, folder=tmp_path, progress=stop_at("l2"))
    (arrays,) = (tmp_path / "ladders").glob("*.npz")
    arrays.write_bytes(arrays.read_bytes()[:-7])
    with pytest.warns(UserWarning, match="linf is computed again"):
        found = audit(Half(), line(), suite=QUICK, folder=tmp_path)
    assert found.to_dict() == audit(Half(), line(), suite=QUICK).to_dict()


def test_places_that_cannot_be_are_refused_before_the_first_attack(tmp_path: Path) -> None:
    def attacked(name: str, done: int, total: int) -> None:
        raise AssertionError("an attack began")

    def begin(folder: Path) -> None:
        audit(Half(), line(), suite=QUICK, folder=folder, progress=attacked)

    (tmp_path / "file").write_text("x")
    with pytest.raises(FileProblem, match="is a file; an audit needs a folder"):
        begin(tmp_path / "file")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "plan.json").write_text("{}")
    with pytest.raises(FileProblem, match="holds a run"):
        begin(tmp_path / "run")
    audit(Half(0.55), line(), suite=QUICK).save(tmp_path / "other")
    with pytest.raises(FileProblem, match="holds another audit"):
        begin(tmp_path / "other")
    with pytest.raises(FileProblem, match="Cannot"):
        begin(Path("/proc/none/here"))


def test_an_attack_without_a_name_is_refused_before_the_first_attack() -> None:
    class Mine(PGD):
        """An attack that is registered nowhere."""

    def attacked(name: str, done: int, total: int) -> None:
        raise AssertionError("an attack began")

    with pytest.raises(SettingError, match="Mine is not a registered attack"):
        audit(Half(), line(), suite=Suite((Member(attack=Mine(steps=3)),)), progress=attacked)


def test_a_run_of_several_networks_asks_which(tmp_path: Path) -> None:
    from spikeproof.models import build, save_model, spec_of
    from spikeproof.study import DataPlan, NetworkPlan, Plan, run

    data = load("digits")
    networks = []
    for seed, name in enumerate(("one", "two")):
        model = build(spec_of("cnn-small", data, width=2, timesteps=2), seed=seed)
        save_model(model, tmp_path / f"{name}.safetensors")
        networks.append(NetworkPlan(name=name, file=str(tmp_path / f"{name}.safetensors")))
    part = DataPlan(name="digits", threats=("linf",))
    plan = Plan(name="p", data=(part,), network=tuple(networks), items=4, draws=2, probe_items=0)
    run(plan, tmp_path / "run")
    with pytest.raises(SettingError, match="holds 2 networks that fit.*name one"):
        Audit.load(tmp_path / "run")
    one = Audit.load(tmp_path / "run", network="two")
    arrays = [read_arrays(path) for path in (tmp_path / "run").glob("cells/*/items.npz")]
    assert any(np.array_equal(one.outcomes[0].margin, a["margin"]) for a in arrays)
    with pytest.raises(SettingError, match="holds no networks that fit"):
        Audit.load(tmp_path / "run", network="three")
    for victim in (tmp_path / "run").glob("cells/*/items.npz"):
        shutil.rmtree(victim.parent)
    with pytest.raises(FileProblem, match="is not complete: digits · one · seed 0 · linf"):
        Audit.load(tmp_path / "run", network="one")
