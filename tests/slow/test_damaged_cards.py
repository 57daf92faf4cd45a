"""Thousands of damaged cards: each is refused in one sentence, or says what it said."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from support.damaged_cards import damage_cards

pytestmark = pytest.mark.slow

STORED = Path(__file__).parents[1] / "stored" / "card.tar.gz"


def test_damaged_cards_are_refused_or_say_what_they_said(tmp_path: Path) -> None:
    with tarfile.open(STORED) as archive:
        archive.extractall(tmp_path / "stored", filter="data")
    ends = damage_cards(tmp_path / "stored" / "card", tmp_path, range(6000))
    assert sum(ends.values()) == 6000
    assert ends["refused"] > 4500
