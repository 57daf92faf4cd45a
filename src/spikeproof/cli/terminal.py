"""Standard output and error as pipes, old terminals and nobody at all may leave them."""

from __future__ import annotations

import io
import os
import sys
from typing import Any, TextIO

__all__ = ["open_streams", "written_out"]


def open_streams() -> None:
    """Make standard output and error take any text, wherever they lead.

    Signs that a terminal's encoding lacks are replaced. What nobody reads any more, because
    ``head`` has seen enough or the stream is closed, is dropped without a word, and the command
    goes on to its end.
    """
    # Closed streams are None; their numbers may since be those of other files.
    sys.stdout = _patient(sys.stdout) if sys.stdout else _nowhere()
    sys.stderr = _patient(sys.stderr) if sys.stderr else _nowhere()


def written_out() -> OSError | None:
    """Write out what standard output still holds; what went wrong with that, as a full disk."""
    try:
        sys.stdout.flush()
    except OSError as problem:
        sys.stdout = _nowhere()  # Python flushes once more at its end
        return problem
    return None


class _Patient(io.RawIOBase):
    """A file descriptor that nobody needs to read.

    Args:
        number: The descriptor.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._gone = False

    def writable(self) -> bool:
        """It is there to be written to."""
        return True

    def fileno(self) -> int:
        """The descriptor."""
        return self._number

    def isatty(self) -> bool:
        """Whether a person watches."""
        return os.isatty(self._number)

    def write(self, content: Any) -> int:
        """Write bytes; after the reader has gone, do as if."""
        if not self._gone:
            try:
                return os.write(self._number, content)
            except BrokenPipeError:
                self._gone = True
        return len(content)


def _patient(stream: TextIO) -> TextIO:
    """The same stream, written to with patience; one of a test or a notebook stays as it is."""
    try:
        number = stream.fileno()
    except (OSError, ValueError):
        return stream
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_Patient(number)),
        encoding=stream.encoding,
        errors="replace",
        line_buffering=os.isatty(number) or stream is sys.stderr,
        write_through=stream is sys.stderr,
    )


def _nowhere() -> TextIO:
    """A stream that keeps nothing."""
    return open(os.devnull, "w", encoding="utf-8")
