"""``spikeproof data``: what the data sets are, and whether they are intact."""

from __future__ import annotations

from typing import Annotated

import typer

from spikeproof.cli.options import DataDir, Json
from spikeproof.cli.show import note, print_json, print_table, say

__all__ = ["app"]

app = typer.Typer(
    help="List the data sets, or verify them against their hashes.",
    no_args_is_help=True,
)


@app.command("list")
def _list(as_json: Json = False) -> None:
    """Name the data sets with modality, source and licence.

    \b
    Example:
      spikeproof data list
    """
    import dataclasses

    from spikeproof.data import datasets, describe

    specs = [describe(name) for name in datasets()]
    if as_json:
        print_json([dataclasses.asdict(spec) for spec in specs])
        return
    rows = [(s.name, s.modality, s.classes, s.licence, s.sha256[:12], s.source) for s in specs]
    print_table(("name", "modality", "classes", "licence", "sha256", "source"), rows)


@app.command("verify")
def _verify(
    names: Annotated[
        list[str] | None, typer.Argument(help="Data sets; all that need no files by default.")
    ] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Make or read data sets anew and compare every array with the published hash.

    \b
    Example:
      spikeproof data verify digits
    """
    from spikeproof.base import check_one_of
    from spikeproof.data import datasets, describe, embedded, verify

    chosen = [check_one_of(name, datasets(), "data set") for name in names or embedded()]
    hashes = {}
    for name in chosen:
        note(f"{name}: making it anew ...")
        verify(name)
        hashes[name] = describe(name).sha256
    if as_json:
        print_json(hashes)
        return
    for name, value in hashes.items():
        say(f"{name}: intact, sha256 {value}")
