"""Finished cells of a grid of joint budgets or of an energy audit, so that a killed one goes on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikeproof.base import (
    FileProblem,
    Lease,
    UnreadableFile,
    is_there,
    read_arrays,
    read_json,
    sealed,
    write_arrays,
    write_json,
)

__all__ = ["KeptCells"]

_FOLDER = "cells"


@dataclass(frozen=True)
class KeptCells:
    """The cells that a grid of budgets, or an energy audit, has finished.

    Args:
        folder: Of it; None keeps nothing.
    """

    folder: Path | None

    @classmethod
    def at(
        cls,
        folder: Path | str | None,
        identity: Mapping[str, Any],
        *,
        what: str = "grid of budgets",
    ) -> KeptCells:
        """The cells in a folder, after seeing that it is free or holds these very ones.

        Args:
            folder: Where.
            identity: What every cell depends on.
            what: What they are the cells of, in words.
        Raises:
            FileProblem: it holds something else, or is a file.
        """
        if folder is None:
            return cls(None)
        place = Path(folder)
        if place.exists() and not place.is_dir():
            raise FileProblem(f"{place} is a file; the {what} needs a folder of its own.")
        for name in ("plan.json", "audit.json"):
            if (place / name).exists():
                raise FileProblem(f"{place} holds {name}; choose another folder for the {what}.")
        path, mine = place / _FOLDER / "identity.json", sealed(dict(identity))
        if path.exists() and read_json(path, f"identity of the {what}") != mine:
            raise FileProblem(
                f"{place} holds another {what}; choose another folder, or move that one away."
            )
        write_json(path, mine)
        return cls(place)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder for one process.

        Raises:
            FileProblem: another process holds it.
        """
        if self.folder is None:
            yield
            return
        with Lease(self.folder, "attacking"):
            yield

    def find(self, name: str) -> dict[str, np.ndarray[Any, Any]] | None:
        """The arrays of a finished cell; None where it is not there, or is damaged."""
        if self.folder is None or not is_there(path := self._path(name)):
            return None
        try:
            return read_arrays(path, "array file of a cell")
        except UnreadableFile:
            raise  # it may well be whole
        except FileProblem:
            return None  # computed again

    def keep(self, name: str, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Write a finished cell, whole or not at all."""
        if self.folder is not None:
            write_arrays(self._path(name), arrays)

    def _path(self, name: str) -> Path:
        """Where a cell stands."""
        assert self.folder is not None
        return self.folder / _FOLDER / f"{name}.npz"
