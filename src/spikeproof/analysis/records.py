"""Reading the completed cells of a run folder, and saying which file is not whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from spikeproof.base import FileProblem, read_arrays, read_json

__all__ = ["Arrays", "CellRecord", "read_cells", "read_plan"]

Arrays = dict[str, np.ndarray[Any, Any]]

_LARGEST = 1 << 30  # bytes of a record
_PARTS = ("cell", "inputs", "versions", "result")


@dataclass(frozen=True)
class CellRecord:
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
        """``"train"``, ``"network"``, ``"attack"``, ``"probe"`` or ``"timing"``."""
        return str(self.cell["kind"])

    @property
    def holds_network(self) -> bool:
        """Whether it holds a network, trained in the run or taken into it."""
        return self.kind in ("train", "network")

    @property
    def data(self) -> str:
        """Data set."""
        return str(self.cell["data"])

    @property
    def training(self) -> str:
        """Name of the training, or of a network that was trained before."""
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
        return read_arrays(
            self.folder / name,
            "array file of a complete cell",
            mend="delete the cell's folder and run again",
        )


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


def read_cells(folder: Path) -> list[CellRecord]:
    """Read the record of every completed cell, in the order of their names.

    A cell is complete when its ``record.json`` is there; folders without one are still at work.

    Args:
        folder: A run folder.
    Returns:
        Completed cells; an empty list where nothing is complete yet.
    Raises:
        FileProblem: a record that is not whole; the sentence names its file.
    """
    return [_cell(path) for path in sorted((folder / "cells").glob("*/record.json"))]


def _cell(path: Path) -> CellRecord:
    """A cell from its record, if nothing is missing."""
    # A pipe or a device in the place of the file would never end.
    if not path.is_file() or path.stat().st_size > _LARGEST:
        raise FileProblem(
            f"The record {path} is not a file of at most {_LARGEST >> 20} MiB; delete its folder."
        )
    record = read_json(path, "record")
    if not isinstance(record, dict) or "id" not in record:
        raise FileProblem(
            f"The record {path} does not hold exactly one record with an id; delete its folder."
        )
    parts: dict[str, dict[str, Any]] = {}
    for name in _PARTS:
        part = record.get(name)
        if not isinstance(part, dict):
            raise FileProblem(
                f"The record {path} has no {name!r}; delete its folder and run again to rebuild it."
            )
        parts[name] = part
    for key in ("kind", "data", "training", "seed"):
        if key not in parts["cell"]:
            raise FileProblem(f"The record {path} does not say its {key!r}; delete its folder.")
    return CellRecord(folder=path.parent, id=str(record["id"]), **parts)
