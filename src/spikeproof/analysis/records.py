"""Reading the completed cells of a run folder, and saying which file is not whole."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from spikeproof.base import FileProblem, read_json

__all__ = ["Arrays", "Cell", "read_cells", "read_plan"]

Arrays = dict[str, np.ndarray[Any, Any]]

_PARTS = ("cell", "inputs", "versions", "result")


@dataclass(frozen=True)
class Cell:
    """A completed cell of a study.

    Args:
        folder: Where its files lie.
        id: Its name, a hash of what it depends on.
        cell: What was asked for.
        inputs: Hashes of what it depends on.
        versions: Software it was computed with.
        result: What came out.
    """

    folder: Path
    id: str
    cell: Mapping[str, Any]
    inputs: Mapping[str, Any]
    versions: Mapping[str, Any]
    result: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """``"train"``, ``"attack"``, ``"probe"`` or ``"timing"``."""
        return str(self.cell["kind"])

    @property
    def data(self) -> str:
        """Data set."""
        return str(self.cell["data"])

    @property
    def training(self) -> str:
        """Name of the training."""
        return str(self.cell["training"])

    @property
    def seed(self) -> int:
        """Seed of the network."""
        return int(self.cell["seed"])

    @cached_property
    def items(self) -> Arrays:
        """The per-item arrays."""
        return self._arrays("items.npz")

    def gallery(self) -> Arrays:
        """Examples of broken items; empty where the cell kept none."""
        return self._arrays("gallery.npz") if (self.folder / "gallery.npz").exists() else {}

    def wall(self) -> Mapping[str, Any]:
        """Wall time and host facts; empty where the file is gone."""
        path = self.folder / "wall.json"
        return dict(read_json(path, "wall time")) if path.exists() else {}

    def array(self, name: str) -> np.ndarray[Any, Any]:
        """One per-item array; an absent one is a FileProblem that names the file."""
        if name not in self.items:
            raise FileProblem(
                f"{self.folder / 'items.npz'} holds no array {name!r}; "
                "delete the cell's folder and run again to rebuild it."
            )
        return self.items[name]

    def _arrays(self, name: str) -> Arrays:
        path = self.folder / name
        try:
            # Opened here: a truncated archive would otherwise stay open inside numpy.
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                return {key: file[key] for key in file.files}
        except FileNotFoundError:
            problem = "is missing although the cell's record.json is complete"
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            problem = f"is not a whole array file ({error})"
        raise FileProblem(f"{path} {problem}; delete the cell's folder and run again.")


def read_plan(folder: Path) -> dict[str, Any]:
    """Return the content of a run folder's ``plan.json``.

    Raises:
        FileProblem: no such folder, no plan in it, or one that is not whole.
    """
    if not folder.is_dir():
        raise FileProblem(f"There is no run folder at {folder}.")
    content = read_json(folder / "plan.json", "plan of a run")
    if not isinstance(content, dict):
        raise FileProblem(f"{folder / 'plan.json'} holds no plan; start the study again.")
    return content


def read_cells(folder: Path) -> list[Cell]:
    """Read the record of every completed cell, in the order of their names.

    A cell is complete when its ``record.json`` is there; folders without one are still at work.

    Args:
        folder: A run folder.
    Returns:
        Completed cells; an empty list where nothing is complete yet.
    Raises:
        FileProblem: a record that is not whole; the sentence names its file.
    """
    paths = sorted((folder / "cells").glob("*/record.json"))
    if not paths:
        return []
    return [_cell(path, row) for path, row in zip(paths, _rows(paths), strict=True)]


def _rows(paths: list[Path]) -> list[dict[str, Any]]:
    """The records as one query; whatever it refuses is looked for file by file."""
    import duckdb

    columns = {"schema": "INTEGER", "id": "VARCHAR"} | dict.fromkeys(_PARTS, "JSON")
    wanted = ", ".join(f"{name}: '{kind}'" for name, kind in columns.items())
    query = f"SELECT filename, id, {', '.join(_PARTS)} FROM read_json(?, columns={{{wanted}}}, "
    query += "format='unstructured', filename=true, maximum_object_size=1073741824)"
    try:
        with duckdb.connect() as store:
            found = store.execute(query, [[_literal(path) for path in paths]]).fetchall()
    except duckdb.Error as problem:
        for path in paths:
            read_json(path, "record")
        raise FileProblem(
            f"Cannot read the records under {paths[0].parents[1]}: {problem}"
        ) from None
    rows = {Path(row[0]): row for row in found}
    if len(found) != len(paths) or len(rows) != len(paths):
        bad = next((path for path in paths if path not in rows), paths[0])
        raise FileProblem(f"The record {bad} does not hold exactly one record; delete its folder.")
    return [dict(zip(("id", *_PARTS), rows[path][1:], strict=True)) for path in paths]


def _literal(path: Path) -> str:
    """The path with the signs that the query would read as patterns made harmless."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in str(path))


def _cell(path: Path, row: Mapping[str, Any]) -> Cell:
    """A cell from one row, if nothing is missing."""
    parts = {}
    for name in _PARTS:
        value = None if row[name] is None else json.loads(row[name])
        if not isinstance(value, dict):
            raise FileProblem(
                f"The record {path} has no {name!r}; delete its folder and run again to rebuild it."
            )
        parts[name] = value
    for key in ("kind", "data", "training", "seed"):
        if key not in parts["cell"]:
            raise FileProblem(f"The record {path} does not say its {key!r}; delete its folder.")
    return Cell(folder=path.parent, id=str(row["id"]), **parts)
