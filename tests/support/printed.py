"""What a page shows beside what was printed: the same words, and shares that are near."""

from __future__ import annotations

import re

NUMBER = re.compile(r"\d+(?:\.\d+)*")
SHARE, NEAR = re.compile(r"\d+\.\d"), 12.0


def words(text: str) -> list[str]:
    """A text without its numbers and its line breaks."""
    return NUMBER.sub("#", text).split()


def compare(shown: str, printed: str, near: float = NEAR) -> None:
    """The words are those on the page; shares are near."""
    assert words(shown) == words(printed), (
        f"The page shows\n{shown}\nand this was printed\n{printed}"
    )
    for one, other in zip(NUMBER.findall(shown), NUMBER.findall(printed), strict=True):
        if SHARE.fullmatch(one) and SHARE.fullmatch(other):
            assert abs(float(one) - float(other)) <= near, (one, other, printed)
