"""Which commands computed a run, as its folder notes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spikeproof.base import FileProblem
from spikeproof.runs import read_calls

__all__ = ["calls_of"]


def calls_of(folder: Path) -> list[dict[str, Any]]:
    """Return the calls that computed a run, the first one first; empty where none is noted.

    Each holds ``command`` (words), ``begun`` and ``finished``, ``commit`` where one is known and
    ``package_sha256``; nothing depends on them, so a damaged file counts as none.

    Args:
        folder: The run folder.
    """
    try:
        return read_calls(folder) if folder.is_dir() else []
    except FileProblem:
        return []
