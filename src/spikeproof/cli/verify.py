"""``spikeproof verify``: whether files are what their own records say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spikeproof.cli.options import Json
from spikeproof.cli.show import print_json, say

if TYPE_CHECKING:
    from spikeproof.evaluate import RescoredCell

__all__ = ["verify"]


def verify(
    path: Annotated[
        Path,
        typer.Argument(
            help="A run, an audit, a card, a training's folder, a model file or an extract."
        ),
    ],
    data: Annotated[
        str | None,
        typer.Option("--data", help="Of a card about data of your own: where they are."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare every file with the hashes that its own records hold, and name those that changed.

    Leaves with 0 where nothing was changed, with 1 where anything was. A run that is not complete
    yet is what its records say as long as no byte of what is there differs. Where a run kept its
    adversarial inputs they are scored again, by code that shares nothing with what found them,
    and items that do not hold are named. Of a card every number is computed again, and the first
    one that is not what the card says is named.

    \b
    Example:
      spikeproof verify runs/demo
    """
    import dataclasses

    from spikeproof import analysis
    from spikeproof.cards import is_card
    from spikeproof.evaluate import rescore_run

    if is_card(path):
        return _card(path, data, as_json)
    found = analysis.verify(path)
    # What was changed is not worth scoring, and is named already.
    ladders = rescore_run(path) if found.kind == "run" and found.sound else []
    holds = all(ladder.holds for ladder in ladders)
    if as_json:
        record = {**dataclasses.asdict(found), "path": str(path), "sound": found.sound and holds}
        print_json({**record, "rescored": [_record(ladder) for ladder in ladders]})
    else:
        say(found.sentence)
        for sentence in found.changed:
            say(f"  {sentence}")
        for ladder in ladders:
            say(ladder.sentence)
            for item in ladder.rescored.disagreements if ladder.rescored else ():
                say(f"  {item}")
    if not (found.sound and holds):
        raise typer.Exit(1)


def _card(path: Path, data: str | None, as_json: bool) -> None:
    """The same of a card."""
    from spikeproof.cards import verify_card
    from spikeproof.data import open_data

    found = verify_card(path, data=() if data is None else open_data(data))
    if as_json:
        print_json({"path": str(path), "kind": "card", **found.record()})
    else:
        say(found.sentence)
    if not found.holds:
        raise typer.Exit(1)


def _record(ladder: RescoredCell) -> dict[str, Any]:
    """A ladder that was scored again, as plain data."""
    import dataclasses

    found = {} if ladder.rescored is None else dataclasses.asdict(ladder.rescored)
    return {"title": ladder.title, "holds": ladder.holds, **found}
