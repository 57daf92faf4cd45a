"""Which part of a data set some files hold: the hashes that are pinned, and what differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spikeproof.data.facts import Facts

__all__ = ["Intact", "differs_from", "part_named", "same_items"]

_WHOLE = "the whole set"
_DEALT = ("y", "train", "validation", "test")


@dataclass(frozen=True)
class Intact:
    """Arrays of a data set that have a pinned hash.

    Args:
        part: ``"the whole set"``, or in words the part of it that they are.
        sha256: Hash over all of them.
    """

    part: str
    sha256: str

    @property
    def whole(self) -> bool:
        """Whether they are the whole set."""
        return self.part == _WHOLE


def part_named(facts: Facts, sha256: str) -> str | None:
    """Return what has a pinned hash: ``"the whole set"``, a part in words, or None.

    Args:
        facts: Of the set.
        sha256: Hash over all arrays.
    Example:
        >>> from spikeproof.data.sets import DATASETS
        >>> digits = DATASETS["digits"].facts
        >>> part_named(digits, digits.pinned["all"]), part_named(digits, "0" * 64)
        ('the whole set', None)
    """
    return next((name for name, one in _pinned(facts).items() if one["all"] == sha256), None)


def same_items(facts: Facts, hashes: Mapping[str, Any]) -> str | None:
    """Return what is pinned with these labels and splits, whatever its inputs; None for nothing.

    Args:
        facts: Of the set.
        hashes: As ``fingerprint`` returns them.
    """
    found = hashes["arrays"]
    return next(
        (
            name
            for name, one in _pinned(facts).items()
            if all(one[array] == found.get(array) for array in _DEALT)
        ),
        None,
    )


def differs_from(name: str, facts: Facts, hashes: Mapping[str, Any]) -> str:
    """Return the sentence for arrays that are not pinned: what they are nearest to, what differs.

    Args:
        name: Of the set.
        facts: Of the set.
        hashes: As ``fingerprint`` returns them.
    """
    every, which = _pinned(facts), same_items(facts, hashes)
    if which is None and _WHOLE in every:
        which = _WHOLE
    here = f"{name}: the arrays made here have sha256 {hashes['sha256']}"
    if which is None:
        parts = "; ".join(every) or "nothing"
        return (
            f"{here}, which is no pinned hash; pinned is {parts}. Other files are there than "
            "these, more or fewer: numbers on them compare with no published ones."
        )
    pinned = every[which]
    differing = [part for part, value in hashes["arrays"].items() if pinned.get(part) != value]
    what = "" if which == _WHOLE else f" for {which}"
    return (
        f"{here}, pinned{what} is {pinned['all']}; differing: {', '.join(differing) or 'none'}. "
        "Numbers from here do not compare bit for bit with published ones; a scikit-learn, torch "
        "or processor that rounds otherwise is the usual cause."
    )


def _pinned(facts: Facts) -> dict[str, Mapping[str, str]]:
    """Everything that is pinned, the whole set first."""
    whole = {_WHOLE: facts.pinned} if facts.pinned else {}
    return {**whole, **facts.pinned_parts}
