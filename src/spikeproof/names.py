"""Names: the nearest to a mistyped one, and how any text is shown; free of torch, so that the
command line answers at once."""

from __future__ import annotations

import difflib
import math
import unicodedata
from collections.abc import Iterable

__all__ = ["LAYER_CHOICES", "SEEDS", "counted", "nearest", "printable", "radius_text", "suggestion"]

LAYER_CHOICES = ("norm", "pooling", "stem", "front_end")
"""What the record of a network says of its layers, as far as it says it, for cards of all kinds."""
SEEDS = (-(1 << 63), (1 << 63) - 1)
"""The smallest and the largest seed: whole numbers of 64 bits."""

_TOLD = 40  # names that a sentence lists


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
    more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD + 1 else ""
    listed = ", ".join(names[:_TOLD] if more else names)
    return f"Did you mean {close!r}?" if close else f"Known: {listed}{more}."


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number with what it counts, in the right number; ``many`` where no ``s`` makes it.

    Example:
        >>> counted(1, "seed"), counted(1200, "item"), counted(2, "class", "classes")
        ('1 seed', '1,200 items', '2 classes')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def printable(text: str, *, breaks: bool = True) -> str:
    r"""Return a text as a terminal may show it: what would command the terminal is spelt out.

    Control characters, marks that turn the direction of writing, and halves of characters become
    escapes such as ``\x1b``.

    Args:
        text: Whatever a file said.
        breaks: Whether new lines and tabs stay.
    Example:
        >>> printable("red \x1b[31m")
        'red \\x1b[31m'
    """
    kept = "\n\t" if breaks else ""
    return "".join(
        one if one in kept or unicodedata.category(one) not in _COMMANDS else _spelt(one)
        for one in text
    )


def radius_text(radius: float) -> str:
    """Return a radius as people write it: a k/255 as that, any other in at most six digits.

    Also of one that was read from six digits. What is short as a decimal stays one.

    Example:
        >>> radius_text(8 / 255), radius_text(0.0313725), radius_text(0.2), radius_text(12.0)
        ('8/255', '8/255', '0.2', '12')
    """
    short, steps = f"{radius:g}", round(radius * 255)
    long = len(short.replace(".", "").lstrip("0")) >= 6
    return f"{steps}/255" if long and math.isclose(steps / 255, radius, rel_tol=1e-5) else short


# Control, format, surrogate, line and paragraph separators.
_COMMANDS = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))


def _spelt(one: str) -> str:
    """A character as its escape."""
    number = ord(one)
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"
