"""``spikeproof audit``: a run that survives being killed, and refuses the folders of others."""

from __future__ import annotations

import json
import os
import random
import shutil
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pytest
import torch

from spikeproof.cli.main import run
from spikeproof.cli.progress import watching
from spikeproof.data import load
from spikeproof.evaluate import Audit, LadderStep
from spikeproof.evaluate import audit as evaluate_audit
from spikeproof.evaluate import plain_logits as evaluate_logits
from spikeproof.models import build, load_model, save_model, spec_of
from spikeproof.study import status, under_way
from spikeproof.study.beat import Beat
from support.processes import killed_at_random, typed
from support.run_files import contents
from support.saying import Said


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny network that answers some items right, its name that of its folder."""
    folder = tmp_path_factory.mktemp("models") / "mine"
    train = ["train", "--data", "digits", "--width", "4", "--timesteps", "2", "--epochs", "2"]
    assert run([*train, "--folder", str(folder)]) == 0
    return folder / "model.safetensors"


def options(model: Path, folder: Path | None = None, *more: object) -> list[str]:
    """A small audit of two threats."""
    few = ["audit", model, "--data", "digits", "--suite", "quick", "--items", "24"]
    few += ["--threat", "linf", "--threat", "l0", *more]
    return [str(one) for one in [*few, *([] if folder is None else ["--folder", folder])]]


@pytest.fixture(scope="module")
def whole(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The audit without interruption; do not change the folder."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    assert run(options(model, folder)) == 0
    return folder


def test_an_audit_killed_at_random_moments_ends_with_the_same_bytes(
    model: Path, whole: Path, server: ForkServerContext, tmp_path: Path
) -> None:
    folder, moments = tmp_path / "run", random.Random(7)
    expected = status(whole).seconds + 1.0

    def start() -> BaseProcess:
        typing = (options(model, folder), Path(os.devnull), Path(os.devnull))
        process = server.Process(target=typed, args=typing)
        process.start()
        return process

    done = killed_at_random(start, folder, lambda: moments.uniform(0.1, 0.7) * expected, 6)
    assert done == sorted(done)
    assert run(options(model, folder)) == 0
    assert contents(folder) == contents(whole)


def test_numbers_are_those_of_the_audit_in_python(said: Said, model: Path, whole: Path) -> None:
    data = load("digits")
    threats = [t for o in Audit.load(whole).outcomes for t in o.ladder]
    direct = evaluate_audit(load_model(model), data, threats, "quick", items=24)
    found = Audit.load(whole)
    assert found.to_dict() == direct.to_dict()
    for one, two in zip(found.outcomes, direct.outcomes, strict=True):
        assert one.stats == two.stats
        for name, array in one.arrays().items():
            np.testing.assert_array_equal(array, two.arrays()[name])
    code, out, err = said(*options(model, whole))
    assert (code, out) == (0, direct.table() + "\n")
    assert "4 cells, 4 of them done already" in err
    assert f"The audit lies in {whole}" in err
    code, out, _ = said(*options(model, whole, "--json"))
    assert json.loads(out) == {**json.loads(json.dumps(direct.to_dict())), "run": str(whole)}


def test_all_threats_and_items_are_the_default(
    model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from spikeproof.study import audit_folder, audit_plan, cells_of

    data = load("digits")
    plan = audit_plan(model, data)
    cells = cells_of(plan)
    assert [cell.kind for cell in cells] == ["network", "diagnosis", *["attack"] * 4]
    assert {cell.cell["items"] for cell in cells[1:]} == {len(data.sealed)}
    assert plan.network[0].name == "mine"
    # The same audit has the same folder wherever its file lies, another one has another.
    copied = tmp_path / "mine" / "model.safetensors"
    copied.parent.mkdir()
    shutil.copy(model, copied)
    assert audit_folder(audit_plan(copied, data)) == audit_folder(plan)
    assert audit_folder(audit_plan(model, data, seeds=(1,))) != audit_folder(plan)


@pytest.mark.usefixtures("quick_workers")
def test_workers_leave_the_same_bytes(model: Path, whole: Path, tmp_path: Path) -> None:
    assert run(options(model, tmp_path / "run", "--workers", "2")) == 0
    assert contents(tmp_path / "run" / "cells") == contents(whole / "cells")


@pytest.mark.parametrize(
    "sentence",
    [
        "is a file; an audit needs a folder of its own",
        "differs in items",
        "differs in network",
    ],
)
def test_a_folder_that_cannot_be_is_refused_before_the_first_attack(
    said: Said,
    model: Path,
    whole: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    sentence: str,
) -> None:
    def attacked(*_: object, **__: object) -> None:
        raise AssertionError("an attack began")

    monkeypatch.setattr("spikeproof.study.compute.evaluate_ladder", attacked)
    at, arguments = tmp_path / "there", options(model)
    if "items" in sentence or "network" in sentence:
        shutil.copytree(whole, at)
    else:
        at.write_text("x")
    if "items" in sentence:
        arguments[arguments.index("24")] = "25"
    if "network" in sentence:
        other = tmp_path / "mine" / "model.safetensors"
        network = load_model(model)
        next(network.parameters()).data.mul_(1.5)
        other.parent.mkdir()
        save_model(network, other)
        arguments[1] = str(other)
    before = contents(tmp_path)
    code, out, err = said(*arguments, "--folder", at)
    assert (code, out) == (1, "")
    assert sentence in err
    assert contents(tmp_path) == before


def test_a_saved_audit_and_a_study_are_no_place_for_another(
    said: Said, model: Path, whole: Path, tmp_path: Path
) -> None:
    Audit.load(whole).save(tmp_path / "saved")
    code, _, err = said(*options(model, tmp_path / "saved"))
    assert code == 1 and "holds an audit that was saved there (audit.json)" in err
    with pytest.raises(Exception, match="holds a run; choose another folder"):
        Audit.load(whole).save(whole)


def test_a_folder_that_cannot_be_written_is_refused(said: Said, model: Path) -> None:
    code, out, err = said(*options(model, Path("/proc/none/run")))  # not even by root
    assert (code, out) == (1, "") and "Cannot write" in err


def test_audits_of_different_networks_differ_in_a_setting(
    said: Said, model: Path, whole: Path, tmp_path: Path
) -> None:
    network = load_model(model)
    next(network.parameters()).data.mul_(1.5)
    other = tmp_path / "model.safetensors"
    save_model(network, other)
    assert said(*options(other, tmp_path / "run"))[0] == 0
    code, out, _ = said("compare", whole, tmp_path / "run", "--json")
    told = json.loads(out)
    assert code == 0
    assert [row["setting"] for row in told["settings"]] == ["network_sha256"]
    assert all(row["paired"] for row in told["numbers"])
    # Each network goes by its own name: the folder or the file that it came from.
    assert {row["training"] for row in told["numbers"]} == {" / ".join(told["names"])}
    assert told["names"][0] != told["names"][1] and all(told["names"])
    # A saved audit and a run say the same of the same network.
    Audit.load(whole).save(tmp_path / "saved")
    code, out, _ = said("compare", whole, tmp_path / "saved")
    assert "No setting differs." in out


def test_a_report_is_made_of_an_audit(said: Said, whole: Path, tmp_path: Path) -> None:
    code, _, _ = said("report", whole, "--to", tmp_path / "audit.html")
    page = (tmp_path / "audit.html").read_text("utf-8")
    assert code == 0
    assert "audit-mine" in page and "One seed" in page
    assert "What do attacks in every norm leave of a trained network?" in page
    left = 100 * Audit.load(whole).union_accuracy
    assert "of 24 test items of" in page and f"when clean and {left:.1f} % (" in page
    # What only trainings of the run could say is left out.
    assert 'id="matrix"' in page and 'id="curves"' in page and 'id="gallery"' in page
    assert not any(f'id="{part}"' in page for part in ("transfer", "claims", "gradients"))
    assert "sparse-gradient training make" not in page


def test_a_budget_says_what_it_left_and_how_far_it_can_be_trusted(
    said: Said, model: Path, tmp_path: Path
) -> None:
    code, out, err = said(*options(model, tmp_path / "run", "--budget", "2000p", "--json"))
    told = json.loads(out)["budget"]
    assert code == 0
    assert (told["unit"], told["limit"], told["reproducible"]) == ("passes", 2000.0, True)
    assert "within the budget of 2000p" in err
    code, out, _ = said(*options(model, tmp_path / "timed", "--budget", "0.05s", "--json"))
    told = json.loads(out)["budget"]
    assert (told["unit"], told["reproducible"]) == ("seconds", False)


def test_where_a_ladder_stands_is_written_now_and_then_and_swept(tmp_path: Path) -> None:
    now = [0.0]
    cell = tmp_path / "cells" / "abc"
    cell.mkdir(parents=True)
    beat = Beat(cell, "digits · mine", clock=lambda: now[0])
    at = LadderStep(
        threat="linf", radius=0.1, level=2, levels=3, member="pgd arctan-5 margin", items=41,
        standing=60, passes=1000, passes_left=3000.0,
    )  # fmt: skip
    beat(at)
    assert not under_way(tmp_path)
    now[0] = 2.0
    beat(at)
    (step,) = under_way(tmp_path)
    assert (step.member, step.items, step.seconds_left) == ("pgd arctan-5 margin", 41, 6.0)
    (cell / "record.json").write_text("{}")
    assert not under_way(tmp_path)
    beat.end()
    assert not list(cell.glob(".step*"))


def test_a_watcher_reads_where_the_ladders_stand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    from spikeproof.cli import progress

    monkeypatch.setattr(progress, "_EVERY_LINE", 0.02)
    now = [0.0]
    (tmp_path / "cells" / "abc").mkdir(parents=True)
    beat = Beat(tmp_path / "cells" / "abc", "digits · mine", clock=lambda: now[0])
    now[0] = 10.0
    beat(
        LadderStep(
            threat="linf",
            radius=0.1,
            level=2,
            levels=3,
            member="pgd arctan-5 margin",
            items=41,
            standing=60,
            passes=1000,
            passes_left=9000.0,
        )
    )
    with watching(tmp_path):
        time.sleep(0.3)
    line = capsys.readouterr().err.splitlines()[0]
    assert line == (
        "  linf 0.1 (2/3), 41 of 60 items left, ladder at most 2 min more: pgd arctan-5 margin"
    )


def test_a_ladder_tells_where_it_stands(model: Path) -> None:
    from spikeproof.attacks import suite
    from spikeproof.evaluate import evaluate_ladder, open_test
    from spikeproof.threats import standard_threats

    data, steps = load("digits"), list[LadderStep]()
    ladder = standard_threats(data)["linf"]
    split = open_test(data, 24)
    found = evaluate_ladder(
        load_model(model), split, ladder, suite("quick"), seed=0, draws=2, progress=steps.append
    )
    plain = evaluate_ladder(load_model(model), split, ladder, suite("quick"), seed=0, draws=2)
    assert found.summary() == plain.summary()
    assert {step.level for step in steps} <= {1, 2, 3} and steps[0].levels == 3
    assert [s.passes for s in steps] == sorted(s.passes for s in steps)
    assert 0 < steps[0].standing <= int(found.correct.sum())  # draws broke some before
    assert all(0 < step.items <= step.standing for step in steps)
    # What was still to come at the first step was no more than it said.
    spent = found.passes.forward + found.passes.backward
    assert spent - steps[0].passes <= steps[0].passes_left + 3 * 2 * 24 + 3 * 24
    untrained = build(spec_of("cnn-small", data, width=2, timesteps=2), seed=0)
    assert evaluate_ladder(untrained, split, ladder, suite("quick"), seed=0, draws=1) is not None


def test_the_estimate_before_an_audit_is_of_the_right_size(model: Path) -> None:
    import time

    from spikeproof.evaluate import seconds_per_pass

    data, network = load("digits"), load_model(model)
    pace = seconds_per_pass(network, data.validation.x[:64])
    begun = time.perf_counter()
    for _ in range(5):
        evaluate_logits(network, data.validation.x[:64])
    forward = (time.perf_counter() - begun) / (5 * 64)
    assert 0 < pace < 40 * forward
    assert pace > forward / 40


def test_no_time_is_told_before_the_pace_is_known(tmp_path: Path) -> None:
    now = [0.0]
    (tmp_path / "cells" / "abc").mkdir(parents=True)
    beat = Beat(tmp_path / "cells" / "abc", "digits · mine", clock=lambda: now[0])
    at = LadderStep(
        threat="linf", radius=0.1, level=1, levels=3, member="pgd arctan-5 margin", items=41,
        standing=60, passes=100, passes_left=99900.0,
    )  # fmt: skip
    now[0] = 5.0
    beat(at)
    (step,) = under_way(tmp_path)
    assert step.seconds_left is None


def test_the_pace_of_an_attack_is_that_of_the_items_that_stand() -> None:
    from spikeproof.evaluate import seconds_per_pass

    class Counted(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.sizes = torch.nn.Linear(4, 2), set()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.sizes.add(len(x))
            return self.inner(x)

    for attacked, expected in ((None, 64), (30, 10), (2, 1), (900, 64)):
        network = Counted()
        assert seconds_per_pass(network, torch.rand(64, 4), attacked=attacked) > 0
        assert network.sizes == {expected}
