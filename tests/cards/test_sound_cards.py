"""Radii on sounds stand with their decibels: in cards, on the leaderboard, in comparisons."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import spikeproof as sp
from spikeproof.analysis import compare
from spikeproof.cards import leaderboard, verify_card, write_cards
from spikeproof.data import load
from spikeproof.models import build, save_model, spec_of
from spikeproof.report import write_leaderboard
from spikeproof.study import audit_plan, run
from spikeproof.threats import threat_of
from spikeproof.train import CrossEntropy, Objective, fit
from support.made_cards import edited
from support.saying import Said

# 20 log10 of .0025 and .005.
LOUD = {"linf": ("0.0025 (-52.0 dBFS)", "0.005 (-46.0 dBFS)")}


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that attacked a small network of sounds; do not change the folder."""
    folder, data = tmp_path_factory.mktemp("heard"), load("digits-audio")
    network = build(spec_of("tcn-small", data, width=8, front_end="log-mel"), seed=0)
    objective = Objective({"error": (1.0, CrossEntropy())})
    fit(network, data, objective, epochs=2, seed=0, progress=False)
    save_model(network, folder / "net.safetensors")
    plan = audit_plan(
        folder / "net.safetensors",
        data,
        ["linf", "snr"],
        radii={"linf": [0.0025, 0.005], "snr": [30]},
        suite="quick",
        items=24,
        draws=1,
        keep_adversarials=True,
    )
    run(plan, folder / "run", workers=1)
    return folder / "run"


@pytest.fixture(scope="module")
def made(heard: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its card; do not change the folder."""
    (card,) = write_cards(heard, tmp_path_factory.mktemp("cards"), licence="mit")
    return card.folder


@pytest.fixture
def card(made: Path, tmp_path: Path) -> Path:
    """The card for a test that changes it."""
    return Path(shutil.copytree(made, tmp_path / "card"))


def test_a_card_says_what_a_waveform_meets_first(made: Path) -> None:
    text = (made / "README.md").read_text("utf-8")
    assert "norm batch, pooling average, stem cifar, front end log-mel" in text


def test_a_card_of_sounds_says_decibels_beside_its_radii(card: Path) -> None:
    assert verify_card(card).holds
    text = (card / "README.md").read_text("utf-8")
    for words in LOUD["linf"]:
        assert f"| linf | {words} |" in text
    assert "(30 dB SNR)" in text
    stated = json.loads((card / "card.json").read_text("utf-8"))["stated"]
    assert [len(one["decibels"]) for one in stated["threats"]] == [2, 1]


def test_a_card_that_states_other_decibels_does_not_hold(card: Path) -> None:
    def quieter(content: dict) -> None:  # type: ignore[type-arg]
        content["stated"]["threats"][0]["decibels"][0] = "-90.0 dBFS"

    edited(card, quieter)
    found = verify_card(card)
    assert not found.holds and "-90.0 dBFS" in found.problem and "they are" in found.problem


def test_a_card_of_before_holds_without_decibels_and_the_leaderboard_says_them(
    card: Path, tmp_path: Path
) -> None:
    def before(content: dict) -> None:  # type: ignore[type-arg]
        for one in content["stated"]["threats"]:
            del one["decibels"]

    edited(card, before)
    assert "dBFS" not in (card / "README.md").read_text("utf-8") and verify_card(card).holds
    board = leaderboard([card])
    assert {(t.threat, t.decibels) for t in board.tables} >= {("linf", "-52.0 dBFS")}
    assert board.to_dict()["tables"][0]["decibels"]
    page, _ = write_leaderboard(board, tmp_path / "board.html")
    assert "0.0025 (−52.0 dBFS)" in page.read_text("utf-8")


def test_a_comparison_of_sounds_says_decibels_beside_its_radii(heard: Path, said: Said) -> None:
    found = compare(heard, heard)
    loud = {(row.threat, row.decibels) for row in found.numbers}
    assert {("clean", ""), ("linf", "-52.0 dBFS"), ("linf", "-46.0 dBFS")} <= loud
    assert any(text == "30 dB SNR" for _, text in loud)
    for folders in ((heard, heard), (heard, heard, heard)):
        code, out, _ = said("compare", *folders)
        assert code == 0 and all(words in out for words in ("(-52.0", "(-46.0", "(30 dB")), out


def test_a_comparison_of_audits_made_in_python_says_them_too(tmp_path: Path) -> None:
    data = load("digits-audio")
    network = build(spec_of("tcn-small", data, width=8, front_end="log-mel"), seed=0)
    for name in ("a", "b"):
        audit = sp.audit(
            network, data, threat_of(data, "linf", 0.0025), suite="quick", items=8, draws=1, seed=0
        )
        audit.save(tmp_path / name)
    rows = compare(tmp_path / "a", tmp_path / "b").numbers
    assert [row.decibels for row in rows] == ["", "-52.0 dBFS"]
