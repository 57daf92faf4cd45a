"""``spikeproof export``: a run as tables, figures and texts for a paper."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikeproof.cli.options import Json
from spikeproof.cli.show import print_json, say

__all__ = ["export"]


def export(
    run: Annotated[Path, typer.Argument(help="Folder of a run, or of an audit.")],
    to: Annotated[Path, typer.Option("--to", help="Folder to write into; made if need be.")],
    force: Annotated[
        bool, typer.Option("--force", help="Write over files that no export wrote.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write what a paper needs of a run: tables, numbers, figures, methods, bibliography.

    LaTeX tables (booktabs) and CSV with intervals, numbers of items and the suite; figures as SVG,
    and as PDF where matplotlib is installed; methods.tex, used.bib with the works that this run
    used, a reproducibility checklist filled from the records, and preview.tex, which shows them
    all. Adversarial inputs are copied where the run kept them. Files that were changed since an
    earlier export, or that no export wrote, stay as they are unless --force is given.

    \b
    Example:
      spikeproof export runs/demo --to paper
    """
    from spikeproof.export import export

    done = export(run, to, force=force)
    if as_json:
        print_json({"folder": str(done.folder), "files": list(done.files)})
        return
    say(f"{len(done.files)} files in {done.folder}:")
    for name in done.files:
        say(f"  {name}")
