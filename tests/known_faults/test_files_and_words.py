"""Faults that users met in November 2026, as small as they get: audits, runs, files and sentences.

The catalogue's A14 to A23 as their users met them; which tests hold the whole kind of each is said
in test_networks_and_data.py.
"""

from __future__ import annotations

import shutil
import sys
import threading
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import spikeproof as sp
from spikeproof.analysis import compare
from spikeproof.base import FileProblem, InputError, SpikeproofError, read_arrays, write_arrays
from spikeproof.cli.main import run as command
from spikeproof.evaluate import Audit, audit
from spikeproof.study import audit_plan
from spikeproof.threats import Linf, Threat
from support.lines import DOMAIN, QUICK, Half, line

FOUR = [
    *(Threat(geometry, 0.1, DOMAIN) for geometry in (Linf(), sp.L2(), sp.L1())),
    Threat(sp.L0(), 1, DOMAIN),
]


def test_a14_what_two_saved_audits_depend_on_is_compared(tmp_path: Path) -> None:
    audit(Half(), line(), suite=QUICK).save(tmp_path / "a")
    audit(Half(0.55), line(), suite=QUICK).save(tmp_path / "network")
    other = line()
    audit(Half(), replace(other, spec=replace(other.spec, sha256="1" * 64)), suite=QUICK).save(
        tmp_path / "data"
    )
    with pytest.MonkeyPatch.context() as patch:
        module = sys.modules["spikeproof.evaluate.audit_files"]
        patch.setattr(module, "versions", lambda: {"spikeproof": "0", "torch": "0"})
        audit(Half(), line(), suite=QUICK, draws=3).save(tmp_path / "versions")

    def differ(name: str) -> set[str]:
        return {row.setting for row in compare(tmp_path / "a", tmp_path / name).settings}

    assert differ("a") == set()
    assert differ("network") == {"network_sha256"}
    assert differ("data") == {"data_sha256"}
    assert {"draws", "versions.torch", "versions.spikeproof"} <= differ("versions")


