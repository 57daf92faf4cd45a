"""No headline calls anything robust without the verdict on gradient masking beside it."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

import spikeproof as sp
from spikeproof.analysis import results, summarise
from spikeproof.analysis.diagnosed import _GRAVEST
from spikeproof.cards.verdicts import VERDICT_ORDER
from spikeproof.cli.main import run as command
from spikeproof.evaluate import VERDICTS
from spikeproof.export.checklist import checklist
from spikeproof.export.methods import methods
from spikeproof.export.table import MATRIX_COLUMNS, matrix_rows, matrix_table, radii_table
from spikeproof.report.answer import answer
from support.made_run import PLAIN, MadeRun

T, F = True, False
BESIDE = re.compile(
    r"gradient masking:? (not diagnosed|masked|suspicious|undecided|sound)", re.IGNORECASE
)


def said_beside(text: str) -> str:
    """The verdict that a text says, which stands beside robust accuracy, whatever its words."""
    found = BESIDE.search(text)
    assert found is not None, text
    return found[1]


def made(folder: Path, *, diagnosed: bool) -> Path:
    """A run of two trainings, of which one is masked where anybody looked."""
    run = MadeRun(folder)
    for name in ("plain", "odd"):
        run.train("digits", name, 0, PLAIN)
        run.attack("digits", name, 0, "linf", (0.1, 0.2, 0.4), [T] * 4, [[F] * 4, [T, F, F, F],
                                                                         [T] * 4])  # fmt: skip
        if diagnosed:
            run.doctor("digits", name, 0, {"linf:0.2": name == "odd"})
    return run.plan(("plain", "odd"))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same run, without verdicts and with them; do not change the folders."""
    folder = tmp_path_factory.mktemp("headlines")
    return {
        "not diagnosed": made(folder / "plain", diagnosed=False),
        "sound": made(folder / "diagnosed", diagnosed=True),
    }


def headlines(folder: Path) -> Iterator[str]:
    """Everything that states robust accuracy of a run at its top."""
    found = results(folder)
    yield answer(summarise(found)).short
    yield matrix_table(found, "digits").split(r"\label")[0]
    yield radii_table(found, "digits").split(r"\label")[0]
    yield methods(found, [])
    yield checklist(found)
    yield found._repr_html_()


@pytest.mark.parametrize("word", ["not diagnosed", "sound"])
def test_report_export_and_notebook_say_it(runs: dict[str, Path], word: str) -> None:
    for text in headlines(runs[word]):
        assert said_beside(text) == word
        assert ("masked (odd)" in text) == (word == "sound")


@pytest.mark.parametrize("word", ["not diagnosed", "sound"])
def test_the_commands_say_it(
    runs: dict[str, Path], word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(["study", "show", str(runs[word])]) == 0
    assert said_beside(capsys.readouterr().out) == word
    assert command(["compare", str(runs[word]), str(runs["sound"])]) == 0
    lines = capsys.readouterr().out.splitlines()
    told = [line.rsplit(maxsplit=1)[1] for line in lines if "gradient masking" in line]
    assert told == ["diagnosed." if word == "not diagnosed" else "masked.", "masked."]


def test_the_rows_for_a_paper_have_the_verdict_at_their_own_radius(runs: dict[str, Path]) -> None:
    rows = [
        dict(zip(MATRIX_COLUMNS, row, strict=True)) for row in matrix_rows(results(runs["sound"]))
    ]
    told = [(r["training"], r["radius"], r["masking"]) for r in rows if r["threat"] == "linf"]
    assert sorted(told) == [
        ("odd", 0.1, "not diagnosed"), ("odd", 0.2, "masked"), ("odd", 0.4, "not diagnosed"),
        ("plain", 0.1, "not diagnosed"), ("plain", 0.2, "sound"), ("plain", 0.4, "not diagnosed"),
    ]  # fmt: skip
    unions = {(r["training"], r["level"]): r["masking"] for r in rows if r["threat"] == "union"}
    assert unions["odd", 1] == "masked" and unions["plain", 1] == "sound"
    assert unions["plain", 0] == "not diagnosed"
    assert {r["masking"] for r in rows if r["threat"] == "clean"} == {None}


def test_results_in_python_say_it() -> None:
    torch.manual_seed(0)
    net, x = nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), torch.rand(4, 1, 2, 2)
    y = net(x).argmax(1)
    found = sp.robust_accuracy(net, x, y, threats="linf:0.05", suite="quick")
    one = sp.attack(net, x, y, eps=0.05)
    for text in (repr(found), found.table(), found.audit._repr_html_(), repr(one)):
        assert said_beside(text) == "not diagnosed"


def test_the_card_says_it(tmp_path: Path) -> None:
    with tarfile.open(Path(__file__).parents[1] / "stored" / "card.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    text = (tmp_path / "card" / "README.md").read_text("utf-8")
    top = text.split("---\n")[2].split("## ")[0]
    assert "at most" in top and "Verdict: not diagnosed." in top


def test_there_is_one_order_of_verdicts() -> None:
    assert _GRAVEST == VERDICT_ORDER == (*VERDICTS[:-1], "not diagnosed", VERDICTS[-1])
