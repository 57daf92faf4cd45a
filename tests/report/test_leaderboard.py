"""The leaderboard: what may be compared, what is ranked, and the page in a real browser."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest

from spikeproof.base import FileProblem, InputError
from spikeproof.cards import leaderboard, read_card
from spikeproof.cards.board import ranked
from spikeproof.cli.main import run as command
from spikeproof.evaluate import Check, Diagnosis, Thresholds, judged
from spikeproof.report import write_leaderboard
from support.made_boards import board, row
from support.made_cards import edited

STORED = Path(__file__).parents[1] / "stored" / "card.tar.gz"


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a card that holds, one with an edited number, and one without its record."""
    folder = tmp_path_factory.mktemp("cards")
    with tarfile.open(STORED) as archive:
        archive.extractall(folder / "stored", filter="data")
    for name in ("whole", "again", "forged", "torn"):
        shutil.copytree(folder / "stored" / "card", folder / "deep" / name)
    shutil.rmtree(folder / "stored")
    edited(folder / "deep" / "forged", lambda c: c["computed"]["clean"].update(accuracy=0.99))
    (folder / "deep" / "torn" / "card.json").unlink()
    (folder / "deep" / "link").symlink_to(folder / "deep" / "whole")
    return folder


def test_only_cards_that_hold_are_ranked_and_like_meets_like(cards: Path) -> None:
    found = leaderboard([cards])
    computed = read_card(cards / "deep" / "whole")["computed"]
    assert (found.cards, len(found.refused), len(found.tables)) == (2, 2, 6)
    reasons = {Path(one.card).name: one.reason for one in found.refused}
    assert "says clean.accuracy is 0.99" in reasons["forged"]
    assert reasons["torn"] == "There is no card.json in it."
    for one in found.tables:
        (only,) = one.rows  # the same network twice is one row
        assert (only.rank, only.verdict, one.items, one.suite) == (1, "not diagnosed", 16, "quick")
    assert {(one.threat, one.radius): one.rows[0].accuracy[0] for one in found.tables} == {
        (name, row["radius"]): row["accuracy"]
        for name, rows in zip(("linf", "l0"), computed["threats"], strict=True)
        for row in rows
    }


def test_ranks_are_shared_by_what_cannot_be_told_apart() -> None:
    rows = [
        row("a", 0.5),
        row("b", 0.45),
        row("c", 0.39),
        row("d", 0.2),
        row("e", 0.9, unranked="x"),
    ]
    assert [(one.name, one.rank) for one in ranked(rows)] == [
        ("a", 1),
        ("b", 1),
        ("c", 2),  # a lies wholly above it, b does not
        ("d", 4),
        ("e", None),
    ]


def test_a_verdict_is_what_the_checks_say_and_masked_is_not_ranked(
    cards: Path, tmp_path: Path
) -> None:
    words = {"seen": "Seen.", "why": "Why.", "settles": "So.", "mend": "Mend."}
    check = Check(name="overstated", weight="proof", number=0.4, threshold=0.15, **words)
    threats = [judged(f"linf:{r}", [check], Thresholds(), items=64) for r in (0.05, 0.1)]
    diagnosis = Diagnosis(
        data="digits", seed=0, items=64, attack={"kind": "pgd"}, verdicts=tuple(threats)
    )
    card = Path(shutil.copytree(cards / "deep" / "whole", tmp_path / "card"))

    def diagnosed(content: dict[str, Any]) -> None:
        content["stated"]["diagnosis"] = json.loads(json.dumps(diagnosis.record()))
        content["computed"]["verdicts"][0][:2] = ["masked", "masked"]

    edited(card, diagnosed)
    found = leaderboard([card])
    rows = {(one.threat, one.radius): one.rows[0] for one in found.tables}
    assert (rows["linf", 0.1].verdict, rows["linf", 0.1].rank) == ("masked", None)
    assert (rows["linf", 0.15].verdict, rows["linf", 0.15].rank) == ("not diagnosed", 1)
    assert "Verdict: masked." in (card / "README.md").read_text("utf-8")

    def whitewashed(content: dict[str, Any]) -> None:
        content["stated"]["diagnosis"]["verdicts"][0]["verdict"] = "sound"
        content["computed"]["verdicts"][0][0] = "sound"

    edited(card, whitewashed)
    (refused,) = leaderboard([card]).refused
    assert "says sound under linf:0.05, and its checks say masked" in refused.reason


