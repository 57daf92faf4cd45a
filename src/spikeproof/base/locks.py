"""A lease on a folder: one process at a time works in it, on this machine or another.

The file ``.lock`` says who. Where the system knows ``flock`` it decides, and a lease ends with its
process, however that ends. Where it does not, or where the holder is on another machine that
shares the disk, the file itself decides: its holder renews it every few seconds, and one that was
not renewed for ``STALE`` seconds is taken over.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from spikeproof.base.errors import FileProblem
from spikeproof.base.files import check_folder, sweep, write_atomic
from spikeproof.base.plain import read_json

__all__ = ["Lease", "working_below"]

NAME = ".lock"
BEAT = 10.0
"""Seconds between two renewals."""
STALE = 120.0
"""Seconds after which a lease that was not renewed is taken over."""

_BUSY = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)
# Folders below which leases are granted, and whether on themselves too.
_covered: ContextVar[tuple[tuple[Path, bool], ...]] = ContextVar("covered", default=())


@contextmanager
def working_below(folder: Path | str, *, itself: bool = True) -> Iterator[None]:
    """Inside, leases on all folders below are granted: this thread, or who sent us, holds one.

    Args:
        folder: The folder.
        itself: Whether a lease on this very folder is granted too.
    """
    token = _covered.set((*_covered.get(), (Path(folder).resolve(), itself)))
    try:
        yield
    finally:
        _covered.reset(token)


class Lease:
    """The right to work in a folder, as long as the ``with`` block lasts.

    A lease covers the folders below it, for the thread that holds it.

    Args:
        folder: The folder; made if need be.
        doing: What the holder does there, for whoever is refused: ``"training"``.
        beat: Seconds between two renewals.
        stale: Seconds after which another machine's lease is taken over.
    Raises:
        FileProblem: another process holds it, or the folder cannot be written.
    """

    def __init__(
        self, folder: Path | str, doing: str, *, beat: float = BEAT, stale: float = STALE
    ) -> None:
        self.folder, self.doing = Path(folder), doing
        self.path = self.folder / NAME
        self._beat, self._stale = beat, stale
        self._token = secrets.token_hex(8)
        self._handle: int | None = None
        self._folder: tuple[int, int] | None = None
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._covers: Any = None

    def __enter__(self) -> Self:
        where = self.folder.resolve()
        for above, itself in _covered.get():
            if where.is_relative_to(above) and (itself or where != above):
                return self
        check_folder(self.folder)
        # Made and tried as any other file; also what tells a folder that cannot be written.
        write_atomic(self.folder / ".probe", b"")
        (self.folder / ".probe").unlink(missing_ok=True)
        self._take()
        facts = self.folder.stat()
        self._folder = facts.st_dev, facts.st_ino
        self._thread = threading.Thread(target=self._renew, daemon=True, name="lease")
        self._thread.start()
        self._covers = working_below(self.folder, itself=False)
        self._covers.__enter__()
        sweep(self.folder)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._thread is None:
            return
        self._covers.__exit__(kind, problem, trace)
        self._ended.set()
        self._thread.join()
        if self._there() and self._said().get("token") == self._token:
            with suppress(OSError):
                self.path.unlink(missing_ok=True)
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def check(self) -> None:
        """Raise FileProblem where the folder is no longer ours, before more is written into it.

        Raises:
            FileProblem: it was renamed or removed, or someone took the lease over.
        """
        if self._thread is None:
            return
        if not self._there():
            raise FileProblem(
                f"The folder {self.folder} was renamed or removed while this process worked in "
                "it; nothing more is written. Run the same command on the folder where it is now."
            )
        token = self._said().get("token", self._token)
        if token != self._token:
            raise FileProblem(
                f"Another process took over {self.folder}, as this one did not answer for "
                f"{self._stale:.0f} s; nothing more is written."
            )

    def _there(self) -> bool:
        """Whether the folder of that name still is the one that we took."""
        try:
            facts = self.folder.stat()
        except OSError:
            return False
        return (facts.st_dev, facts.st_ino) == self._folder

    def _take(self) -> None:
        """Hold the file, or say who does."""
        for _ in range(100):
            handle = self._open()
            known = self._flocked(handle)
            if os.fstat(handle).st_ino == _number(self.path):
                break
            os.close(handle)  # its last holder has removed it meanwhile
        holder = _parsed(handle)
        if known is False or self._works(holder, locked=known is True):
            os.close(handle)
            raise FileProblem(
                f"Process {_named(holder)} is already {self.doing} in {self.folder}; wait for it, "
                "or choose another folder."
            )
        self._handle = handle
        self._write(handle)
        if known is None:  # nothing kept another process from doing the same at this moment
            time.sleep(0.2)
            if (other := self._said()).get("token") != self._token:
                os.close(handle)
                self._handle = None
                raise FileProblem(
                    f"Process {_named(other)} is already {self.doing} in {self.folder}; wait for "
                    "it, or choose another folder."
                )

    def _open(self) -> int:
        """The file, made if need be, never through a link."""
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            return os.open(self.path, flags, 0o666)
        except OSError as problem:
            hint = "it is a link; remove it" if problem.errno == errno.ELOOP else problem.strerror
            raise FileProblem(f"Cannot write {self.path}: {hint}.") from None

    def _flocked(self, handle: int) -> bool | None:
        """Whether the system gave us the file; None where it has no such locks."""
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            return False if problem.errno in _BUSY else None
        return True

    def _works(self, holder: Mapping[str, Any], *, locked: bool) -> bool:
        """Whether the one who is written down is still at work."""
        if not holder.get("token"):
            return False  # no one, or a version that had flock alone
        if holder.get("host") == _host():
            # The system's lock, where there is one, has already said that the holder is gone.
            return not locked and _alive(holder)
        return self._age() < float(holder.get("stale", self._stale))

    def _age(self) -> float:
        """Seconds since the file was last written, by the clock of the disk it lies on."""
        probe = self.folder / f".{NAME}.{os.getpid()}.{secrets.token_hex(4)}"
        try:
            probe.write_bytes(b"")
            return probe.stat().st_mtime - self.path.stat().st_mtime
        finally:
            probe.unlink(missing_ok=True)

    def _write(self, handle: int) -> None:
        """Say who we are, in one write."""
        content = json.dumps({**_whoami(), "token": self._token, "stale": self._stale})
        text = f"{content:<400}\n".encode()
        os.pwrite(handle, text, 0)
        os.ftruncate(handle, len(text))

    def _said(self) -> dict[str, Any]:
        """What the file says now; nothing where it cannot be read."""
        try:
            found = read_json(self.path, "lock")
        except FileProblem:
            return {}
        return found if isinstance(found, dict) else {}

    def _renew(self) -> None:
        """Until the end, show that we are alive."""
        handle = self._handle
        while handle is not None and not self._ended.wait(self._beat):
            with suppress(OSError):  # a full disk must not end the work; others see an old file
                if self._said().get("token", self._token) == self._token:
                    os.utime(handle)


def _whoami() -> dict[str, Any]:
    """This process, distinguishable from a later one of the same number."""
    return {"host": _host(), "pid": os.getpid(), "born": _born(os.getpid())}


def _host() -> str:
    """This machine since it was started."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        boot = ""
    return f"{socket.gethostname()} {boot}".strip()


def _born(pid: int) -> str:
    """When a process began, in the system's own unit; empty where it does not say."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[19]


def _alive(holder: Mapping[str, Any]) -> bool:
    """Whether the process that is written down still runs on this machine."""
    pid = holder.get("pid")
    if not isinstance(pid, int) or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return holder.get("born", "") in ("", _born(pid))


def _named(holder: Mapping[str, Any]) -> str:
    """The holder in a sentence."""
    host = str(holder.get("host", "")).partition(" ")[0]
    return f"{holder.get('pid', 'unknown')}{f' on {host}' if host else ''}"


def _parsed(handle: int) -> dict[str, Any]:
    """What an open file says: who holds it, a bare number in files of earlier versions."""
    with suppress(ValueError, OSError, RecursionError):
        found = json.loads(os.pread(handle, 4096, 0))
        if isinstance(found, dict):
            return found
        if isinstance(found, int):
            return {"pid": found}
    return {}


def _number(path: Path) -> int | None:
    """Which file has this name now."""
    with suppress(OSError):
        return path.lstat().st_ino
    return None