def test_a15_an_audit_that_is_interrupted_in_its_last_threat_goes_on_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = sys.modules["spikeproof.evaluate.audit"]  # its function has the same name
    begun, real, pressed = [], module.evaluate_ladder, True

    def ladder(model: Any, split: Any, ladder: Any, *rest: Any, **more: Any) -> Any:
        begun.append(ladder[0].name)
        if len(begun) == 4 and pressed:
            raise KeyboardInterrupt
        return real(model, split, ladder, *rest, **more)

    monkeypatch.setattr(module, "evaluate_ladder", ladder)
    asked: dict[str, Any] = {"threats": FOUR, "suite": QUICK, "folder": tmp_path / "one"}
    with pytest.raises(KeyboardInterrupt):
        audit(Half(), line(), **asked)
    assert len(begun) == 4
    pressed = False
    found = audit(Half(), line(), **asked)
    assert begun[4:] == [FOUR[-1].name]  # the three that were finished are not made again
    whole = audit(Half(), line(), threats=FOUR, suite=QUICK)
    assert found.to_dict() == whole.to_dict()


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of an audit; do not change it."""
    data, place = sp.load("digits"), tmp_path_factory.mktemp("audited")
    sp.save_model(sp.build("cnn-small", data, width=2, timesteps=1), place / "net.safetensors")
    plan = audit_plan(place / "net.safetensors", data, ["linf"], suite="quick", items=4, draws=1)
    sp.run_study(plan, place / "run")
    return place / "run"


def altered_arrays(run: Path) -> Path:
    """Whatever was broken is called standing, and the other way round."""
    (path,) = (p for p in run.glob("cells/*/items.npz"))
    arrays = read_arrays(path)
    write_arrays(path, {**arrays, "broken": ~arrays["broken"]})
    return path


def altered_plan(run: Path) -> Path:
    """Fewer draws are said to have been made."""
    path = run / "plan.json"
    text = path.read_text()
    assert text.count('"draws": 1') >= 1
    path.write_text(text.replace('"draws": 1', '"draws": 9'))
    return path


@pytest.mark.parametrize("alter", [altered_arrays, altered_plan])
def test_a16_a_run_that_was_altered_is_refused_by_whatever_would_publish_it(
    audited: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], alter: Any
) -> None:
    run = Path(shutil.copytree(audited, tmp_path / "run"))
    assert command(["study", "status", str(run)]) == 0
    capsys.readouterr()
    changed = alter(run)
    for words in (
        ["study", "status", run],
        ["report", run],
        ["compare", run, audited],
        ["compare", audited, run],
        ["study", "extract", run, "--to", tmp_path / "extract.json"],
        ["verify", run],
    ):
        code = command([str(word) for word in words])
        out, err = capsys.readouterr()
        assert code == 1 and changed.name in out + err, words
        assert "Traceback" not in err
    with pytest.raises(FileProblem, match=changed.name):
        Audit.load(run)
    assert not (run / "report.html").exists() and not (tmp_path / "extract.json").exists()


def test_a17_of_two_trainings_in_one_folder_one_trains_and_one_is_refused(tmp_path: Path) -> None:
    data = sp.load("digits")
    objective = sp.Objective({"error": (1.0, sp.CrossEntropy())})
    inside, ended, said = threading.Event(), threading.Event(), []

    class Waits(nn.Module):
        """Holds its training up, so that the other one meets it."""

        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            inside.set()
            ended.wait(60)
            out: torch.Tensor = self.net(x)
            return out

    def train(model: nn.Module) -> None:
        sp.fit(model, data, objective, epochs=1, directory=tmp_path / "t", progress=False)

    first = threading.Thread(target=train, args=(Waits(),))
    first.start()
    try:
        assert inside.wait(60)
        try:
            train(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)))
        except SpikeproofError as problem:
            said.append(str(problem))
    finally:
        ended.set()
        first.join()
    assert len(said) == 1 and "is already training" in said[0]


def test_a18_a_place_that_cannot_be_is_told_before_anything_is_attacked(
    audited: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("x")
    network = str(audited.parent / "net.safetensors")
    words = ["audit", network, "--data", "digits", "--threat", "linf", "--suite", "quick"]
    began = "Preparing", "cells"
    for folder, sentence in (
        (tmp_path / "file", "is a file; an audit needs a folder of its own"),
        (audited, "holds"),
    ):
        before = {path: path.stat().st_mtime_ns for path in audited.rglob("*")}
        assert command([*words, "--items", "3", "--folder", str(folder)]) == 1
        out, err = capsys.readouterr()
        assert sentence in err and out == "" and not any(word in err for word in began)
        assert {path: path.stat().st_mtime_ns for path in audited.rglob("*")} == before


def test_a23_a_step_that_looks_like_a_length_is_told_that_it_is_a_share() -> None:
    for attack in (sp.PGD, sp.attacks.SAPGD, sp.attacks.RFGSM):
        with pytest.warns(UserWarning, match=r"step_size is a share of the radius.*length 2/255"):
            attack(step_size=2 / 255)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            attack(step_size=0.25)


def test_a23_inference_mode_is_named_by_whatever_needs_a_gradient() -> None:
    data = line()
    x, y = data.train.x, data.train.y
    told = {"kind": "audio", "low": 0.0, "high": 1.0}
    objective = sp.Objective({"error": (1.0, sp.CrossEntropy())})
    for call in (
        lambda: sp.attack(Half(), x, y, eps=0.1, **told),
        lambda: sp.robust_accuracy(Half(), x, y, threats="linf:0.1", suite="quick", **told),
        lambda: sp.audit(Half(), data, FOUR[:1], QUICK),
        lambda: sp.fit(Half(), data, objective, epochs=1, progress=False),
    ):
        with torch.inference_mode(), pytest.raises(InputError) as caught:
            call()
        assert "torch.inference_mode()" in str(caught.value) and "\n" not in str(caught.value)
