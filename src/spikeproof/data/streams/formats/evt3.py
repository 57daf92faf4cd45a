"""Prophesee's raw EVT 3.0: words of 16 bits that say only what has changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from spikeproof.data.streams.formats.header import raw_header, raw_lines
from spikeproof.data.streams.formats.stream_format import (
    FORMATS,
    MOST_BYTES,
    ByteFormat,
    Columns,
    Damage,
    library,
)
from spikeproof.data.streams.recording import Recording

__all__ = ["Evt3"]

Array = np.ndarray[Any, Any]
_ROW, _COLUMN, _LOW, _HIGH = 0x0, 0x2, 0x6, 0x8
_KINDS = (0x0, 0x2, 0x3, 0x4, 0x5, 0x6, 0x7, 0x8, 0xA, 0xE, 0xF)
_KNOWN = bytes(upper for upper in range(256) if upper >> 4 in _KINDS)
_MOST_PER_WORD = {0x2: 1, 0x4: 12, 0x5: 8}  # one event, or a row of 12 or 8


@FORMATS.register("evt3")
@dataclass(frozen=True, kw_only=True)
class Evt3(ByteFormat):
    """Lines that begin with ``%``, then little-endian words whose upper four bits are their kind.

    A word sets the row (kind 0), the time's upper or lower 12 bits (8, 6), or a base column (3); it
    is an event (2), or a row of 12 or 8 (4, 5). Times run over every 2**24 us, which shows in the
    upper bits going back. Read by the library ``evt3``, after a look at every word: unknown kinds
    are refused, and so are more events than memory is meant for. Written event by event, with
    every step of the upper bits, as a camera does.

    Args:
        sensor: What the header says, unless it is given.
    """

    title: ClassVar[str] = "EVT3"
    suffixes: ClassVar[tuple[str, ...]] = (".raw",)
    last: ClassVar[int] = (1 << 36) - 1  # beyond, the steps of the clock alone fill the file
    reach: ClassVar[tuple[int, int, int]] = (2, 1 << 11, 1 << 11)

    def decode(self, content: bytes) -> Columns:
        """Return the events of a file."""
        begin, sensor = raw_header(content, "3")
        if (len(content) - begin) % 2:
            raise Damage("ends inside a word of 2 bytes")
        _check_words(content[begin + 1 :: 2])
        evt3 = library("evt3", "EVT3 files")
        _, height, width = self.sensor or sensor or (2, 1 << 11, 1 << 11)
        try:
            found = evt3.decode_bytes(content[begin:], width, height)
        except (ValueError, OSError, RuntimeError) as problem:
            raise Damage(f"is not read by the library evt3 ({str(problem)[:100]})") from None
        t = np.asarray(found.t).view(np.int64)  # 63 bits are enough: refused where they are not
        return Columns(t, np.asarray(found.x), np.asarray(found.y), np.asarray(found.p), sensor)

    def encode(self, recording: Recording) -> bytes:
        """Return the bytes of a file."""
        t, row = recording.t, recording.y.astype(np.int64)
        column = _COLUMN << 12 | recording.p.astype(np.int64) << 11 | recording.x
        upper = t >> 12
        events = np.arange(len(t))
        steps = np.arange(upper[-1] + 1) if len(t) else upper
        lows = np.flatnonzero(np.diff(t, prepend=-1) != 0)
        rows = np.flatnonzero(np.diff(row, prepend=-1) != 0)
        # Each word has the event it stands before, and its rank among the words before that.
        words = [
            (np.searchsorted(upper, steps), 0, _HIGH << 12 | steps & 0xFFF),
            (lows, 1, _LOW << 12 | t[lows] & 0xFFF),
            (rows, 2, _ROW << 12 | row[rows]),
            (events, 3, column),
        ]
        before = np.concatenate([np.asarray(at) * 4 + rank for at, rank, _ in words])
        every = np.concatenate([np.asarray(word) for _, _, word in words])
        ordered = every[np.argsort(before, kind="stable")]
        return raw_lines("3", recording.sensor) + ordered.astype("<u2").tobytes()


def _check_words(uppers: bytes) -> None:
    """Raise Damage where words are of unknown kinds, or may hold more events than are read.

    Args:
        uppers: The upper byte of each word, whose upper half is its kind.
    """
    strange = uppers.translate(None, _KNOWN)
    if strange:
        word = uppers.index(strange[:1])
        raise Damage(f"has a word of the unknown kind {strange[0] >> 4:#x} (word {word:,})")
    if len(uppers) * max(_MOST_PER_WORD.values()) * 13 > MOST_BYTES:  # else no need to count
        held = np.bincount(np.frombuffer(uppers, np.uint8), minlength=256).reshape(16, 16).sum(1)
        most = sum(int(held[kind]) * events for kind, events in _MOST_PER_WORD.items())
        if most * 13 > MOST_BYTES:
            raise Damage(f"may hold {most:,} events, more than are read")