def test_folders_without_cards_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="There is no folder"):
        leaderboard([tmp_path / "none"])
    with pytest.raises(InputError, match="There is no card in"):
        leaderboard([tmp_path])


def test_the_command_writes_page_and_json(
    cards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(["leaderboard", str(cards), "--to", str(tmp_path / "board.html")]) == 0
    out = capsys.readouterr().out
    assert "2 cards hold, 2 do not" in out and "clean.accuracy is 0.99" in out
    plain = json.loads((tmp_path / "board.json").read_text("utf-8"))
    assert plain["schema"] == "spikeproof/leaderboard/1" and len(plain["tables"]) == 6
    assert command(["leaderboard", str(cards), "--to", str(tmp_path / "b.json")]) == 1
    assert "name an .html file" in capsys.readouterr().err


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with every kind of row."""
    return write_leaderboard(board(), tmp_path_factory.mktemp("board") / "board.html")[0]


def test_every_row_has_suite_items_interval_and_verdict(page: Path) -> None:
    text = page.read_text("utf-8")
    rows = text.split('<tr role="row" class="row')[1:]
    assert len(rows) == sum(len(one.rows) for one in board().tables)
    for one in rows:
        assert all(part in one for part in (">1000<", "standard", "badge", " to "))
    assert (
        "<script" not in text
        and "audio-<b>" not in text
        and "http" not in text.split("</style>")[1]
    )


def pick(name: str, value: str) -> str:
    """A script that chooses by the label of an option."""
    return (
        f"const s = document.getElementById('pick-{name}');"
        f"s.value = [...s.options].find((o) => o.text === '{value}').value;"
    )


SEEN = """return [[...document.querySelectorAll('.board')].filter((e) => e.offsetParent !== null)
  .map((e) => e.querySelector('h2').textContent),
  [...document.querySelectorAll('tr.row')].filter((e) => e.offsetParent !== null).length,
  document.querySelector('.nothing').offsetParent !== null];"""


def test_the_page_filters_without_scripts(chromium: Any, page: Path) -> None:
    chromium.log("browser")
    chromium.requests()
    for width, dark in ((390, True), (768, False), (1440, True), (1440, False)):
        chromium.open(page, width=width, dark=dark)
        wide = chromium.run(
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wide <= 0
        cut = chromium.run(
            "return [...document.querySelectorAll('.badge')].filter((e) =>"
            " e.getBoundingClientRect().right > document.documentElement.clientWidth).length"
        )
        assert cut == 0
    asked = [url for url in chromium.requests() if not url.startswith("data:")]
    assert {url.partition(":")[0] for url in asked} == {"file"}
    assert chromium.log("browser") == []
    titles, rows, nothing = chromium.run(SEEN)
    assert (len(titles), rows, nothing) == (4, 9, False)
    chromium.run(pick("threat", "linf"))
    assert chromium.run(SEEN) == [["ℓ∞ 0.1 on digits"], 5, False]
    chromium.run(pick("verdict", "masked"))
    assert chromium.run(SEEN)[1:] == [1, False]
    chromium.run(pick("modality", "audio"))
    assert chromium.run(SEEN) == [[], 0, True]
    for name in ("threat", "verdict"):
        chromium.run(pick(name, "all"))
    assert chromium.run(SEEN) == [["ℓ₂ 0.5 on digits-audio"], 1, False]
    # By keyboard: every choice and every table that scrolls can be reached.
    reached = chromium.run(
        "return [...document.querySelectorAll('a, select, [tabindex]')]"
        ".every((e) => e.tabIndex >= 0)"
    )
    assert reached
