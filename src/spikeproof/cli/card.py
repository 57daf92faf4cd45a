"""``spikeproof card``: the networks of a run as folders for a hub, with the evidence beside."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikeproof.cli.options import Json
from spikeproof.cli.show import print_json, say

__all__ = ["card"]


def card(
    run: Annotated[Path, typer.Argument(help="Folder of a run that kept adversarial inputs.")],
    to: Annotated[Path, typer.Option("--to", help="Folder to write into; made if need be.")],
    network: Annotated[
        str | None, typer.Option("--network", help="Training or network; all where absent.")
    ] = None,
    data: Annotated[str | None, typer.Option("--data", help="Data set; all where absent.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed; all where absent.")] = None,
    licence: Annotated[
        str | None, typer.Option("--licence", help="Of the weights, as the hub names it.")
    ] = None,
    diagnosis: Annotated[
        Path | None,
        typer.Option("--diagnosis", help="What 'spikeproof doctor --json' said of the network."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a model card beside every network of a run, in the layout of the Hugging Face hub.

    A folder holds config.json, model.safetensors and README.md, which the hub shows, card.json with
    every number, and evidence.npz with the adversarial inputs that 'spikeproof verify' scores
    again. One network is written into the folder itself, several into a folder each. The run must
    have kept its adversarial inputs (--keep-adversarials, keep_adversarials in a plan).

    \b
    Example:
      spikeproof card runs/mine --to cards --licence apache-2.0
    """
    from spikeproof.base import read_json
    from spikeproof.cards import write_cards

    said = None if diagnosis is None else read_json(diagnosis, "diagnosis", follow=True)
    chosen = {"network": network, "data": data, "seed": seed}
    done = write_cards(run, to, **chosen, licence=licence, diagnosis=said)
    if as_json:
        print_json([{"name": one.name, "folder": str(one.folder)} for one in done])
        return
    for one in done:
        say(f"{one.name}: {one.folder}")
