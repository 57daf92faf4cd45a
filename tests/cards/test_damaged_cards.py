"""A seeded sample of damaged cards: each is refused in one sentence, or says what it said."""

from __future__ import annotations

from pathlib import Path

from support.damaged_cards import damage_cards


def test_damaged_cards_are_refused_or_say_what_they_said(whole: Path, tmp_path: Path) -> None:
    ends = damage_cards(whole, tmp_path, range(60))
    assert sum(ends.values()) == 60
    assert ends["refused"] >= 45
