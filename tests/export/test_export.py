"""A run and an audit as what a paper needs, down to the compiled document."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from spikeproof.analysis import results
from spikeproof.base import FileProblem, read_arrays, references
from spikeproof.data import load
from spikeproof.evaluate import audit
from spikeproof.export import export
from spikeproof.export.checklist import questions
from spikeproof.export.methods import methods
from spikeproof.export.table import MATRIX_COLUMNS, matrix_rows, matrix_table, radii_table
from spikeproof.report import kind_title, write_report
from spikeproof.runs import read_calls
from spikeproof.study import Plan, run
from support import made_run
from support.tiny_study import make_plan

T, F = True, False
# A name that would end a table, run a command or show nothing where it is not escaped.
HOSTILE = r"50%_of \input{x} & #1 $ ^~ ε 語 é"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real study that kept its adversarial inputs; do not change the folder."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    plan: Plan = make_plan(keep_adversarials=True)
    run(plan, folder, workers=1)
    return folder


@pytest.fixture(scope="module")
def paper(whole: Path) -> Path:
    return export(whole, whole.parent / "paper").folder


def hostile(folder: Path) -> Path:
    made = made_run.MadeRun(folder)
    for name in (HOSTILE, "plain"):
        made.train("digits", name, 0, made_run.PLAIN)
        made.attack(
            "digits", name, 0, "linf", (0.1, 0.2, 0.4), [T] * 4, [[F] * 4, [T, F, F, F], [T] * 4]
        )
    return made.plan()


def table_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_files_say_what_the_records_say(whole: Path, paper: Path) -> None:
    found = results(whole)
    frame = table_of((paper / "frame.csv").read_text())
    columns = found.frame()
    assert [row["accuracy"] for row in frame] == [repr(x) for x in columns["accuracy"]]
    assert {row["suite"] for row in frame} == {"quick"} == {found.suite("digits")}
    assert {row["n"] for row in frame} == {"6"}
    matrix = table_of((paper / "matrix.csv").read_text())
    assert [float(r["accuracy"]) for r in matrix if r["threat"] not in ("clean",)] == [
        cell.estimate.value for cell in found.matrix("digits")
    ]
    broke = table_of((paper / "attacks.csv").read_text())
    for training in ("plain", "SR"):
        own = [r for r in broke if r["training"] == training and r["threat"] == "linf"]
        (cell,) = [c for c in found.of_kind("attack", "digits", training)
                   if c.cell["threat"]["name"] == "linf"]  # fmt: skip
        fallen = (cell.items["broken"][-1] & cell.items["correct"]).sum()
        assert sum(int(row["first_breaks"]) for row in own) == fallen
    cells = table_of((paper / "index.csv").read_text())
    assert {row["cell"] for row in cells} == {cell.id for cell in found.cells}


def test_the_same_run_gives_the_same_files(whole: Path, paper: Path, tmp_path: Path) -> None:
    again = export(whole, tmp_path / "again")
    assert [name for name in again.files if name.endswith(".svg")]
    for name in again.files:
        assert (again.folder / name).read_bytes() == (paper / name).read_bytes(), name


def test_the_methods_name_what_the_records_hold(whole: Path, paper: Path) -> None:
    text = (paper / "methods.tex").read_text()
    found = results(whole)
    for cell in found.of_kind("attack", "digits"):
        for member in cell.cell["suite"]["members"]:
            assert kind_title(member["attack"]["kind"]) in text
            assert f"steps {member['attack']['steps']}" in text
    assert "T = 2, width 2" in text and "0.1 sparse gradient" in text and "3 epochs" in text
    assert "6 test items" in text and "Suite quick" in text
    assert str(found.cells[0].versions["torch"]).replace("_", r"\_") in text
    (call,) = read_calls(whole)
    assert f"Computed until {call['finished']}." in text
    assert f"Commit: {call['commit'][:12]}." in text if "commit" in call else "not recorded" in text


def test_only_works_that_the_run_used_are_in_its_bibliography(paper: Path) -> None:
    keys = re.findall(r"^@\w+\{([^,]+),$", (paper / "used.bib").read_text(), re.MULTILINE)
    assert "spikeproof" in keys and "alpaydin1998optdigits" in keys and "liu2024sparse" in keys
    assert set(keys) < set(references())
    assert "krizhevsky2009" not in keys  # another data set's
    cited = set(
        ",".join(re.findall(r"\\cite\{([^}]+)\}", (paper / "methods.tex").read_text())).split(",")
    )
    assert cited == set(keys)


def test_adversarial_inputs_are_copied_where_they_were_kept(whole: Path, paper: Path) -> None:
    files = sorted((paper / "adversarials").iterdir())
    assert [file.name for file in files] == [
        f"digits-{training}-seed0-{threat}.npz"
        for training in ("SR", "plain")
        for threat in ("l0", "linf")
    ]
    arrays = read_arrays(files[1])
    assert arrays["x_adv"].shape[1:] == (1, 8, 8) and len(arrays["items"]) == len(arrays["x_adv"])


def test_figures_are_vectors(paper: Path) -> None:
    for file in (paper / "figures").iterdir():
        start = file.read_bytes()[:5]
        assert start == (b"%PDF-" if file.suffix == ".pdf" else b"<svg "), file.name
    assert {"matrix", "curve"} <= {
        file.name.split("-")[0] for file in (paper / "figures").iterdir()
    }


def test_the_largest_of_a_column_is_bold_and_every_number_is_counted(tmp_path: Path) -> None:
    made = made_run.MadeRun(tmp_path / "run")
    for name, kept in (("low", 1), ("high", 3)):
        made.train("digits", name, 0, made_run.PLAIN)
        broken = [[i >= kept for i in range(4)]] * 3
        made.attack("digits", name, 0, "linf", (0.1, 0.2, 0.4), [T] * 4, broken)
    found = results(made.plan(("low", "high")))
    text = matrix_table(found, "digits")
    assert r"\textbf{75.0}" in text and r"\textbf{25.0}" not in text
    assert r"\textbf{100.0}" not in text  # both are right when clean: nothing stands out
    low, high = (100 * end for end in (found.matrix("digits")[0].estimate.low,
                                       found.matrix("digits")[0].estimate.high))  # fmt: skip
    assert rf"[{low:.1f}, {high:.1f}]" in text
    assert text.count(r"\\") == 2 + 2 * 2
    assert "4 test items, 1 network per row" in text and "Suite: not recorded." in text
    every = radii_table(found, "digits")
    assert [row for row in ("0.1", "0.2", "0.4") if f"& {row} &" in every] == ["0.1", "0.2", "0.4"]


def test_a_withheld_number_is_in_no_file(whole: Path, tmp_path: Path, monkeypatch: Any) -> None:
    found = results(whole)
    monkeypatch.setitem(found.__dict__, "withheld", {("digits", "plain"): ("state",)})
    rows = [dict(zip(MATRIX_COLUMNS, row, strict=True)) for row in matrix_rows(found)]
    plain = [row for row in rows if row["training"] == "plain"]
    assert [(row["threat"], row["withheld"]) for row in plain] == [("clean", None), (None, "state")]
    assert plain[1]["accuracy"] is None
    columns = found.frame()
    held = [
        (threat, accuracy, why)
        for training, threat, accuracy, why in zip(
            *(columns[name] for name in ("training", "threat", "accuracy", "withheld")), strict=True
        )
        if training == "plain"
    ]
    assert {accuracy for threat, accuracy, _ in held if threat != "clean"} == {None}
    assert {why for *_, why in held} == {"state"}
    assert "withheld" in matrix_table(found, "digits")
    told = methods(found, ["wilson1927"])
    assert "Robust accuracy of plain on digits is withheld: state." in told
    assert "is withheld for state" in found._repr_html_()


def test_an_audit_that_was_saved_is_exported_and_reported_like_a_run(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    found = audit(network, load("digits"), suite="quick", items=12, draws=2)
    found.save(tmp_path / "audit")
    assert found.table().splitlines()[0].startswith("digits: 12 test items")
    read = results(tmp_path / "audit")
    assert read.trainings("digits") == ["Sequential"]
    assert [f.name for f in read.flags] == [f.name for f in found.flags or ()]
    for outcome in found.outcomes:
        own = [c for c in read.matrix("digits") if c.threat == outcome.name]
        assert [c.estimate.value for c in own] == outcome.robust_accuracy
    done = export(tmp_path / "audit", tmp_path / "paper")
    text = (done.folder / "methods.tex").read_text()
    assert "Suite quick" in text and "trained elsewhere" in text and "Sequential" in text
    page = write_report(tmp_path / "audit").read_text("utf-8")
    assert "Sequential" in page
    shown = found._repr_html_()
    assert "suite quick" in shown and "<script" not in shown
    for row in found.to_dict()["threats"][0]["rows"]:
        assert f"{100 * row['robust']:.1f}" in shown


def test_the_checklist_guesses_nothing(whole: Path, tmp_path: Path) -> None:
    told = {one.question: one for one in questions(results(whole))}
    assert told["Is the command given that produces them?"].answer == "yes"
    assert told["Were attacks adapted to the defence?"].answer == "not recorded"
    assert told["Are all attacks and their settings described?"].answer == "yes"
    bare = {one.question: one for one in questions(results(hostile(tmp_path / "run")))}
    for question in (
        "Is the command given that produces them?",
        "Are all attacks and their settings described?",
        "Are iterative attacks used, and several kinds of them?",
        "Is randomness of the network averaged over by attacks?",
    ):
        assert bare[question].answer == "not recorded", question
    assert {one.answer for one in (*told.values(), *bare.values())} <= {
        "yes", "no", "partly", "does not apply", "not recorded",
    }  # fmt: skip


def test_a_run_is_not_exported_into_itself_and_none_into_nothing(
    whole: Path, tmp_path: Path
) -> None:
    with pytest.raises(FileProblem, match="is the run itself"):
        export(whole, whole)
    with pytest.raises(FileProblem, match="There is no run folder"):
        export(tmp_path / "none", tmp_path / "to")
    assert not (tmp_path / "to").exists()


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex on this machine")
@pytest.mark.parametrize("which", ["study", "hostile names"])
def test_everything_compiles(which: str, paper: Path, tmp_path: Path) -> None:
    place = tmp_path / "paper"
    if which == "study":
        shutil.copytree(paper, place)
    else:
        export(hostile(tmp_path / "run"), place)
        assert r"\textbackslash{}input\{x\}" in (place / "table-digits.tex").read_text()

    def ran(*words: str) -> str:
        done = subprocess.run(words, cwd=place, capture_output=True, timeout=250, check=False)
        told = done.stdout.decode("latin-1")
        assert done.returncode == 0, told[-3000:]
        return told

    latex = (
        "pdflatex",
        "-interaction=nonstopmode",
        "-halt-on-error",
        "-no-shell-escape",
        "preview",
    )
    ran(*latex)
    ran("bibtex", "preview")
    ran(*latex)
    log = ran(*latex)
    assert "undefined references" not in log and "Citation" not in log
    assert (place / "preview.pdf").read_bytes()[:5] == b"%PDF-"
    assert np.all([f"Overfull \\hbox ({n}" not in log for n in range(100, 999)])
