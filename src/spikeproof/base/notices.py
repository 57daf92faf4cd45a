"""Notices to the person at the terminal about spellings that have changed."""

from __future__ import annotations

import sys

__all__ = ["old_spelling", "say_once"]

_told: set[tuple[str, str]] = set()


def old_spelling(old: str, new: str, where: str) -> None:
    """Say on standard error, once per process, that an old spelling was read as the new one.

    Not a warning: nothing is wrong with what is computed, and the old spelling is read for one
    release more. A folder of stored cells holds it a thousand times, so only the first place is
    named.

    Args:
        old: What stood there.
        new: What it is called now.
        where: The option, file or table.
    """
    if (old, new) not in _told:
        _told.add((old, new))
        print(
            f"{where}: {old} is now written {new}; the old spelling is still read.", file=sys.stderr
        )


def say_once(kind: str, sentence: str) -> None:
    """Say a sentence on standard error, and none of its kind again in this process.

    Args:
        kind: What the sentence is about, whichever file it names.
        sentence: What to say.
    """
    if (kind, "") not in _told:
        _told.add((kind, ""))
        print(sentence, file=sys.stderr)
