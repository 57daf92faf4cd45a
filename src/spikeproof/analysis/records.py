"""The completed cells of a run, as their checked records and files say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from spikeproof.base import FileProblem, read_arrays
from spikeproof.runs import read_wall

__all__ = ["Arrays", "CellRecord", "cell_record"]

Arrays = dict[str, np.ndarray[Any, Any]]

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
        files: Name → hash of the files beside its record.
        resources: What of the machine changes bits: threads, and the device where it is no CPU.
    """

    folder: Path
    id: str
    cell: Mapping[str, Any]
    inputs: Mapping[str, Any]
    versions: Mapping[str, Any]
    result: Mapping[str, Any]
    files: Mapping[str, str] = field(default_factory=dict)
    resources: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """``"train"``, ``"network"``, or what looks at one: ``"diagnosis"``, ``"attack"``, ..."""
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
        return self._arrays("gallery.npz") if "gallery.npz" in self.files else {}

    def wall(self) -> Mapping[str, Any]:
        """Wall time and host facts; empty where the file is gone."""
        return read_wall(self.folder)

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
            sha256=self.files.get(name),
        )


def cell_record(folder: Path, record: Mapping[str, Any]) -> CellRecord:
    """A cell from its record, which was checked."""
    parts = {name: dict(record[name]) for name in _PARTS}
    known = {"files": dict(record["files"]), "resources": dict(record.get("resources", {}))}
    return CellRecord(folder=folder, id=str(record["id"]), **known, **parts)
