"""Flags in studies and audits from the command line: a cell of their own, and what it withholds."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

import spikeproof as sp
from spikeproof.analysis import compare, extract, extracted, results, summarise
from spikeproof.base import SettingError, Withheld
from spikeproof.cli.main import run as command
from spikeproof.evaluate import Audit, Flag
from spikeproof.models import save_model
from spikeproof.report import write_report
from spikeproof.study import DataPlan, NetworkPlan, Plan, cells_of, compute, run
from support.run_files import contents

STATE = Flag(name="state", stop=True, seen="All 6 differ.", why="It is state.", mend="Reset it.")
CHANCE = Flag(name="chance", stop=False, seen="1 of 6.", why="It knows nothing.", mend="Train it.")


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    data, file = sp.load("digits"), tmp_path_factory.mktemp("net") / "mine.safetensors"
    save_model(sp.build("cnn-small", data, width=2, timesteps=1), file)
    return Plan(
        name="flagged",
        data=(DataPlan(name="digits", threats=("linf",), radii={"linf": (0.01, 0.1)}),),
        network=(NetworkPlan(name="mine", file=str(file)),),
        items=6,
        draws=1,
        probe_items=0,
    )


def ran(plan: Plan, folder: Path, *flags: Flag) -> Path:
    """The plan, run with a diagnosis that says so."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compute, "flags_before", lambda *_, **__: flags)
        run(plan, folder)
    return folder


@pytest.fixture(scope="module")
def stopped(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ran(plan, tmp_path_factory.mktemp("stopped") / "run", STATE, CHANCE)


@pytest.fixture(scope="module")
def clean(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ran(plan, tmp_path_factory.mktemp("clean") / "run")


def overridden(plan: Plan, folder: Path) -> Path:
    """The same folder, run on with the option."""
    before = contents(folder / "cells")
    found = run(dataclasses.replace(plan, despite=("state",)), folder)
    assert (found.done, found.stale) == (3, 0)  # nothing is computed again
    assert contents(folder / "cells") == before
    return folder


def test_the_cell_is_one_more_and_no_other_id_depends_on_it(plan: Plan) -> None:
    cells = cells_of(plan)
    assert [cell.kind for cell in cells] == ["network", "diagnosis", "attack"]
    asked = dataclasses.replace(plan, despite=("state",))
    assert [cell.id for cell in cells_of(asked)] == [cell.id for cell in cells]
    assert "despite" not in plan.record()
    assert Plan.from_record(asked.record()) == asked
    with pytest.raises(SettingError, match="flag in despite of plan 'flagged'"):
        dataclasses.replace(plan, despite=("stat",))


def test_an_audit_reads_its_flags_and_withholds_or_states(plan: Plan, stopped: Path) -> None:
    audit = Audit.load(stopped)
    assert [flag.name for flag in audit.flags or ()] == ["state", "chance"]
    with pytest.raises(Withheld, match="All 6 differ"):
        _ = audit.union_accuracy
    assert "withheld" in audit.table()
    assert audit.to_dict()["union_accuracy"] is None


def test_results_report_and_extract_leave_the_numbers_out(
    plan: Plan, stopped: Path, clean: Path, tmp_path: Path
) -> None:
    found, other = results(stopped), results(clean)
    kept = extracted(extract(stopped, tmp_path / "it.json"))
    for one in (found, kept):
        assert one.matrix("digits") == []
        assert one.curve("digits", "mine", "linf") is None
        assert one.clean("digits", "mine") == other.clean("digits", "mine")
        assert one.withheld == {("digits", "mine"): ("state",)}
        assert [row["name"] for row in one.to_dict()["flags"]] == ["state", "chance"]
    assert other.matrix("digits")
    text = write_report(stopped, tmp_path / "page.html").read_text("utf-8")
    page = re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    assert "No robust accuracy is stated: what was seen" in page
    assert "is withheld for the flags state" in page
    assert "All 6 differ." in page and "Train it." in page
    assert 'data-threat="linf"' not in page
    assert summarise(other).flags == ()
    assert 'id="flags"' not in write_report(clean, tmp_path / "b.html").read_text("utf-8")


def test_a_comparison_shows_flags_and_no_withheld_number(
    plan: Plan, stopped: Path, clean: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = compare(clean, stopped)
    assert {row.threat for row in found.numbers} == {"clean"}
    assert found.flags == (
        (),
        ("robust accuracy withheld for state: All 6 differ.", "flag chance: 1 of 6."),
    )
    assert command(["compare", str(clean), str(stopped)]) == 0
    assert "robust accuracy withheld for state" in capsys.readouterr().out


def test_the_option_states_the_numbers_and_is_shown_wherever_they_are(
    plan: Plan, clean: Path, tmp_path: Path
) -> None:
    folder = overridden(plan, ran(plan, tmp_path / "run", STATE))
    audit = Audit.load(folder)
    assert (audit.despite, audit.withheld) == (("state",), ())
    assert audit.union_accuracy == Audit.load(clean).union_accuracy
    assert "Robust accuracy is stated despite state." in audit.table()
    assert audit.to_dict()["despite"] == ["state"]
    assert results(folder).matrix("digits") == results(clean).matrix("digits")
    page = write_report(folder, tmp_path / "page.html").read_text("utf-8")
    assert "Robust accuracy is stated despite the flags state" in page
    found = compare(clean, folder)
    assert {row.threat for row in found.numbers} == {"clean", "linf"}
    assert "despite" in {row.setting for row in found.settings}
    assert found.flags[1] == ("overridden stop state: All 6 differ.",)


def test_the_command_line_takes_the_option_and_refuses_an_unknown_one(
    plan: Plan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["audit", str(plan.network[0].file), "--data", "digits", "--threat", "linf"]
    options += ["--suite", "quick", "--items", "6", "--folder", str(tmp_path / "run"), "--json"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compute, "flags_before", lambda *_, **__: (STATE,))
        assert command(options) == 0
        assert json.loads(capsys.readouterr().out)["union_accuracy"] is None
        assert command([*options, "--despite", "state"]) == 0
        content = json.loads(capsys.readouterr().out)
        assert content["union_accuracy"] is not None
        assert content["despite"] == ["state"]
        assert command([*options, "--despite", "stat"]) != 0
    assert "did you mean 'state'" in capsys.readouterr().err.lower().replace('"', "'")


def test_an_audit_read_from_a_run_over_validation_items_says_so(plan: Plan, tmp_path: Path) -> None:
    ran(dataclasses.replace(plan, split="validation"), tmp_path / "run")
    found = Audit.load(tmp_path / "run")
    assert found.split == found.to_dict()["split"] == "validation"
    assert found.table().startswith("digits: 6 validation items, suite ")
