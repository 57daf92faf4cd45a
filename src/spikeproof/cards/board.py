"""A leaderboard made of cards: every card verified first, like compared with like alone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from spikeproof.base import FileProblem, InputError, digest, is_there
from spikeproof.cards.check import CardCheck, verify_card
from spikeproof.cards.folder import CARD, EVIDENCE
from spikeproof.cards.loud import decibels_at
from spikeproof.data import Dataset

__all__ = ["Board", "BoardRow", "BoardTable", "RefusedCard", "leaderboard", "ranked"]

_MOST, _DEEPEST = 10_000, 6  # cards, and folders below each other
_SCHEMA = "spikeproof/leaderboard/1"


@dataclass(frozen=True, kw_only=True)
class BoardRow:
    """One network under one threat at one radius.

    Args:
        card: The folder of its card.
        name: What the card calls it.
        architecture: Of the network.
        parameters: How many.
        training: Name and seed of the training.
        clean: Clean accuracy and the ends of its interval.
        accuracy: What the suite left, at most, and the ends of the interval.
        verdict: Of a diagnosis under this threat and radius.
        rank: One more than the networks that are better beyond both intervals; None where the
            row is not ranked.
        unranked: Why it is not; empty where it is.
        network_sha256: Hash of the weights.
        card_sha256: Seal of the card.
    """

    card: str
    name: str
    architecture: str
    parameters: int
    training: str
    clean: tuple[float, float, float]
    accuracy: tuple[float, float, float]
    verdict: str
    rank: int | None
    unranked: str
    network_sha256: str
    card_sha256: str


@dataclass(frozen=True, kw_only=True)
class BoardTable:
    """Rows that may be compared: the same items, threat, radius and suite.

    Args:
        data: Name and version of the data set.
        modality: Of its items.
        split: Which items.
        items: How many.
        threat: Name of the threat.
        radius: Its radius.
        suite: Name of the suite.
        key: Hash over everything that makes rows comparable.
        rows: The best first, those without a rank last.
        decibels: The radius in decibels, as text, where the items are sounds.
    """

    data: str
    modality: str
    split: str
    items: int
    threat: str
    radius: float
    suite: str
    key: str
    rows: tuple[BoardRow, ...]
    decibels: str = ""


@dataclass(frozen=True)
class RefusedCard:
    """A card that is not ranked anywhere.

    Args:
        card: Its folder.
        reason: Why, one sentence.
    """

    card: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Board:
    """Every table that the cards allow, and the cards that do not hold.

    Args:
        tables: By modality, data set, threat, radius.
        refused: Cards that do not verify.
        cards: How many hold.
    """

    tables: tuple[BoardTable, ...]
    refused: tuple[RefusedCard, ...]
    cards: int

    def to_dict(self) -> dict[str, Any]:
        """Every row as plain data."""
        return {"schema": _SCHEMA, **asdict(self)}


def leaderboard(folders: Sequence[Path | str], *, data: Sequence[Dataset] = ()) -> Board:
    """Verify cards and rank those that hold.

    Rows meet in one table only where they are about the same items of the same data set, the same
    threat and radius, and the same suite with all its settings. A row's rank is one more than the
    number of rows whose interval lies wholly above its own, so that networks which cannot be
    distinguished share a rank. A masked network has none, nor one whose numbers are stated despite
    a flag or that was attacked only until a budget was spent.

    Args:
        folders: Cards, and folders that hold cards at any depth; links are not followed.
        data: Data sets of the user's own that cards may be about.
    Returns:
        Tables and refused cards.
    Raises:
        FileProblem: a folder that is none.
        InputError: no card in them, or more than 10,000.
    Cost:
        That of verifying every card.
    Example:
        >>> leaderboard(["no-such-folder"])
        Traceback (most recent call last):
        spikeproof.base.errors.FileProblem: There is no folder no-such-folder.
    """
    tables: dict[str, BoardTable] = {}
    refused, held = [], 0
    for folder in _cards(folders):
        if not is_there(folder / CARD):
            refused.append(RefusedCard(str(folder), f"There is no {CARD} in it."))
            continue
        found = verify_card(folder, data=data)
        if not found.holds or found.content is None:
            refused.append(RefusedCard(str(folder), found.problem))
            continue
        held += 1
        for table in _tables(found, found.content):
            there = tables.setdefault(table.key, replace(table, rows=()))
            tables[table.key] = replace(there, rows=_joined(there.rows, table.rows[0]))
    ordered = [replace(one, rows=tuple(ranked(one.rows))) for one in tables.values()]
    ordered.sort(key=lambda one: (one.modality, one.data, one.threat, one.radius, one.key))
    return Board(tables=tuple(ordered), refused=tuple(refused), cards=held)


def _cards(folders: Sequence[Path | str]) -> list[Path]:
    """Every folder that holds a card, or the evidence of one, in order and once."""
    found: dict[Path, None] = {}
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise FileProblem(f"There is no folder {folder}.")
        before = len(found)
        for place in _below(folder, 0):
            found[place] = None
            if len(found) > _MOST:
                raise InputError(f"{folder} holds more than {_MOST:,} cards; name fewer folders.")
        if len(found) == before:
            raise InputError(f"There is no card in {folder}; 'spikeproof card' writes them.")
    return list(found)


def _below(folder: Path, depth: int) -> Iterator[Path]:
    """Cards in a folder and below it, in the order of names."""
    if is_there(folder / CARD) or is_there(folder / EVIDENCE):
        yield folder
        return
    if depth < _DEEPEST:
        with os.scandir(folder) as entries:
            inner = sorted(one.name for one in entries if one.is_dir(follow_symlinks=False))
        for name in inner:
            yield from _below(folder / name, depth + 1)


def _tables(found: CardCheck, content: Mapping[str, Any]) -> Iterator[BoardTable]:
    """The tables of one card, a row each."""
    stated, computed = content["stated"], content["computed"]
    data = computed["data"]
    parts = (stated["threats"], computed["threats"], computed["verdicts"])
    for asked, rows, verdicts in zip(*parts, strict=True):
        threat = {key: value for key, value in asked["threat"].items() if key != "radii"}
        for level, (row, verdict) in enumerate(zip(rows, verdicts, strict=True)):
            cut = any(asked["unsettled"][level : level + 1])
            same = [data["sha256"], data["items_sha256"], threat, row["radius"], asked["suite"]]
            yield BoardTable(
                data=f"{data['name']} {data['version']}",
                modality=str(data["modality"]),
                split=str(stated["split"]),
                items=int(data["items"]),
                threat=str(threat["name"]),
                radius=float(row["radius"]),
                suite=str(asked["suite"]["name"]),
                key=digest(same),
                rows=(_row(found.folder, content, row, str(verdict), cut=cut),),
                decibels=decibels_at(content, threat, float(row["radius"])),
            )


def _joined(rows: tuple[BoardRow, ...], row: BoardRow) -> tuple[BoardRow, ...]:
    """Rows and one more; of a network that is there twice the lower accuracy counts."""
    twins = [one for one in rows if one.network_sha256 == row.network_sha256]
    if any(twin.accuracy <= row.accuracy for twin in twins):
        return rows
    return (*(one for one in rows if one not in twins), row)


def _row(
    folder: Path,
    content: Mapping[str, Any],
    row: Mapping[str, Any],
    verdict: str,
    *,
    cut: bool,
) -> BoardRow:
    """One row, not ranked yet."""
    stated, computed = content["stated"], content["computed"]
    network, training = computed["network"], stated["training"]
    despite = ", ".join(map(str, stated["despite"]))
    why = [f"stated despite {despite}"] if despite else []
    why += ["masked"] if verdict == "masked" else []
    why += ["cut short by a budget"] if cut else []
    return BoardRow(
        card=str(folder),
        name=str(stated["name"]),
        architecture=str(network["architecture"]["name"]),
        parameters=int(network["parameters"]),
        training=f"{training['name']}, seed {training['seed']}",
        clean=_ends(computed["clean"]),
        accuracy=_ends(row),
        verdict=verdict,
        rank=None,
        unranked=", ".join(why),
        network_sha256=str(network["sha256"]),
        card_sha256=str(content["sha256"]),
    )


def _ends(row: Mapping[str, Any]) -> tuple[float, float, float]:
    """A share and the ends of its interval."""
    return float(row["accuracy"]), float(row["low"]), float(row["high"])


def ranked(rows: Sequence[BoardRow]) -> Iterator[BoardRow]:
    """The rows with their ranks, the best first."""
    order = sorted(rows, key=lambda row: (bool(row.unranked), -row.accuracy[0], row.name, row.card))
    for row in order:
        if row.unranked:
            yield row
            continue
        better = [o for o in order if not o.unranked and o.accuracy[1] > row.accuracy[2]]
        yield replace(row, rank=1 + len(better))
