"""An executor: cells one after the other in this process, with a line for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spikeproof.study import InProcess

__all__ = ["Spoken"]


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """Compute cells as ``InProcess`` does and write each into a file.

    Args:
        name: Of the file, beside the folder of the cells.
    """

    name: str = "spoken.txt"

    def open(self, cells: Path) -> _Session:
        """Return a session around one of ours."""
        return _Session(InProcess().open(cells), cells.parent / self.name)


class _Session:
    """A session that tells what it hands on."""

    def __init__(self, inner: Any, path: Path) -> None:
        self._inner = inner
        self._path = path

    def submit(self, cell: Any, *, after: str | None = None) -> None:
        """Hand over a cell."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"{cell.title}\n")
        self._inner.submit(cell, after=after)

    def ended(self) -> Iterator[Any]:
        """Yield how each cell ended."""
        yield from self._inner.ended()

    def close(self) -> None:
        """Stop."""
        self._inner.close()
