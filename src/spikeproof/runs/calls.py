"""``wall.json`` of a run folder: when and by which command its cells were computed.

Like that of a cell it is no part of any hash: it may differ between two runs of one plan.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spikeproof.base import FileProblem, code_origin, is_there, read_json, versions, write_json
from spikeproof.runs.record import WALL

__all__ = ["begin_call", "end_call", "read_calls"]

_MOST_CALLS, _MOST_WORDS, _LONGEST = 200, 200, 1000
_TEXTS = ("begun", "finished", "commit", "package_sha256")


def begin_call(folder: Path) -> str:
    """Note that this process begins to compute cells of a run.

    Args:
        folder: The run folder.
    Returns:
        The time, by which ``end_call`` knows the call.
    Raises:
        FileProblem: it cannot be written.
    """
    begun = _now()
    call = {
        "command": [str(word)[:_LONGEST] for word in sys.argv[:_MOST_WORDS]],
        "begun": begun,
        "finished": None,
        **code_origin(),
        "versions": versions(),
    }
    _write(folder, [*_kept(folder), call])
    return begun


def end_call(folder: Path, begun: str) -> None:
    """Note that the call of that time has ended.

    Raises:
        FileProblem: it cannot be written.
    """
    calls = _kept(folder)
    for call in reversed(calls):
        if call.get("begun") == begun and call.get("finished") is None:
            call["finished"] = _now()
            break
    _write(folder, calls)


def read_calls(folder: Path) -> list[dict[str, Any]]:
    """Return every call that computed cells of a run, the first one first; empty where none is
    known, as in runs from before they were noted.

    Each has ``command`` (words), ``begun`` and ``finished`` (UTC, None where it was killed),
    ``package_sha256``, ``commit`` where one is known, and ``versions``.

    Raises:
        FileProblem: the file is not well-formed.
    """
    path = folder / WALL
    if not is_there(path):
        return []
    content = read_json(path, "calls of a run")
    calls = content.get("calls") if isinstance(content, Mapping) else None
    if isinstance(content, Mapping) and "command" in content:  # of an audit that was saved
        calls = [dict(content)]
    if not isinstance(calls, list) or not all(map(_well, calls)):
        raise FileProblem(
            f"{path} does not say which calls computed a run; delete it, nothing else depends on "
            "it."
        )
    return calls


def _well(call: object) -> bool:
    """Whether an entry says what one must say."""
    return (
        isinstance(call, dict)
        and isinstance(call.get("command"), list)
        and all(isinstance(word, str) for word in call["command"])
        and all(isinstance(call.get(key, ""), str | None) for key in _TEXTS)
        and isinstance(call.get("versions", {}), dict)
    )


def _kept(folder: Path) -> list[dict[str, Any]]:
    """The calls that are noted; none where the file is damaged, as nothing depends on it."""
    try:
        return read_calls(folder)
    except FileProblem:
        return []


def _write(folder: Path, calls: list[dict[str, Any]]) -> None:
    """Write the last of the calls."""
    write_json(folder / WALL, {"calls": json.loads(json.dumps(calls[-_MOST_CALLS:]))})


def _now() -> str:
    """The time, UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
