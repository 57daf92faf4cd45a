"""Plain data as YAML: a strict subset that every reader takes alike, and no reader of our own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from spikeproof.base import SettingError
from spikeproof.names import printable

__all__ = ["front_matter"]

_KEY = re.compile(r"[a-z][a-z0-9_-]*")
# What YAML 1.1 reads as a truth value or as nothing, where it stands as a key.
_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))


def front_matter(content: Mapping[str, Any]) -> str:
    """Return plain data as a YAML front matter, between two lines of three dashes.

    Texts stand in double quotes with JSON's escapes, signs that command a terminal spelt out;
    numbers are written so that YAML 1.1 and 1.2 read the same; nothing is an anchor, a tag, or
    folded. Entries without a value are left out. The package never reads YAML: what it wrote is
    compared with what it writes again.

    Args:
        content: Keys of small letters → texts, numbers, truth values, lists, tables.
    Raises:
        SettingError: a key or a value that this subset does not have.
    Example:
        >>> print(front_matter({"tags": ["a: b"], "value": 1e-05}))
        ---
        tags:
        - "a: b"
        value: 1.0e-05
        ---
    """
    return "\n".join(["---", *_table(content, 0), "---"])


def _table(content: Mapping[str, Any], deep: int) -> Iterator[str]:
    """The lines of a table."""
    for key, value in content.items():
        if not _KEY.fullmatch(key) or key in _WORDS:
            raise SettingError(f"{key!r} is no key of a front matter; use small letters.")
        if value is None or value in ([], {}):
            continue
        if isinstance(value, Mapping):
            yield f"{' ' * deep}{key}:"
            yield from _table(value, deep + 2)
        elif isinstance(value, list | tuple):
            yield f"{' ' * deep}{key}:"
            yield from _list(value, deep)
        else:
            yield f"{' ' * deep}{key}: {_scalar(value)}"


def _list(content: Any, deep: int) -> Iterator[str]:
    """The lines of a list, its dashes under the key."""
    for value in content:
        if isinstance(value, Mapping):
            lines = list(_table(value, deep + 2))
            yield f"{' ' * deep}- {lines[0].lstrip()}"
            yield from lines[1:]
        else:
            yield f"{' ' * deep}- {_scalar(value)}"


def _scalar(value: Any) -> str:
    """A text, a number or a truth value."""
    if isinstance(value, str):
        return json.dumps(printable(value, breaks=False), ensure_ascii=False)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        text = json.dumps(value, allow_nan=False)
        # YAML 1.1 reads 1e-05 as a text, for it has no point.
        return text if "." in text else text.replace("e", ".0e")
    raise SettingError(f"{type(value).__name__} is no value of a front matter.")
