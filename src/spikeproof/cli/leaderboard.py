"""``spikeproof leaderboard``: a page of networks, made of cards that were verified."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikeproof.cli.options import Json
from spikeproof.cli.show import print_json, say

__all__ = ["leaderboard"]


def leaderboard(
    folders: Annotated[
        list[Path], typer.Argument(help="Cards, or folders that hold cards at any depth.")
    ],
    to: Annotated[Path, typer.Option("--to", help="HTML file to write; JSON goes beside it.")],
    data: Annotated[
        list[str] | None,
        typer.Option("--data", help="Data of your own that cards are about; may be repeated."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Verify cards, and write those that hold as a page that works offline and without scripts.

    Every row has its suite, items, interval and verdict. Only networks under the same threat,
    radius and suite on the same items meet in a table. Cards that do not hold stand apart with the
    reason and have no rank; the command leaves with 0 all the same, as the page says which they
    are.

    \b
    Example:
      spikeproof leaderboard cards --to board.html
    """
    from spikeproof.base import SettingError
    from spikeproof.cards import leaderboard
    from spikeproof.data import open_data
    from spikeproof.report import write_leaderboard

    if to.suffix == ".json":
        raise SettingError(f"{to} would be both the page and its JSON; name an .html file.")
    board = leaderboard(folders, data=[open_data(one) for one in data or ()])
    page, plain = write_leaderboard(board, to)
    if as_json:
        print_json(board.to_dict())
        return
    say(f"{board.cards} cards hold, {len(board.refused)} do not: {page}, {plain}")
    for one in board.refused:
        say(f"  {one.card}: {one.reason}")
