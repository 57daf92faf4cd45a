"""The networks of a run and what attacked them, read from its folder and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spikeproof.base import FileProblem, SettingError, is_there, read_arrays
from spikeproof.runs import HOLDERS, RECORD, read_cell, read_plan

__all__ = ["StoredCell", "StoredRun"]

_PARTS = ("cell", "inputs", "versions", "result", "files")


@dataclass(frozen=True)
class StoredCell:
    """A complete cell.

    Args:
        folder: Where its files lie.
        cell: What was asked for.
        inputs: Hashes of what it depends on.
        versions: Software that computed.
        result: What came out.
        files: File → hash.
    """

    folder: Path
    cell: Mapping[str, Any]
    inputs: Mapping[str, Any]
    versions: Mapping[str, str]
    result: Mapping[str, Any]
    files: Mapping[str, str]

    @classmethod
    def read(cls, folder: Path) -> StoredCell:
        """The cell in a folder, each file checked against its hash.

        Raises:
            FileProblem: it is not complete, or a file is missing or was changed; it is named.
        """
        record = read_cell(folder)
        return cls(folder, **{part: record[part] for part in _PARTS})

    def arrays(self, name: str = "items.npz") -> dict[str, Any]:
        """The arrays of a file."""
        return read_arrays(self.folder / name, "array file of a cell", sha256=self.files[name])

    def gallery(self) -> dict[str, Any] | None:
        """A few broken items, where there are any."""
        return self.arrays("gallery.npz") if "gallery.npz" in self.files else None


@dataclass(frozen=True)
class StoredRun:
    """A run folder.

    Args:
        folder: Where it lies.
        plan: The plan as plain data.
        cells: What ``plan.json`` says of every cell.
    """

    folder: Path
    plan: Mapping[str, Any]
    cells: tuple[Mapping[str, Any], ...]

    @classmethod
    def read(cls, folder: Path) -> StoredRun:
        """The run in a folder.

        Raises:
            FileProblem: there is none, or its plan is not whole.
        """
        content = read_plan(folder)
        try:
            cells = tuple(content["cells"])
            for cell in cells:
                cell["id"], cell["parent"], cell["cell"]["kind"], cell["title"]
            return cls(folder, dict(content["plan"]), cells)
        except (KeyError, TypeError, ValueError) as problem:
            path = folder / "plan.json"
            raise FileProblem(f"{path} is not the plan of a run ({problem}).") from None

    def cell(self, entry: Mapping[str, Any]) -> StoredCell:
        """A cell of the plan, read and checked."""
        folder = self.folder / "cells" / Path(str(entry["id"])).name
        if not is_there(folder / RECORD):
            raise FileProblem(
                f"{self.folder} is not complete: {entry['title']} is missing. Run the same command "
                "again; it goes on where it stopped."
            )
        return StoredCell.read(folder)

    def attacked(
        self, network: str | None = None, data: str | None = None
    ) -> tuple[StoredCell, list[StoredCell]]:
        """The one network that fits, and the cells that attacked it, in the order of the plan.

        Args:
            network: Its name; any where absent.
            data: Its data set; any where absent.
        Raises:
            SettingError: none fits, or several do.
            FileProblem: a cell is missing, or was changed.
        """
        asked = {"training": network, "data": data}
        holders = [
            entry
            for entry in self.cells
            if entry["cell"]["kind"] in HOLDERS
            and all(entry["cell"].get(key) == value for key, value in asked.items() if value)
        ]
        if len(holders) != 1:
            raise SettingError(
                f"{self.folder} holds {len(holders) or 'no'} networks that fit "
                f"({'; '.join(str(entry['title']) for entry in holders[:5]) or 'none'}); name one, "
                "Audit.load(folder, network=..., data=...)."
            )
        own = [cell for cell in self.cells if cell["parent"] == holders[0]["id"]]
        attacks = [self.cell(cell) for cell in own if cell["cell"]["kind"] == "attack"]
        if not attacks:
            raise FileProblem(f"{self.folder} attacks no network.")
        return self.cell(holders[0]), attacks

    def diagnosis(self, holder: StoredCell) -> list[Mapping[str, Any]] | None:
        """Records of the flags that were seen of a network before it was attacked.

        Returns:
            None where nobody looked, as in runs from before there were flags.
        Raises:
            FileProblem: the cell is missing, or was changed.
        """
        for entry in self.cells:
            parent, kind = entry["parent"], entry["cell"]["kind"]
            if (parent, kind) == (holder.folder.name, "diagnosis"):
                return list(self.cell(entry).result["flags"])
        return None

    def doctored(self, holder: StoredCell) -> Mapping[str, Any] | None:
        """The record of the verdicts on masking of a network; None where nobody asked for them.

        Raises:
            FileProblem: the cell is missing, or was changed.
        """
        for entry in self.cells:
            if (entry["parent"], entry["cell"]["kind"]) == (holder.folder.name, "doctor"):
                return dict(self.cell(entry).result["diagnosis"])
        return None
