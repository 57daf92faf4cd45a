"""The leaderboard as a page: tables of cards that hold, one switch, and the cards that do not."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from markupsafe import Markup

from spikeproof.base import write_atomic, write_json
from spikeproof.cards import Board, BoardRow, BoardTable
from spikeproof.names import counted, radius_text
from spikeproof.report.document import asset, environment
from spikeproof.report.labels import interval, measure, percent, threat_title

__all__ = ["write_leaderboard"]


@dataclass(frozen=True)
class _Filter:
    """One thing to choose by."""

    id: str
    title: str
    values: list[str]


def write_leaderboard(board: Board, path: Path | str) -> tuple[Path, Path]:
    """Write a leaderboard as one page that needs nothing else, and its rows as JSON beside it.

    Args:
        board: From ``spikeproof.cards.leaderboard``.
        path: The page; the JSON has its name and ends in ``.json``.
    Returns:
        Both files.
    Raises:
        FileProblem: they cannot be written.
    """
    path = Path(path)
    plain = path.with_suffix(".json")
    write_json(plain, board.to_dict())
    write_atomic(path, _page(board, plain.name).encode("utf-8"))
    return path, plain


def _page(board: Board, plain: str) -> str:
    """The page."""
    filters = _filters(board)
    places = _places(board)
    page = {
        "css": Markup(asset("page.css")),
        "rules": Markup("\n".join(_rules(board, filters))),
        "filters": filters,
        "tables": [_table(one, filters, places) for one in board.tables],
        "refused": board.refused,
        "lead": _lead(board),
        "plain": plain,
    }
    return environment().get_template("leaderboard.html.j2").render(page=page)


def _lead(board: Board) -> str:
    """What the page holds, in one sentence."""
    networks = {row.network_sha256 for table in board.tables for row in table.rows}
    text = f"{counted(len(networks), 'network')} in {counted(len(board.tables), 'table')}, from "
    text += f"{counted(board.cards, 'card')} that hold{'s' if board.cards == 1 else ''}"
    if board.refused:
        not_held = len(board.refused)
        text += f"; {counted(not_held, 'card')} do{'es' if not_held == 1 else ''} not hold"
    return f"{text}."


def _filters(board: Board) -> list[_Filter]:
    """Threats, modalities and verdicts of the tables."""
    tables = board.tables
    verdicts = sorted({row.verdict for one in tables for row in one.rows})
    return [
        _Filter("threat", "threat", sorted({one.threat for one in tables})),
        _Filter("modality", "modality", sorted({one.modality for one in tables})),
        _Filter("verdict", "verdict", verdicts),
    ]


def _rules(board: Board, filters: Sequence[_Filter]) -> Iterator[str]:
    """What each choice hides, as rules of style, so that the page needs no script."""
    for each in filters:
        for number, _ in enumerate(each.values):
            root = f":root:has(#pick-{each.id} option[value='{number}']:checked)"
            mark = f"{each.id[0]}-{number}"
            yield f"{root} .board:not(.{mark}){{display:none}}"
            if each.id == "verdict":
                yield f"{root} tr.row:not(.{mark}){{display:none}}"
    sets = [_marks(one, filters) for one in board.tables]
    choices = [[(f, n) for n in (-1, *range(len(f.values)))] for f in filters]
    for choice in product(*choices):
        wanted = {f"{f.id[0]}-{n}" for f, n in choice if n >= 0}
        if not any(wanted <= marks for marks in sets):
            roots = "".join(f":has(#pick-{f.id} option[value='{n}']:checked)" for f, n in choice)
            yield f":root{roots} .nothing{{display:block}}"


def _marks(table: BoardTable, filters: Sequence[_Filter]) -> set[str]:
    """The classes of a table."""
    threat, modality, verdict = filters
    marks = {f"t-{threat.values.index(table.threat)}"}
    marks.add(f"m-{modality.values.index(table.modality)}")
    return marks | {f"v-{verdict.values.index(row.verdict)}" for row in table.rows}


def _places(board: Board) -> dict[str, str]:
    """Where each card lies, from the folder on that holds them all: the page may be published."""
    cards = {row.card for table in board.tables for row in table.rows}
    base = os.path.commonpath([os.path.abspath(card) for card in cards]) if cards else ""
    shown = {card: os.path.relpath(card, base) for card in cards}
    return {card: Path(card).name if place == "." else place for card, place in shown.items()}


def _table(
    table: BoardTable, filters: Sequence[_Filter], places: Mapping[str, str]
) -> dict[str, Any]:
    """One table as the template takes it."""
    verdicts = filters[2].values
    name, _, version = table.data.rpartition(" ")
    return {
        "id": f"t{table.key[:10]}",
        "classes": " ".join(sorted(_marks(table, filters))),
        "title": f"{threat_title(table.threat)} {_radius(table)} on {name}",
        "about": (
            f"{measure(table.threat)}; {table.items} {table.split} items, {table.modality}, "
            f"version {version}; suite {table.suite}"
        ),
        "items": table.items,
        "suite": table.suite,
        "rows": [_row(row, verdicts.index(row.verdict), places[row.card]) for row in table.rows],
    }


def _radius(table: BoardTable) -> str:
    """The radius of a table, and on sounds how loud it is."""
    loud = table.decibels.replace("-", "−")
    return f"{radius_text(table.radius)} ({loud})" if loud else radius_text(table.radius)


def _row(row: BoardRow, verdict: int, place: str) -> dict[str, Any]:
    """One row as the template takes it."""
    value, low, high = row.accuracy
    return {
        "classes": f"row v-{verdict}",
        "rank": "–" if row.rank is None else str(row.rank),
        "unranked": row.unranked,
        "why": "" if row.unranked == row.verdict else row.unranked,
        "name": row.name,
        "what": f"{row.architecture}, {row.parameters:,} parameters; {row.training}",
        "card": place,
        "clean": percent(row.clean[0]),
        "clean_interval": interval(*row.clean[1:]),
        "accuracy": percent(value),
        "interval": interval(low, high),
        "left": f"{100 * low:.2f}",
        "wide": f"{max(100 * (high - low), 0.5):.2f}",
        "at": f"{100 * value:.2f}",
        "verdict": row.verdict,
        "tone": _TONES.get(row.verdict, "undecided"),
    }


_TONES = {"sound": "supported", "masked": "contradicted", "suspicious": "contradicted"}
