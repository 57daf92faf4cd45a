"""Leaderboards written by hand, with every kind of row that a page must show."""

from __future__ import annotations

from spikeproof.cards import Board, BoardRow, BoardTable, RefusedCard
from spikeproof.cards.board import ranked

__all__ = ["board", "row", "table"]


def row(
    name: str, accuracy: float, *, half: float = 0.05, verdict: str = "sound", unranked: str = ""
) -> BoardRow:
    """A row, not ranked yet."""
    return BoardRow(
        card=f"cards/{name}",
        name=name,
        architecture="cnn-small",
        parameters=12_345,
        training=f"{name}, seed 0",
        clean=(0.9, 0.85, 0.95),
        accuracy=(accuracy, max(accuracy - half, 0.0), min(accuracy + half, 1.0)),
        verdict=verdict,
        rank=None,
        unranked=unranked,
        network_sha256=name,
        card_sha256=name,
    )


def table(data: str, modality: str, threat: str, radius: float, *rows: BoardRow) -> BoardTable:
    """A table with its rows ranked."""
    return BoardTable(
        data=data,
        modality=modality,
        split="test",
        items=1000,
        threat=threat,
        radius=radius,
        suite="standard",
        key=f"{abs(hash((data, threat, radius))):016x}",
        rows=tuple(ranked(rows)),
    )


def board() -> Board:
    """Three data sets, four threats, every verdict, long names and cards that do not hold."""
    mine = row("digits-sparse-gradient+adversarial-training-lif-seed0", 0.41)
    images = (
        mine,
        row("digits-plain-seed0", 0.05),
        row("digits-AT-seed0", 0.38, verdict="not diagnosed"),
        row("digits-IF-seed0", 0.72, verdict="masked", unranked="masked"),
        row("digits-SR-seed0", 0.22, verdict="suspicious"),
    )
    other = row("digits-AT-seed0", 0.3, verdict="undecided")
    sound = row("audio-<b>x</b>", 0.6, verdict="undecided")
    tables = (
        table("digits 1", "image", "linf", 0.1, *images),
        table("digits 1", "image", "l0", 2.0, mine, other),
        table("digits-events 1", "events", "counts", 12.0, row("events-SR-seed0", 0.5)),
        table("digits-audio 1", "audio", "l2", 0.5, sound),
    )
    why = "cards/forged/card.json says clean.accuracy is 0.99, and computing it again gives 0.75."
    return Board(tables=tables, refused=(RefusedCard("cards/forged", why),), cards=8)
