"""What an earlier run may have left at work on a cluster must not write beside a new one."""

from __future__ import annotations

import os
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spikeproof.base import SettingError, write_atomic
from spikeproof.study.engine.arrays import queued

__all__ = ["refuse_orphans", "shared", "token_in", "working_for"]

_PATTERN = ".shared-*"
_LOOK = 1.0  # seconds between two looks of a worker at the token that it works for

Token = tuple[str, str]


@contextmanager
def token_in(run: Path) -> Iterator[Token]:
    """Keep a file in the run folder, as long as workers may write there.

    Whoever can read it shares the folder, and works until it is gone.

    Returns:
        Its path and content.
    """
    path, text = run / f".shared-{secrets.token_hex(8)}", secrets.token_hex(16)
    write_atomic(path, text.encode())
    try:
        yield str(path), text
    finally:
        path.unlink(missing_ok=True)


def shared(token: Token) -> bool:
    """Whether this process sees the run folder in which the token lies."""
    path, text = token
    try:
        return Path(path).read_text(encoding="utf-8") == text
    except OSError:
        return False


@contextmanager
def working_for(token: Token) -> Iterator[None]:
    """Inside, this process ends at once when the token is gone: another run has begun."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_LOOK):
            if not Path(token[0]).exists():
                os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        over.set()


def refuse_orphans(run: Path, *, follows: bool) -> None:
    """End workers of Ray that a lost head or driver left in a run folder; refuse queued jobs.

    Args:
        run: The run folder, which the caller has locked.
        follows: Whether the caller goes on with jobs that are queued in Slurm.
    Raises:
        SettingError: Slurm still has jobs of this run, and the caller would compute their cells.
    """
    tokens = list(run.glob(_PATTERN))
    for token in tokens:
        token.unlink(missing_ok=True)
    if tokens:
        time.sleep(3 * _LOOK)
    if follows or not (run / "slurm").is_dir() or shutil.which("squeue") is None:
        return
    live = sum(task.live for task in queued(run / "slurm").values())
    if live:
        raise SettingError(
            f"Slurm still has {live} cells of {run}; go on with --executor slurm, which follows "
            "them, or end them with scancel first."
        )
