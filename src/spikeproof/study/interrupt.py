"""Being asked to stop: SIGTERM and SIGUSR1, as schedulers send them before they take a machine.

A training goes on to the end of its epoch, whose checkpoint is there then; anything else stops at
once. So at most one epoch, or one ladder, is computed twice.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

__all__ = ["EXIT_CODE", "Interrupted", "after_epoch", "finishing_epochs", "interruptible"]

EXIT_CODE = 75  # EX_TEMPFAIL of sysexits.h: nothing is wrong, try again
_SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


class Interrupted(BaseException):
    """A signal asked this process to stop; like Ctrl-C it is no failure of what was computed.

    Args:
        signum: Number of the signal.
        kept: Whether an epoch was finished and kept since the work began here.
    """

    def __init__(self, signum: int, *, kept: bool = False) -> None:
        super().__init__(signum)
        self.signum = signum
        self.kept = kept
        self.name = signal.Signals(signum).name


@dataclass
class _Request:
    """What was asked for in this process, and whether it can wait for the end of an epoch."""

    signum: int | None = None
    can_wait: bool = False

    def come(self, signum: int, frame: FrameType | None) -> None:
        """Take a signal: stop now, or after the epoch; a second one waits for nothing."""
        waits = self.can_wait and self.signum is None
        self.signum = signum
        if not waits:
            raise Interrupted(signum)


_request = _Request()


@contextmanager
def interruptible(signals: tuple[signal.Signals, ...] = _SIGNALS) -> Iterator[None]:
    """Turn these signals into :class:`Interrupted` inside; handlers of the caller's own stay.

    Only the main thread of a process can do so; elsewhere nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _request.signum = None
    taken = [one for one in signals if signal.getsignal(one) is signal.SIG_DFL]
    for one in taken:
        signal.signal(one, _request.come)
    try:
        yield
    finally:
        for one in taken:
            signal.signal(one, signal.SIG_DFL)


@contextmanager
def finishing_epochs() -> Iterator[None]:
    """Inside, a first signal waits for :func:`after_epoch`."""
    _request.can_wait = True
    try:
        yield
    finally:
        _request.can_wait = False


def after_epoch(epoch: int, epochs: int, numbers: Mapping[str, float]) -> None:
    """Stop here if that was asked for; what ``fit`` calls once an epoch is kept.

    Raises:
        Interrupted: a signal came during the epoch.
    """
    if _request.can_wait and _request.signum is not None:
        raise Interrupted(_request.signum, kept=True)
