"""A run, study or audit, as the files that a paper needs."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from spikeproof.analysis import (
    FRAME_COLUMNS,
    Results,
    breaks,
    frame,
    results,
    summarise,
    works_of,
)
from spikeproof.base import FileProblem, bibtex, csv_text, read_bytes
from spikeproof.export.checklist import checklist
from spikeproof.export.folder import file_name, write_files
from spikeproof.export.methods import methods, source_works
from spikeproof.export.preview import preview
from spikeproof.export.table import MATRIX_COLUMNS, matrix_rows, matrix_table, radii_table
from spikeproof.report import Figure, draw, figures_of
from spikeproof.runs import INDEX, INDEX_COLUMNS, index_rows

__all__ = ["Exported", "export"]

_BREAKS = (
    "data",
    "training",
    "seed",
    "threat",
    "radius",
    "member",
    "first_breaks",
    "turns_all_radii",
    "forward_all_radii",
    "backward_all_radii",
    "suite",
    "cell",
)
_KEPT = "adversarials.npz"


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What was written.

    Args:
        folder: Where.
        files: Paths inside it, sorted.
    """

    folder: Path
    files: tuple[str, ...]


def export(run: Path | str, to: Path | str, *, force: bool = False) -> Exported:
    """Write what a paper needs of a run: tables, numbers, figures, methods, bibliography.

    Numbers are those of the records, with their intervals and the number of items; where robust
    accuracy is withheld none is written. The same run gives the same files.

    Args:
        run: Folder of a run, complete or not, or of an audit that was saved.
        to: Folder to write into; made if need be.
        force: Whether files are written over that no export wrote.
    Returns:
        The files.
    Raises:
        FileProblem: no run there, a file in it that is not whole, or a file of another's that
            would be written over.
    Cost:
        Reads every file of the run once; a figure takes a tenth of a second as PDF.
    Example:
        >>> export("no-such-run", "paper")
        Traceback (most recent call last):
        spikeproof.base.errors.FileProblem: There is no run folder at no-such-run.
    """
    if Path(to).resolve() == Path(run).resolve():
        raise FileProblem(f"{to} is the run itself; export into another folder.")
    found = results(run)
    files = dict(_files(found))
    about = {"run": str(found.plan.get("name", "run")), "plan_sha256": found.record.get("sha256")}
    write_files(Path(to), files, about, force=force)
    return Exported(folder=Path(to), files=tuple(sorted(files)))


def _files(found: Results) -> Iterator[tuple[str, bytes]]:
    """Every file by its path."""
    columns = frame(found)
    rows = zip(*(columns[name] for name in FRAME_COLUMNS), strict=True)
    yield "frame.csv", csv_text(FRAME_COLUMNS, rows).encode()
    yield "matrix.csv", csv_text(MATRIX_COLUMNS, matrix_rows(found)).encode()
    told = ([row.get(name) for name in _BREAKS] for row in breaks(found.cells))
    yield "attacks.csv", csv_text(_BREAKS, told).encode()
    yield INDEX, csv_text(INDEX_COLUMNS, _index(found)).encode()
    tables = {}
    for data in found.data():
        tables[f"table-{file_name(data)}.tex"] = matrix_table(found, data)
        tables[f"radii-{file_name(data)}.tex"] = radii_table(found, data)
    works = sorted({"spikeproof", *works_of(found.cells), *source_works(found.data())})
    tables["methods.tex"] = methods(found, works)
    for name, text in tables.items():
        yield name, text.encode()
    yield "used.bib", (bibtex(*works) + "\n").encode()
    yield "checklist.md", checklist(found).encode()
    shown = []
    printed = find_spec("matplotlib") is not None
    for figure in figures_of(summarise(found)):
        yield f"figures/{figure.name}.svg", draw(figure, form="svg")
        if printed:
            yield f"figures/{figure.name}.pdf", _printed(figure)
            shown.append((f"figures/{figure.name}", figure.title))
    yield "preview.tex", preview(list(tables), shown).encode()
    yield from _adversarials(found)


def _printed(figure: Figure) -> bytes:
    """A figure as PDF; a sign of somebody's name that the font lacks becomes a box."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        return draw(figure, form="pdf")


def _index(found: Results) -> list[list[object]]:
    """The cells of the run by name."""
    records = {
        cell.id: {"cell": cell.cell, "inputs": cell.inputs, "files": cell.files}
        for cell in found.cells
    }
    listed = found.record.get("cells", [])
    entries = [one if isinstance(one, dict) else {"id": one} for one in listed]
    return index_rows({"cells": entries}, records)


def _adversarials(found: Results) -> Iterator[tuple[str, bytes]]:
    """What broke the items, where the run kept it: a file per network and threat."""
    for cell in found.cells:
        if cell.kind == "attack" and _KEPT in cell.files:
            threat = cell.cell["threat"]["name"]
            name = file_name(cell.data, cell.training, f"seed{cell.seed}", threat)
            yield f"adversarials/{name}.npz", read_bytes(cell.folder / _KEPT, "adversarial inputs")
