"""JSON texts that are read with bounds on their depth, their numbers and their size."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from spikeproof.base.errors import FileProblem
from spikeproof.base.reading import read_bytes

__all__ = ["check_depth", "parse_json", "read_json"]

_LARGEST = 1 << 28  # bytes of a text
_DEEPEST = 64
_VALUES = 5_000_000
_DIGITS = 40  # of a whole number; ours end at 2^64
_NO_BRACKETS = bytes(set(range(256)) - set(b"[{]}"))
# Each string with its closing quote, which may be missing: so that a match never fails and the
# time stays linear.
_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)


class _Refused(ValueError):
    """A text that is JSON and more than we read."""


def parse_json(text: bytes) -> Any:
    """Return what a JSON text says.

    Args:
        text: UTF-8.
    Raises:
        ValueError: it is not JSON, or nested more than 64 deep, of more than five million values,
            with a number that is not finite or too long, or with half a character.
    Example:
        >>> parse_json(b'{"a": [1, 2.5]}')
        {'a': [1, 2.5]}
        >>> parse_json(b'[1e999]')
        Traceback (most recent call last):
        spikeproof.base.plain._Refused: it holds the number 1e999, which is not finite
    """
    bare = _STRINGS.sub(b'""', text)
    values = bare.count(b",") + bare.count(b"[") + bare.count(b"{")
    if values > _VALUES:
        raise _Refused(f"it holds {values:,} values; at most {_VALUES:,} are read")
    depth = _depth(bare)
    if depth > _DEEPEST:
        raise _Refused(f"it is nested {depth:,} deep; at most {_DEEPEST} are read")
    content = json.loads(
        text.decode("utf-8"), parse_int=_whole, parse_float=_float, parse_constant=_constant
    )
    if rb"\ud" in text or rb"\uD" in text:  # perhaps half of a pair, which no file can hold
        json.dumps(content, ensure_ascii=False).encode("utf-8")
    return content


def read_json(path: Path | str, what: str = "file", *, follow: bool = False) -> Any:
    """Return the content of a JSON file; raise one clear sentence where it is not whole.

    Args:
        path: The file.
        what: What to call it in an error.
        follow: Whether a link in its place is followed.
    Raises:
        FileProblem: absent, no regular file, no JSON, or beyond the bounds of ``parse_json``.
        UnreadableFile: it is there, and the system does not let us read it.
    """
    text = read_bytes(path, what, most=_LARGEST, follow=follow)
    mend = "delete it and run again to rebuild it"
    try:
        return parse_json(text)
    except json.JSONDecodeError as problem:
        raise FileProblem(
            f"The {what} {path} is not whole JSON (line {problem.lineno}: {problem.msg}); {mend}."
        ) from None
    except UnicodeError:
        raise FileProblem(f"Cannot read the {what} {path}: it is not UTF-8 text; {mend}.") from None
    except (ValueError, RecursionError) as problem:
        raise FileProblem(f"Cannot read the {what} {path}: {problem}; {mend}.") from None


def check_depth(value: Any) -> None:
    """Raise ValueError where plain data are nested too deep, or a number in them is too long.

    For readers that bring no bounds of their own, as that of TOML.
    """
    level = [value]
    for _ in range(_DEEPEST):
        inner: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                inner += one.values()
            elif isinstance(one, list | tuple):
                inner += one
            elif isinstance(one, int) and abs(one) >= 10**_DIGITS:
                raise _Refused(f"it holds a whole number of more than {_DIGITS} digits")
        if not inner:
            return
        level = inner
    raise _Refused(f"it is nested too deep; at most {_DEEPEST} are read")


def _depth(bare: bytes) -> int:
    """How deep brackets are nested in a text without strings."""
    marks = np.frombuffer(bare.translate(None, _NO_BRACKETS), dtype=np.uint8)
    steps = np.where(np.isin(marks, np.frombuffer(b"[{", dtype=np.uint8)), 1, -1)
    return int(np.cumsum(steps, dtype=np.int32).max(initial=0))


def _whole(text: str) -> int:
    """A whole number of a length that we may have written."""
    if len(text) > _DIGITS:
        raise _Refused(f"it holds a whole number of {len(text):,} digits")
    return int(text)


def _float(text: str) -> float:
    """A number that is finite."""
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise _Refused(f"it holds the number {text[:_DIGITS]}, which is not finite")
    return value


def _constant(text: str) -> NoReturn:
    """NaN and Infinity, which JSON does not have."""
    raise _Refused(f"it holds {text}, which is no number of JSON")
