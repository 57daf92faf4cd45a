"""What is nearest to a mistyped name; free of torch, so that the command line answers at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["nearest", "suggestion"]


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name most like ``name``, or None where nothing comes close.

    Example:
        >>> nearest("quik", ["quick", "core"]), nearest("sr", ["plain", "SR"])
        ('quick', 'SR')
    """
    # Of names that differ by case alone the first one stands.
    by_lower = {one.lower(): one for one in reversed(list(known))}
    close = difflib.get_close_matches(name.lower(), list(by_lower), n=1, cutoff=0.5)
    return by_lower[close[0]] if close else None


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return ``Did you mean 'x'?`` or the list of what exists, ready to end a sentence.

    Example:
        >>> suggestion("l3", ["linf", "l2"])
        "Did you mean 'l2'?"
        >>> suggestion("box", ["linf", "l2"])
        'Known: l2, linf.'
    """
    names = sorted(known)
    close = nearest(name, names)
    return f"Did you mean {close!r}?" if close else f"Known: {', '.join(names)}."
