"""Cards of networks of every kind: one that draws, events, sounds, pairs; and one page of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import spikeproof as sp
from spikeproof.cards import leaderboard, read_card, verify_card
from spikeproof.cli.main import run as command
from spikeproof.models import Poisson
from spikeproof.report import write_leaderboard

KINDS = {
    "drawing": ("digits", "cnn-small", "linf:0.1", "image"),
    "scans": ("digits", "dense", "linf:0.1", "image"),
    "events": ("digits-events", "cnn-small", "counts:32", "events"),
    "sounds": ("digits-audio", "tcn-small", "linf:0.04", "audio"),
    "pairs": ("digits-av", "fusion-small", "joint:1", "audio-visual"),
}


@pytest.mark.slow
def test_a_card_of_every_kind_holds_and_meets_the_others_on_one_page(tmp_path: Path) -> None:
    for name, (data, architecture, threat, modality) in KINDS.items():
        loaded = sp.load(data)
        net = sp.build(architecture, loaded, timesteps=4, width=6)
        if name == "drawing":
            net = sp.build(replace(net.spec, encoder=Poisson()))
        objective = sp.Objective({"error": (1.0, sp.CrossEntropy())})
        sp.fit(net, loaded, objective, epochs=2, seed=1, progress=False)
        sp.save_model(net, tmp_path / f"{name}.safetensors")
        run, card = tmp_path / "runs" / name, tmp_path / "cards" / name
        asked = ["--data", data, "--threat", threat, "--suite", "quick", "--items", "12"]
        file = str(tmp_path / f"{name}.safetensors")
        kept = ["--keep-adversarials", "--doctor", "--folder", str(run)]
        assert command(["audit", file, *asked, *kept]) == 0
        assert command(["card", str(run), "--to", str(card)]) == 0
        found = verify_card(card)
        assert found.holds, found.problem
        content = read_card(card)
        assert content["computed"]["data"]["modality"] == modality
        words = {word for row in content["computed"]["verdicts"] for word in row}
        assert words <= {"masked", "suspicious", "undecided", "sound"}
    board = leaderboard([tmp_path / "cards"])
    assert board.cards == len(KINDS) and not board.refused
    assert {table.modality for table in board.tables} == {kind for *_, kind in KINDS.values()}
    page, _ = write_leaderboard(board, tmp_path / "board.html")
    assert page.read_text("utf-8").count("<table") >= len(board.tables)
