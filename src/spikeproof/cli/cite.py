"""``spikeproof cite``: BibTeX of the works a run, or the package, rests on."""

from __future__ import annotations

from typing import Annotated

import typer

from spikeproof.cli.completion import complete_citation
from spikeproof.cli.options import Json
from spikeproof.cli.show import print_json, say

__all__ = ["cite"]


def cite(
    keys: Annotated[
        list[str] | None,
        typer.Argument(
            help="Citation keys; all of them by default.", autocompletion=complete_citation
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Print the BibTeX entries of the works that spikeproof builds on.

    \b
    Example:
      spikeproof cite liu2024sparse madry2018
    """
    from spikeproof.base import bibtex, references

    if as_json:
        print_json({key: bibtex(key) for key in keys or references()})
    else:
        say(bibtex(*(keys or ())))
