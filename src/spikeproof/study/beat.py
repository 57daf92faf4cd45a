"""Where a cell stands while it is computed, for whoever watches from another process."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from spikeproof.base import FileProblem, read_json, write_atomic
from spikeproof.evaluate import LadderPosition, LadderStep
from spikeproof.study.cell_folder import STEP

__all__ = ["Beat", "CellStep", "under_way"]

_SECONDS = 1.0  # between two beats
_SHARE = 0.02  # of the passes, after which the pace of a ladder is known
_STALE = 300.0  # seconds after which a file says nothing of a process any more


@dataclass(frozen=True, kw_only=True)
class CellStep(LadderPosition):
    """Where a cell stands.

    Args:
        seconds_left: At most about how long the ladder will still take; None at its beginning.
        title: Of the cell.
    """

    seconds_left: float | None
    title: str


class Beat:
    """Writes where a cell stands into its folder, once a second at most.

    Args:
        folder: Of the cell.
        title: Of the cell.
        clock: Says the time in seconds.
    """

    def __init__(
        self, folder: Path, title: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path, self._title, self._clock = folder / STEP, title, clock
        self._begun = self._last = clock()

    def __call__(self, at: LadderStep) -> None:
        """Note a step; nothing is raised where it cannot be written."""
        now = self._clock()
        if now - self._last < _SECONDS:
            return
        self._last = now
        # Before that most of the time went into compiling and the first passes.
        known = at.passes >= _SHARE * (at.passes + at.passes_left)
        left = round(at.passes_left * (now - self._begun) / max(1, at.passes), 1)
        record = {name: value for name, value in asdict(at).items() if "passes" not in name}
        record |= {"seconds_left": left if known else None, "title": self._title}
        with suppress(FileProblem):  # neither synced nor hashed: it is gone with the cell
            write_atomic(self._path, json.dumps(record).encode(), make=False, sync=False)

    def end(self) -> None:
        """Remove what was written."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError:
            return


def under_way(folder: Path | str) -> list[CellStep]:
    """Return where the cells stand that some process computes now, in the order of their names.

    Args:
        folder: A run folder. Other machines are seen where they share it.
    """
    steps = []
    for path in sorted(Path(folder).glob(f"cells/*/{STEP}")):
        try:
            fresh = time.time() - path.stat().st_mtime < _STALE
            if fresh and not (path.parent / "record.json").exists():
                content: dict[str, Any] = read_json(path, "step of a cell")
                steps.append(CellStep(**content))
        except (OSError, FileProblem, TypeError):
            continue  # it ended meanwhile
    return steps
